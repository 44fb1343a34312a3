// Sums of rows of float32, element by element: what poolings, depthwise convolutions and segments are made of.

/** to ← to + scale·from. */
export function addScaled(n: i32, scale: f32, from: usize, to: usize): void {
  const factor = f32x4.splat(scale);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(factor, v128.load(from))));
    from += 16;
    to += 16;
  }
  for (; i < n; i++) {
    store<f32>(to, load<f32>(to) + scale * load<f32>(from));
    from += 4;
    to += 4;
  }
}

/** to ← to + a∘b. */
export function addProducts(n: i32, a: usize, b: usize, to: usize): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(a), v128.load(b))));
    a += 16;
    b += 16;
    to += 16;
  }
  for (; i < n; i++) {
    store<f32>(to, load<f32>(to) + load<f32>(a) * load<f32>(b));
    a += 4;
    b += 4;
    to += 4;
  }
}
