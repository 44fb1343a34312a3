// Sums over some axes of a tensor of float32. Sums of blocks are added up, so errors grow with the number
// of blocks.

/** Rows of a block: so many are added in registers. */
const BLOCK: i32 = 256;

/** y[b, d] ← Σ x[a, b, c, d] / divisor, over all a and c, for sizes of the same names. */
export function sumAxes(
  a: i32, b: i32, c: i32, d: i32, divisor: f32, X: usize, Y: usize,
): void {
  for (let j = 0; j < b; j++) {
    const to = Y + (<usize>(j * d) << 2);
    for (let i = 0; i < a; i++) {
      const from = X + (<usize>((i * b + j) * c) * <usize>d << 2);
      if (d == 1) {
        const sum = sumOf(c, from);
        store<f32>(to, i == 0 ? sum : load<f32>(to) + sum);
      } else {
        sumColumns(c, d, from, to, i > 0);
      }
    }
  }
  if (divisor == 1) return;
  for (let j = 0; j < b * d; j++) {
    store<f32>(Y, load<f32>(Y) / divisor);
    Y += 4;
  }
}

@inline function across(v: v128): f32 {
  const halves = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(halves, 0) + f32x4.extract_lane(halves, 1);
}

function sumOf(n: i32, x: usize): f32 {
  let total: f32 = 0;
  for (let p = 0; p < n; p += BLOCK * 16) total += sumOfBlock(min(BLOCK * 16, n - p), x + (<usize>p << 2));
  return total;
}

function sumOfBlock(n: i32, x: usize): f32 {
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  let p = 0;
  for (; p + 16 <= n; p += 16) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
    c = f32x4.add(c, v128.load(x, 32));
    d = f32x4.add(d, v128.load(x, 48));
    x += 64;
  }
  let sum = across(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; p < n; p++) {
    sum += load<f32>(x);
    x += 4;
  }
  return sum;
}

/** y ← or += the sums of the columns of x. */
function sumColumns(rows: i32, columns: i32, x: usize, y: usize, adds: bool): void {
  for (let i = 0; i < rows; i += BLOCK) {
    const from = x + (<usize>(i * columns) << 2);
    sumBlock(min(BLOCK, rows - i), columns, from, y, adds || i > 0);
  }
}

@inline function put(y: usize, sum: v128, adds: bool): void {
  v128.store(y, adds ? f32x4.add(v128.load(y), sum) : sum);
}

function sumBlock(rows: i32, columns: i32, x: usize, y: usize, adds: bool): void {
  const row = <usize>columns << 2;
  let j = 0;
  for (; j + 16 <= columns; j += 16) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    let from = x + (<usize>j << 2);
    for (let i = 0; i < rows; i++) {
      a = f32x4.add(a, v128.load(from));
      b = f32x4.add(b, v128.load(from, 16));
      c = f32x4.add(c, v128.load(from, 32));
      d = f32x4.add(d, v128.load(from, 48));
      from += row;
    }
    const to = y + (<usize>j << 2);
    put(to, a, adds);
    put(to + 16, b, adds);
    put(to + 32, c, adds);
    put(to + 48, d, adds);
  }
  for (; j + 4 <= columns; j += 4) {
    let sum = f32x4.splat(0);
    let from = x + (<usize>j << 2);
    for (let i = 0; i < rows; i++) {
      sum = f32x4.add(sum, v128.load(from));
      from += row;
    }
    put(y + (<usize>j << 2), sum, adds);
  }
  for (; j < columns; j++) {
    let sum: f32 = 0;
    let from = x + (<usize>j << 2);
    for (let i = 0; i < rows; i++) {
      sum += load<f32>(from);
      from += row;
    }
    const to = y + (<usize>j << 2);
    store<f32>(to, adds ? load<f32>(to) + sum : sum);
  }
}
