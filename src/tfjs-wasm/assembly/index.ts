// What the kernels for TensorFlow.js call. All operands are float32 and lie in TensorFlow.js's memory.

import { product, productWorkspace } from '../../kernels/assembly/product';

export { convolve, convolveWorkspace } from './convolution';
export { copyStrided } from './copies';
export { depthwiseFilterGradient, depthwiseInputGradient, depthwiseWorkspace } from './depthwise';
export { filterGradient, filterGradientWorkspace } from './filter-gradient';
export { inputGradient, inputGradientWorkspace } from './input-gradient';
export { normalise, normaliseGradient } from './normalisation';
export { averagePoolGradient, maxPoolGradient } from './pooling';
export { segmentSum } from './segments';
export { softmaxGradient } from './softmax';
export { sumAxes } from './sums';

/** Bytes of workspace of {@link multiply}. */
export function multiplyWorkspace(): usize {
  return productWorkspace<f32>();
}

/** C ← A·B, with the strides of both operands in elements. */
export function multiply(
  m: i32, n: i32, k: i32, A: usize, rsA: i32, csA: i32, B: usize, rsB: i32, csB: i32,
  C: usize, work: usize,
): void {
  product<f32>(m, n, k, 1, A, rsA, csA, B, rsB, csB, 0, C, n, n, work);
}

/**
 * C ← activation(C + bias), row by row of n: 0 is none, 1 relu, 2 relu6, 3 leaky relu with slope alpha; the
 * bias may be 0 for none.
 */
export function finish(m: i32, n: i32, C: usize, bias: usize, activation: i32, alpha: f32): void {
  const zero = f32x4.splat(0);
  const six = f32x4.splat(6);
  const slope = f32x4.splat(alpha);
  for (let i = 0; i < m; i++) {
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      let v = v128.load(C);
      if (bias != 0) v = f32x4.add(v, v128.load(bias + (<usize>j << 2)));
      if (activation == 1) v = f32x4.max(v, zero);
      else if (activation == 2) v = f32x4.min(f32x4.max(v, zero), six);
      else if (activation == 3) v = v128.bitselect(f32x4.mul(v, slope), v, f32x4.lt(v, zero));
      v128.store(C, v);
      C += 16;
    }
    for (; j < n; j++) {
      let x = load<f32>(C);
      if (bias != 0) x += load<f32>(bias + (<usize>j << 2));
      if (activation == 1) x = max<f32>(x, 0);
      else if (activation == 2) x = min<f32>(max<f32>(x, 0), 6);
      else if (activation == 3 && x < 0) x *= alpha;
      store<f32>(C, x);
      C += 4;
    }
  }
}
