// Uniform numbers that are the same everywhere; apart from matrices, since it imports nothing.

/** A stream of uniform numbers in [0, 1) that depends on `seed` alone (a Weyl sequence, hashed). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  };
}
