// Normalisation of the columns of a matrix by given means and variances, and its gradient. A matrix of one
// row has moments of its own for every element.

/** Rows of a block, whose columns are worked on one group after the other: they stay in a cache. */
const BLOCK: i32 = 128;

/** y ← (x − mean)·scale/√(variance + ε) + offset, column by column; scale and offset may be 0 for none. */
export function normalise(
  rows: i32, columns: i32, epsilon: f32,
  X: usize, mean: usize, variance: usize, scale: usize, offset: usize, Y: usize,
): void {
  const row = <usize>columns << 2;
  for (let i0 = 0; i0 < rows; i0 += BLOCK) {
    const count = min(BLOCK, rows - i0);
    const first = <usize>i0 * row;
    let j: usize = 0;
    for (; j + 16 <= row; j += 16) {
      const middle = v128.load(mean + j);
      let factor = inverse(v128.load(variance + j), epsilon);
      if (scale != 0) factor = f32x4.mul(factor, v128.load(scale + j));
      const shift = offset != 0 ? v128.load(offset + j) : f32x4.splat(0);
      let x = X + first + j;
      let y = Y + first + j;
      for (let i = 0; i < count; i++) {
        v128.store(y, f32x4.add(f32x4.mul(f32x4.sub(v128.load(x), middle), factor), shift));
        x += row;
        y += row;
      }
    }
    for (; j < row; j += 4) {
      const middle = load<f32>(mean + j);
      let factor: f32 = 1 / Mathf.sqrt(load<f32>(variance + j) + epsilon);
      if (scale != 0) factor *= load<f32>(scale + j);
      const shift = offset != 0 ? load<f32>(offset + j) : 0;
      let x = X + first + j;
      let y = Y + first + j;
      for (let i = 0; i < count; i++) {
        store<f32>(y, (load<f32>(x) - middle) * factor + shift);
        x += row;
        y += row;
      }
    }
  }
}

@inline function inverse(variance: v128, epsilon: f32): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon))));
}

/**
 * The gradients of {@link normalise} for that of its result, with the inverse deviation r = 1/√(variance + ε):
 * dX = dY·r·scale, dOffset = Σ dY, dScale = r·Σ dY(X − mean), dMean = −r·scale·Σ dY,
 * dVariance = −½r³·scale·Σ dY(X − mean).
 */
export function normaliseGradient(
  rows: i32, columns: i32, epsilon: f32,
  X: usize, dY: usize, mean: usize, variance: usize, scale: usize,
  dX: usize, dMean: usize, dVariance: usize, dScale: usize, dOffset: usize,
): void {
  const row = <usize>columns << 2;
  // The sums first: those of dY in dOffset, those of dY(X − mean) in dScale.
  for (let i0 = 0; i0 < rows; i0 += BLOCK) {
    const count = min(BLOCK, rows - i0);
    const first = <usize>i0 * row;
    const adds = i0 > 0;
    let j: usize = 0;
    for (; j + 16 <= row; j += 16) {
      const middle = v128.load(mean + j);
      const factor = f32x4.mul(inverse(v128.load(variance + j), epsilon), v128.load(scale + j));
      let sum = f32x4.splat(0);
      let product = f32x4.splat(0);
      let at = first + j;
      for (let i = 0; i < count; i++) {
        const dy = v128.load(dY + at);
        sum = f32x4.add(sum, dy);
        product = f32x4.add(product, f32x4.mul(dy, f32x4.sub(v128.load(X + at), middle)));
        v128.store(dX + at, f32x4.mul(dy, factor));
        at += row;
      }
      if (adds) {
        sum = f32x4.add(sum, v128.load(dOffset + j));
        product = f32x4.add(product, v128.load(dScale + j));
      }
      v128.store(dOffset + j, sum);
      v128.store(dScale + j, product);
    }
    for (; j < row; j += 4) {
      const middle = load<f32>(mean + j);
      const factor: f32 = load<f32>(scale + j) / Mathf.sqrt(load<f32>(variance + j) + epsilon);
      let sum: f32 = adds ? load<f32>(dOffset + j) : 0;
      let product: f32 = adds ? load<f32>(dScale + j) : 0;
      let at = first + j;
      for (let i = 0; i < count; i++) {
        const dy = load<f32>(dY + at);
        sum += dy;
        product += dy * (load<f32>(X + at) - middle);
        store<f32>(dX + at, dy * factor);
        at += row;
      }
      store<f32>(dOffset + j, sum);
      store<f32>(dScale + j, product);
    }
  }
  finishGradient(columns, epsilon, variance, scale, dMean, dVariance, dScale, dOffset);
}

/** From the sums to the gradients of what there is one of for each column. */
function finishGradient(
  columns: i32, epsilon: f32, variance: usize, scale: usize,
  dMean: usize, dVariance: usize, dScale: usize, dOffset: usize,
): void {
  const row = <usize>columns << 2;
  let j: usize = 0;
  for (; j + 16 <= row; j += 16) {
    const r = inverse(v128.load(variance + j), epsilon);
    const factor = f32x4.mul(r, v128.load(scale + j));
    const product = f32x4.mul(r, v128.load(dScale + j));
    v128.store(dScale + j, product);
    v128.store(dMean + j, f32x4.neg(f32x4.mul(factor, v128.load(dOffset + j))));
    const half = f32x4.mul(f32x4.splat(-0.5), f32x4.mul(factor, r));
    v128.store(dVariance + j, f32x4.mul(half, product));
  }
  for (; j < row; j += 4) {
    const r: f32 = 1 / Mathf.sqrt(load<f32>(variance + j) + epsilon);
    const factor: f32 = r * load<f32>(scale + j);
    const product: f32 = r * load<f32>(dScale + j);
    store<f32>(dScale + j, product);
    store<f32>(dMean + j, -factor * load<f32>(dOffset + j));
    store<f32>(dVariance + j, -0.5 * factor * r * product);
  }
}
