// Plane rotations of neighbouring rows, many at a time, on strips of columns that stay in cache.

import { address } from './product';

/** Vectors of a strip: so many independent chains hide the latency of one. */
const VECTORS: i32 = 8;

/** Columns of a strip. */
@inline export function stripColumns<T>(): i32 {
  return VECTORS * (16 / sizeof<T>());
}

/**
 * Applies `count` rotations to Z (n×m): rotation k takes rows i = rows[k] and i + 1 to c·zᵢ − s·zᵢ₊₁
 * and s·zᵢ + c·zᵢ₊₁. `strip` takes n·stripColumns elements.
 */
export function rotate<T>(
  n: i32,
  m: i32,
  Z: usize,
  count: i32,
  rows: usize,
  cosines: usize,
  sines: usize,
  strip: usize,
): void {
  const size = sizeof<T>();
  const columns = stripColumns<T>();
  for (let start = 0; start < m; start += columns) {
    const width = <usize>min(columns, m - start) * size;
    for (let i = 0; i < n; i++) {
      memory.copy(strip + address<T>(i, columns, 0, 0), Z + address<T>(i, m, start, 1), width);
    }
    rotateStrip<T>(count, rows, cosines, sines, strip);
    for (let i = 0; i < n; i++) {
      memory.copy(Z + address<T>(i, m, start, 1), strip + address<T>(i, columns, 0, 0), width);
    }
  }
}

/**
 * A chain of rotations goes up the rows: what one leaves of its upper row is the lower row of the
 * next, and stays in registers.
 */
function rotateStrip<T>(count: i32, rows: usize, cosines: usize, sines: usize, strip: usize): void {
  const size = sizeof<T>();
  const bytes: usize = <usize>VECTORS * 16;
  let k = 0;
  while (k < count) {
    let row = load<i32>(rows + <usize>k * 4);
    let lower = strip + <usize>(row + 1) * bytes;
    let w0 = v128.load(lower);
    let w1 = v128.load(lower, 16);
    let w2 = v128.load(lower, 32);
    let w3 = v128.load(lower, 48);
    let w4 = v128.load(lower, 64);
    let w5 = v128.load(lower, 80);
    let w6 = v128.load(lower, 96);
    let w7 = v128.load(lower, 112);
    do {
      const c = v128.load_splat<T>(cosines + <usize>k * size);
      const s = v128.load_splat<T>(sines + <usize>k * size);
      const upper = lower - bytes;
      let y = v128.load(upper);
      v128.store(lower, v128.add<T>(v128.mul<T>(s, y), v128.mul<T>(c, w0)));
      w0 = v128.sub<T>(v128.mul<T>(c, y), v128.mul<T>(s, w0));
      y = v128.load(upper, 16);
      v128.store(lower, v128.add<T>(v128.mul<T>(s, y), v128.mul<T>(c, w1)), 16);
      w1 = v128.sub<T>(v128.mul<T>(c, y), v128.mul<T>(s, w1));
      y = v128.load(upper, 32);
      v128.store(lower, v128.add<T>(v128.mul<T>(s, y), v128.mul<T>(c, w2)), 32);
      w2 = v128.sub<T>(v128.mul<T>(c, y), v128.mul<T>(s, w2));
      y = v128.load(upper, 48);
      v128.store(lower, v128.add<T>(v128.mul<T>(s, y), v128.mul<T>(c, w3)), 48);
      w3 = v128.sub<T>(v128.mul<T>(c, y), v128.mul<T>(s, w3));
      y = v128.load(upper, 64);
      v128.store(lower, v128.add<T>(v128.mul<T>(s, y), v128.mul<T>(c, w4)), 64);
      w4 = v128.sub<T>(v128.mul<T>(c, y), v128.mul<T>(s, w4));
      y = v128.load(upper, 80);
      v128.store(lower, v128.add<T>(v128.mul<T>(s, y), v128.mul<T>(c, w5)), 80);
      w5 = v128.sub<T>(v128.mul<T>(c, y), v128.mul<T>(s, w5));
      y = v128.load(upper, 96);
      v128.store(lower, v128.add<T>(v128.mul<T>(s, y), v128.mul<T>(c, w6)), 96);
      w6 = v128.sub<T>(v128.mul<T>(c, y), v128.mul<T>(s, w6));
      y = v128.load(upper, 112);
      v128.store(lower, v128.add<T>(v128.mul<T>(s, y), v128.mul<T>(c, w7)), 112);
      w7 = v128.sub<T>(v128.mul<T>(c, y), v128.mul<T>(s, w7));
      lower = upper;
      row--;
      k++;
    } while (k < count && load<i32>(rows + <usize>k * 4) == row);
    v128.store(lower, w0);
    v128.store(lower, w1, 16);
    v128.store(lower, w2, 32);
    v128.store(lower, w3, 48);
    v128.store(lower, w4, 64);
    v128.store(lower, w5, 80);
    v128.store(lower, w6, 96);
    v128.store(lower, w7, 112);
  }
}
