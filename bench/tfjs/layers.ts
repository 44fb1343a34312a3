// How networks are put together.

import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs';

/** What `make` makes of a seed of its own at every call. */
export function seeds<T>(seed: number, make: (own: number) => T): () => T {
  let layer = 0;
  return () => make(1000 * seed + layer++);
}

/** The one symbolic tensor that a layer answers with. */
export function applied(
  layer: {
    apply(
      x: SymbolicTensor | SymbolicTensor[],
    ): Tensor | Tensor[] | SymbolicTensor | SymbolicTensor[];
  },
  x: SymbolicTensor | SymbolicTensor[],
): SymbolicTensor {
  const output = layer.apply(x);
  if (Array.isArray(output) || !('sourceLayer' in output)) {
    throw new TypeError('tfjs: a layer gives several outputs, expected one that is symbolic');
  }
  return output;
}
