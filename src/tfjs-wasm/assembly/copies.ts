// Copies of elements of four bytes from one pattern of strides to another: what transposes, slices, tiles
// and stacks.

/**
 * y[Σ iₖ·tₖ] ← x[Σ iₖ·sₖ] for all iₖ < nₖ, strides in elements. Fast where the last dimension has t₅ = 1
 * and s₅ is 1 or 0, or else s₄ = 1.
 */
export function copyStrided(
  n0: i32, s0: i32, t0: i32, n1: i32, s1: i32, t1: i32, n2: i32, s2: i32, t2: i32,
  n3: i32, s3: i32, t3: i32, n4: i32, s4: i32, t4: i32, n5: i32, s5: i32, t5: i32,
  x: usize, y: usize,
): void {
  for (let i0 = 0; i0 < n0; i0++) {
    for (let i1 = 0; i1 < n1; i1++) {
      for (let i2 = 0; i2 < n2; i2++) {
        let from = x + (<usize>(i0 * s0 + i1 * s1 + i2 * s2) << 2);
        let to = y + (<usize>(i0 * t0 + i1 * t1 + i2 * t2) << 2);
        for (let i3 = 0; i3 < n3; i3++) {
          copyPlane(n4, s4, t4, n5, s5, t5, from, to);
          from += <usize>s3 << 2;
          to += <usize>t3 << 2;
        }
      }
    }
  }
}

function copyPlane(m: i32, sm: i32, tm: i32, n: i32, sn: i32, tn: i32, x: usize, y: usize): void {
  if (tn == 1 && sm == 1 && sn > 1) {
    transposePlane(m, tm, n, sn, x, y);
    return;
  }
  for (let i = 0; i < m; i++) {
    if (tn != 1 || sn > 1) copyElements(n, sn, tn, x, y);
    else if (sn == 1) copyRun(n, x, y);
    else fillRun(n, load<u32>(x), y);
    x += <usize>sm << 2;
    y += <usize>tm << 2;
  }
}

function copyElements(n: i32, sn: i32, tn: i32, x: usize, y: usize): void {
  for (let j = 0; j < n; j++) {
    store<u32>(y, load<u32>(x));
    x += <usize>sn << 2;
    y += <usize>tn << 2;
  }
}

@inline function copyRun(n: i32, x: usize, y: usize): void {
  // A call costs more than a short run.
  if (n > 512) {
    memory.copy(y, x, <usize>n << 2);
    return;
  }
  let j = 0;
  for (; j + 16 <= n; j += 16) {
    v128.store(y, v128.load(x));
    v128.store(y, v128.load(x, 16), 16);
    v128.store(y, v128.load(x, 32), 32);
    v128.store(y, v128.load(x, 48), 48);
    x += 64;
    y += 64;
  }
  for (; j + 4 <= n; j += 4) {
    v128.store(y, v128.load(x));
    x += 16;
    y += 16;
  }
  for (; j < n; j++) {
    store<u32>(y, load<u32>(x));
    x += 4;
    y += 4;
  }
}

@inline function fillRun(n: i32, value: u32, y: usize): void {
  const values = i32x4.splat(value);
  let j = 0;
  for (; j + 16 <= n; j += 16) {
    v128.store(y, values);
    v128.store(y, values, 16);
    v128.store(y, values, 32);
    v128.store(y, values, 48);
    y += 64;
  }
  for (; j + 4 <= n; j += 4) {
    v128.store(y, values);
    y += 16;
  }
  for (; j < n; j++) {
    store<u32>(y, value);
    y += 4;
  }
}

/** y[i·tm + j] ← x[i + j·sn], four by four. */
function transposePlane(m: i32, tm: i32, n: i32, sn: i32, x: usize, y: usize): void {
  const column = <usize>sn << 2;
  const row = <usize>tm << 2;
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    let from = x + <usize>j * column;
    let to = y + (<usize>j << 2);
    let i = 0;
    for (; i + 4 <= m; i += 4) {
      const a = v128.load(from);
      const b = v128.load(from + column);
      const c = v128.load(from + 2 * column);
      const d = v128.load(from + 3 * column);
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
      v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
      v128.store(to + row, v128.shuffle<i64>(ab, cd, 1, 3));
      const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
      v128.store(to + 2 * row, v128.shuffle<i64>(abHigh, cdHigh, 0, 2));
      v128.store(to + 3 * row, v128.shuffle<i64>(abHigh, cdHigh, 1, 3));
      from += 16;
      to += 4 * row;
    }
    for (; i < m; i++) {
      copyElements(4, sn, 1, from, to);
      from += 4;
      to += row;
    }
  }
  if (j == n) return;
  for (let i = 0; i < m; i++) {
    copyElements(n - j, sn, 1, x + <usize>j * column + (<usize>i << 2), y + (<usize>(i * tm + j) << 2));
  }
}
