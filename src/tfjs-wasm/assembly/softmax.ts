// The gradient of softmax.

/** dX ← Y∘(dY − Σ Y∘dY), the sum over each row, for the gradient dY of the softmax Y of X. */
export function softmaxGradient(rows: i32, columns: i32, Y: usize, dY: usize, dX: usize): void {
  const row = <usize>columns << 2;
  const whole = row & ~<usize>15;
  for (let i = 0; i < rows; i++) {
    let sums = f32x4.splat(0);
    let j: usize = 0;
    for (; j < whole; j += 16) {
      sums = f32x4.add(sums, f32x4.mul(v128.load(Y + j), v128.load(dY + j)));
    }
    let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1);
    sum += f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3);
    for (; j < row; j += 4) sum += load<f32>(Y + j) * load<f32>(dY + j);
    const shift = f32x4.splat(sum);
    for (j = 0; j < whole; j += 16) {
      v128.store(dX + j, f32x4.mul(v128.load(Y + j), f32x4.sub(v128.load(dY + j), shift)));
    }
    for (; j < row; j += 4) store<f32>(dX + j, load<f32>(Y + j) * (load<f32>(dY + j) - sum));
    Y += row;
    dY += row;
    dX += row;
  }
}
