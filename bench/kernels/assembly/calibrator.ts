// What the vector units reach: twelve independent chains of multiply-adds that stay in registers.

import { multiplyAdd } from '../../../src/kernels/assembly/vectors';

/** n rounds of twelve chains. Factors are arguments: constants would be loaded anew for every use. */
@inline function chains<T>(n: i32, factor: T, term: T): T {
  const a = v128.splat<T>(factor);
  const b = v128.splat<T>(term);
  let c0 = b;
  let c1 = b;
  let c2 = b;
  let c3 = b;
  let c4 = b;
  let c5 = b;
  let c6 = b;
  let c7 = b;
  let c8 = b;
  let c9 = b;
  let c10 = b;
  let c11 = b;
  for (let i = 0; i < n; i++) {
    c0 = multiplyAdd<T>(c0, a, b);
    c1 = multiplyAdd<T>(c1, a, b);
    c2 = multiplyAdd<T>(c2, a, b);
    c3 = multiplyAdd<T>(c3, a, b);
    c4 = multiplyAdd<T>(c4, a, b);
    c5 = multiplyAdd<T>(c5, a, b);
    c6 = multiplyAdd<T>(c6, a, b);
    c7 = multiplyAdd<T>(c7, a, b);
    c8 = multiplyAdd<T>(c8, a, b);
    c9 = multiplyAdd<T>(c9, a, b);
    c10 = multiplyAdd<T>(c10, a, b);
    c11 = multiplyAdd<T>(c11, a, b);
  }
  const s0 = v128.add<T>(v128.add<T>(c0, c1), v128.add<T>(c2, c3));
  const s1 = v128.add<T>(v128.add<T>(c4, c5), v128.add<T>(c6, c7));
  const s2 = v128.add<T>(v128.add<T>(c8, c9), v128.add<T>(c10, c11));
  return v128.extract_lane<T>(v128.add<T>(s0, v128.add<T>(s1, s2)), 0);
}

export function chains32(n: i32, factor: f32, term: f32): f32 {
  return chains<f32>(n, factor, term);
}

export function chains64(n: i32, factor: f64, term: f64): f64 {
  return chains<f64>(n, factor, term);
}
