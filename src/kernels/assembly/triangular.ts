// Triangular solves, Cholesky factorisation, inverses: recursion by halves on the product.

import { address, product } from './product';
import { lanes, multiplySubtract } from './vectors';

/** Largest triangle that is solved directly, and the right-hand sides taken at a time. */
const BLOCK: i32 = 32;
const WIDTH: i32 = 64;

/** Bytes of workspace of {@link solve}, beside that of the product. */
export function solveWorkspace<T>(): usize {
  return <usize>(BLOCK * BLOCK + BLOCK * WIDTH) * sizeof<T>();
}

/**
 * X ← T⁻¹X for a triangular T: element (i, j) of T at i·rsT + j·csT, of X at i·rsX + j·csX elements.
 * T is n×n, lower triangular, or upper where `upper`; X is n×m. `work` is that of {@link solve},
 * followed by that of the product.
 */
export function solve<T>(
  upper: bool,
  n: i32,
  m: i32,
  L: usize,
  rsT: i32,
  csT: i32,
  X: usize,
  rsX: i32,
  csX: i32,
  work: usize,
): void {
  if (n <= BLOCK) {
    solveDirectly<T>(upper, n, m, L, rsT, csT, X, rsX, csX, work);
    return;
  }
  // Halves are whole tiles, so that most of what they need of the product is.
  const n1 = ((n >> 1) + 7) & ~7;
  const n2 = n - n1;
  const L2 = L + address<T>(n1, rsT, n1, csT);
  const X2 = X + address<T>(n1, rsX, 0, 0);
  if (upper) {
    solve<T>(upper, n2, m, L2, rsT, csT, X2, rsX, csX, work);
    subtract<T>(n1, m, n2, L + address<T>(0, 0, n1, csT), rsT, csT, X2, rsX, csX, X, work);
    solve<T>(upper, n1, m, L, rsT, csT, X, rsX, csX, work);
  } else {
    solve<T>(upper, n1, m, L, rsT, csT, X, rsX, csX, work);
    subtract<T>(n2, m, n1, L + address<T>(n1, rsT, 0, 0), rsT, csT, X, rsX, csX, X2, work);
    solve<T>(upper, n2, m, L2, rsT, csT, X2, rsX, csX, work);
  }
}

/** Y ← Y − MX, for Y and X of one layout: the product runs along whichever side is contiguous. */
@inline function subtract<T>(
  rows: i32,
  m: i32,
  depth: i32,
  M: usize,
  rsM: i32,
  csM: i32,
  X: usize,
  rsX: i32,
  csX: i32,
  Y: usize,
  work: usize,
): void {
  const more = work + solveWorkspace<T>();
  const minus = <T>-1;
  if (csX == 1) {
    product<T>(rows, m, depth, minus, M, rsM, csM, X, rsX, 1, <T>1, Y, rsX, m, more);
  } else {
    product<T>(m, rows, depth, minus, X, csX, rsX, M, csM, rsM, <T>1, Y, csX, rows, more);
  }
}

/** Substitution on a copy in which the unknowns come in the order in which they are solved. */
function solveDirectly<T>(
  upper: bool,
  n: i32,
  m: i32,
  L: usize,
  rsT: i32,
  csT: i32,
  X: usize,
  rsX: i32,
  csX: i32,
  work: usize,
): void {
  const size = sizeof<T>();
  const triangle = work;
  const unknowns = work + <usize>(BLOCK * BLOCK) * size;
  for (let i = 0; i < n; i++) {
    const row = upper ? n - 1 - i : i;
    for (let j = 0; j <= i; j++) {
      const col = upper ? n - 1 - j : j;
      store<T>(triangle + address<T>(i, BLOCK, j, 1), load<T>(L + address<T>(row, rsT, col, csT)));
    }
  }
  for (let j0 = 0; j0 < m; j0 += WIDTH) {
    const width = min(WIDTH, m - j0);
    for (let i = 0; i < n; i++) {
      const from = X + address<T>(upper ? n - 1 - i : i, rsX, j0, csX);
      const to = unknowns + address<T>(i, WIDTH, 0, 0);
      if (csX == 1) {
        memory.copy(to, from, <usize>width * size);
      } else {
        for (let j = 0; j < width; j++) {
          store<T>(to + <usize>j * size, load<T>(from + address<T>(j, csX, 0, 0)));
        }
      }
    }
    substitute<T>(n, width, triangle, unknowns);
    for (let i = 0; i < n; i++) {
      const to = X + address<T>(upper ? n - 1 - i : i, rsX, j0, csX);
      const from = unknowns + address<T>(i, WIDTH, 0, 0);
      if (csX == 1) {
        memory.copy(to, from, <usize>width * size);
      } else {
        for (let j = 0; j < width; j++) {
          store<T>(to + address<T>(j, csX, 0, 0), load<T>(from + <usize>j * size));
        }
      }
    }
  }
}

/** Forward substitution, four vectors of right-hand sides at a time; those past `width` are idle. */
function substitute<T>(n: i32, width: i32, triangle: usize, unknowns: usize): void {
  const size = sizeof<T>();
  const step = 4 * lanes<T>();
  for (let j = 0; j < width; j += step) {
    const x = unknowns + <usize>j * size;
    for (let i = 0; i < n; i++) {
      const t = triangle + address<T>(i, BLOCK, 0, 0);
      const to = x + address<T>(i, WIDTH, 0, 0);
      let s0 = v128.load(to);
      let s1 = v128.load(to, 16);
      let s2 = v128.load(to, 32);
      let s3 = v128.load(to, 48);
      let from = x;
      for (let q = 0; q < i; q++) {
        const factor = v128.load_splat<T>(t + <usize>q * size);
        s0 = multiplySubtract<T>(factor, v128.load(from), s0);
        s1 = multiplySubtract<T>(factor, v128.load(from, 16), s1);
        s2 = multiplySubtract<T>(factor, v128.load(from, 32), s2);
        s3 = multiplySubtract<T>(factor, v128.load(from, 48), s3);
        from += <usize>WIDTH * size;
      }
      const divisor = v128.load_splat<T>(t + <usize>i * size);
      v128.store(to, v128.div<T>(s0, divisor));
      v128.store(to, v128.div<T>(s1, divisor), 16);
      v128.store(to, v128.div<T>(s2, divisor), 32);
      v128.store(to, v128.div<T>(s3, divisor), 48);
    }
  }
}

/** Largest block that is factored element by element. */
const SMALL: i32 = 16;

/**
 * The lower triangle of A ← L with A = LLᵀ; what lies above the diagonal is neither read nor
 * written. Rows are lda elements apart. Returns the index of the first pivot that is not positive and
 * finite, which stands in its place then, or −1. `work` as for {@link solve}.
 */
export function cholesky<T>(n: i32, A: usize, lda: i32, work: usize): i32 {
  if (n <= SMALL) return factorSmall<T>(n, A, lda);
  const n1 = n <= 2 * SMALL ? SMALL : ((n >> 1) + SMALL - 1) & ~(SMALL - 1);
  const n2 = n - n1;
  const failed = cholesky<T>(n1, A, lda, work);
  if (failed >= 0) return failed;
  const A21 = A + address<T>(n1, lda, 0, 0);
  const A22 = A21 + address<T>(0, 0, n1, 1);
  // L₂₁L₁₁ᵀ = A₂₁, that is L₁₁L₂₁ᵀ = A₂₁ᵀ.
  solve<T>(false, n1, n2, A, lda, 1, A21, 1, lda, work);
  const more = work + solveWorkspace<T>();
  product<T>(n2, n2, n1, <T>-1, A21, lda, 1, A21, 1, lda, <T>1, A22, lda, 1, more);
  const later = cholesky<T>(n2, A22, lda, work);
  return later >= 0 ? n1 + later : -1;
}

function factorSmall<T>(n: i32, A: usize, lda: i32): i32 {
  const size = sizeof<T>();
  for (let i = 0; i < n; i++) {
    const rowI = A + address<T>(i, lda, 0, 0);
    for (let j = 0; j <= i; j++) {
      const rowJ = A + address<T>(j, lda, 0, 0);
      let sum = load<T>(rowI + <usize>j * size);
      for (let k = 0; k < j; k++) {
        sum = <T>(sum - load<T>(rowI + <usize>k * size) * load<T>(rowJ + <usize>k * size));
      }
      if (j < i) {
        sum = <T>(sum / load<T>(rowJ + <usize>j * size));
      } else {
        if (!(sum > <T>0 && sum < <T>Infinity)) {
          store<T>(rowI + <usize>i * size, sum);
          return i;
        }
        sum = sqrt<T>(sum);
      }
      store<T>(rowI + <usize>j * size, sum);
    }
  }
  return -1;
}

/**
 * L ← L⁻¹ for a lower triangular L, by halves: the block below the diagonal is −L₂₂⁻¹L₂₁L₁₁⁻¹.
 * What lies above the diagonal is neither read nor written. `work` as for {@link solve}.
 */
export function invertLower<T>(n: i32, L: usize, ld: i32, work: usize): void {
  if (n <= SMALL) {
    invertSmall<T>(n, L, ld);
    return;
  }
  const n1 = n <= 2 * SMALL ? SMALL : ((n >> 1) + SMALL - 1) & ~(SMALL - 1);
  const n2 = n - n1;
  const L21 = L + address<T>(n1, ld, 0, 0);
  const L22 = L21 + address<T>(0, 0, n1, 1);
  solve<T>(false, n2, n1, L22, ld, 1, L21, ld, 1, work);
  // X·L₁₁ = L₂₁, that is L₁₁ᵀXᵀ = L₂₁ᵀ.
  solve<T>(true, n1, n2, L, 1, ld, L21, 1, ld, work);
  for (let i = 0; i < n2; i++) {
    const row = L21 + address<T>(i, ld, 0, 0);
    for (let j = 0; j < n1; j++) {
      store<T>(row + <usize>j * sizeof<T>(), <T>-load<T>(row + <usize>j * sizeof<T>()));
    }
  }
  invertLower<T>(n1, L, ld, work);
  invertLower<T>(n2, L22, ld, work);
}

/** Column by column of the inverse M: Mᵢⱼ = −(Σ Lᵢₖ Mₖⱼ, j ≤ k < i)/Lᵢᵢ. */
function invertSmall<T>(n: i32, L: usize, ld: i32): void {
  for (let j = 0; j < n; j++) {
    const diagonal = L + address<T>(j, ld, j, 1);
    // The columns before j are inverted already, those from j on are still L.
    store<T>(diagonal, <T>(<T>1 / load<T>(diagonal)));
    for (let i = j + 1; i < n; i++) {
      let sum = <T>0;
      for (let k = j; k < i; k++) {
        sum = <T>(sum + load<T>(L + address<T>(i, ld, k, 1)) * load<T>(L + address<T>(k, ld, j, 1)));
      }
      store<T>(L + address<T>(i, ld, j, 1), <T>(-sum / load<T>(L + address<T>(i, ld, i, 1))));
    }
  }
}

/** Rows of a band: fewer would read B too often, more would multiply too many zeros. */
const BAND: i32 = 96;

/**
 * B ← B + LᵀL on and below the diagonal, in bands of rows of L that reach no further than their end.
 * L has zeros above its diagonal.
 */
export function multiplyByTranspose<T>(n: i32, L: usize, ld: i32, B: usize, work: usize): void {
  const more = work + solveWorkspace<T>();
  for (let start = 0; start < n; start += BAND) {
    const height = min(BAND, n - start);
    const end = start + height;
    const band = L + address<T>(start, ld, 0, 0);
    product<T>(end, end, height, <T>1, band, 1, ld, band, ld, 1, <T>1, B, n, 1, more);
  }
}
