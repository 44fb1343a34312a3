// 128-bit vectors of either element type.

/** Elements of one vector. */
@inline export function lanes<T>(): i32 {
  return 16 / sizeof<T>();
}

/** a·b + c: one instruction and one rounding in the relaxed variant, two of each in the strict one. */
@inline export function multiplyAdd<T>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<T>(a, b, c);
  return v128.add<T>(v128.mul<T>(a, b), c);
}

/** c − a·b, as {@link multiplyAdd}. */
@inline export function multiplySubtract<T>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_nmadd<T>(a, b, c);
  return v128.sub<T>(c, v128.mul<T>(a, b));
}

/** The sum of the lanes, in a fixed order. */
@inline export function sumLanes<T>(v: v128): T {
  if (sizeof<T>() == 8) {
    return <T>(v128.extract_lane<T>(v, 0) + v128.extract_lane<T>(v, 1));
  }
  return <T>(
    (v128.extract_lane<T>(v, 0) +
    v128.extract_lane<T>(v, 1)) +
    (v128.extract_lane<T>(v, 2) + v128.extract_lane<T>(v, 3))
  );
}

/** Σ xᵢyᵢ over n contiguous elements. */
export function dot<T>(n: i32, x: usize, y: usize): T {
  let s0 = v128.splat<T>(<T>0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  const step = lanes<T>();
  let i = 0;
  for (; i + 4 * step <= n; i += 4 * step) {
    s0 = multiplyAdd<T>(v128.load(x), v128.load(y), s0);
    s1 = multiplyAdd<T>(v128.load(x, 16), v128.load(y, 16), s1);
    s2 = multiplyAdd<T>(v128.load(x, 32), v128.load(y, 32), s2);
    s3 = multiplyAdd<T>(v128.load(x, 48), v128.load(y, 48), s3);
    x += 64;
    y += 64;
  }
  for (; i + step <= n; i += step) {
    s0 = multiplyAdd<T>(v128.load(x), v128.load(y), s0);
    x += 16;
    y += 16;
  }
  let sum = sumLanes<T>(v128.add<T>(v128.add<T>(s0, s1), v128.add<T>(s2, s3)));
  for (; i < n; i++) {
    sum = <T>(sum + load<T>(x) * load<T>(y));
    x += sizeof<T>();
    y += sizeof<T>();
  }
  return sum;
}

/** y ← y + αx over n contiguous elements. */
export function addScaled<T>(n: i32, alpha: T, x: usize, y: usize): void {
  const a = v128.splat<T>(alpha);
  const step = lanes<T>();
  let i = 0;
  for (; i + 2 * step <= n; i += 2 * step) {
    v128.store(y, multiplyAdd<T>(a, v128.load(x), v128.load(y)));
    v128.store(y, multiplyAdd<T>(a, v128.load(x, 16), v128.load(y, 16)), 16);
    x += 32;
    y += 32;
  }
  for (; i < n; i++) {
    store<T>(y, <T>(load<T>(y) + alpha * load<T>(x)));
    x += sizeof<T>();
    y += sizeof<T>();
  }
}

/** x ← αx over n contiguous elements. */
export function scaleBy<T>(n: i32, alpha: T, x: usize): void {
  const a = v128.splat<T>(alpha);
  const step = lanes<T>();
  let i = 0;
  for (; i + step <= n; i += step) {
    v128.store(x, v128.mul<T>(a, v128.load(x)));
    x += 16;
  }
  for (; i < n; i++) {
    store<T>(x, <T>(alpha * load<T>(x)));
    x += sizeof<T>();
  }
}

/** Whether n contiguous elements of float32 are all finite. */
export function allFinite(n: i32, x: usize): bool {
  // x − x is 0 for finite numbers, and NaN for all others; NaN outlives every sum.
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    s0 = f32x4.add(s0, f32x4.sub(x0, x0));
    s1 = f32x4.add(s1, f32x4.sub(x1, x1));
    x += 32;
  }
  let sum = sumLanes<f32>(f32x4.add(s0, s1));
  for (; i < n; i++) {
    const element = load<f32>(x);
    sum += element - element;
    x += 4;
  }
  return sum == 0;
}
