// Householder reflections, one at a time and in blocks; vectors are rows, because rows are contiguous.

import { address, product } from './product';
import { solve, solveWorkspace } from './triangular';
import { addScaled, dot, scaleBy } from './vectors';

// A reflection is H = I − τvvᵀ with v₀ = 1 and τ = 2/vᵀv: τ follows from v, so that H is orthogonal to
// rounding whatever happened while v was computed.

/** Reflections that are gathered before they are applied as one block. */
export const REFLECTIONS: i32 = 32;

/** Elements of workspace of {@link applyReflections} for m rows, beside that of the solves. */
@inline export function reflectionsWorkspace(m: i32): i32 {
  return REFLECTIONS * (REFLECTIONS + m);
}

/** ‖x‖ of n contiguous elements, without overflow or underflow on the way. */
function norm<T>(n: i32, x: usize): T {
  const sum = dot<T>(n, x, x);
  const least: T = sizeof<T>() == 8 ? <T>1e-289 : <T>1e-30;
  if (sum > least && sum < <T>Infinity) return sqrt<T>(sum);
  let largest: T = 0;
  for (let i = 0; i < n; i++) {
    largest = max<T>(largest, abs<T>(load<T>(x + <usize>i * sizeof<T>())));
  }
  if (largest == <T>0) return largest;
  let squares: T = 0;
  for (let i = 0; i < n; i++) {
    const part = <T>(load<T>(x + <usize>i * sizeof<T>()) / largest);
    squares = <T>(squares + part * part);
  }
  return <T>(largest * sqrt<T>(squares));
}

/**
 * Replaces x by the v of the reflection with Hx = βe₀, and returns β = ∓‖x‖ (the sign that x₀ has not,
 * so that nothing cancels). For x = 0, v = e₀ and β = 0.
 */
export function reflect<T>(n: i32, x: usize): T {
  const first = load<T>(x);
  const length = norm<T>(n, x);
  const beta: T = first > <T>0 ? <T>-length : length;
  if (length > <T>0) {
    const divisor = <T>(first - beta);
    for (let i = 1; i < n; i++) {
      const at = x + <usize>i * sizeof<T>();
      store<T>(at, <T>(load<T>(at) / divisor));
    }
  }
  store<T>(x, <T>1);
  return beta;
}

/** Each of the m rows of C, ldc apart, ← its product with the reflection of v. Rows and v have n elements. */
@inline function applyReflection<T>(m: i32, n: i32, v: usize, C: usize, ldc: i32): void {
  const tau = <T>(<T>2 / dot<T>(n, v, v));
  for (let i = 0; i < m; i++) {
    const x = C + address<T>(i, ldc, 0, 0);
    addScaled<T>(n, <T>(-tau * dot<T>(n, v, x)), v, x);
  }
}

/**
 * C ← C·H₀H₁⋯H_{b−1}, or C·H_{b−1}⋯H₀ where `backward`, for the reflections whose vectors are the b
 * rows of Vt. C is m×n with rows ldc apart, Vt is b×n with rows ldv apart.
 *
 * H₀⋯H_{b−1} = I − VTVᵀ, and T⁻¹ is the upper triangle of VᵀV with its diagonal halved (the UT
 * transform), so T is never formed: it is applied by a triangular solve.
 */
export function applyReflections<T>(
  m: i32,
  n: i32,
  b: i32,
  C: usize,
  ldc: i32,
  Vt: usize,
  ldv: i32,
  backward: bool,
  work: usize,
): void {
  if (m == 0 || b == 0) return;
  const L = work;
  const M = L + <usize>(REFLECTIONS * REFLECTIONS) * sizeof<T>();
  const solving = M + <usize>(REFLECTIONS * m) * sizeof<T>();
  const multiplying = solving + solveWorkspace<T>();
  const one = <T>1;
  product<T>(b, b, n, one, Vt, ldv, 1, Vt, 1, ldv, <T>0, L, b, 1, multiplying);
  for (let i = 0; i < b; i++) {
    const at = L + address<T>(i, b, i, 1);
    store<T>(at, <T>(load<T>(at) / <T>2));
  }
  product<T>(m, b, n, one, C, ldc, 1, Vt, 1, ldv, <T>0, M, b, b, multiplying);
  if (backward) solve<T>(true, b, m, L, 1, b, M, 1, b, solving);
  else solve<T>(false, b, m, L, b, 1, M, 1, b, solving);
  product<T>(m, n, b, <T>-1, M, b, 1, Vt, ldv, 1, one, C, ldc, n, multiplying);
}

/**
 * Qt ← the first n columns of Q = H₀H₁⋯H_{k−1}, as rows. Vt is k×m with rows ldv apart, Qt is n×m with
 * rows ldq apart, k ≤ n ≤ m; row j of Vt has zeros before element j.
 */
export function accumulate<T>(
  k: i32,
  n: i32,
  m: i32,
  Vt: usize,
  ldv: i32,
  Qt: usize,
  ldq: i32,
  work: usize,
): void {
  for (let i = 0; i < n; i++) {
    const row = Qt + address<T>(i, ldq, 0, 0);
    memory.fill(row, 0, <usize>m * sizeof<T>());
    store<T>(row + <usize>i * sizeof<T>(), <T>1);
  }
  // Few rows stay in cache: to pack them into blocks would cost more.
  if (n <= REFLECTIONS) {
    for (let j = k - 1; j >= 0; j--) {
      const v = Vt + address<T>(j, ldv, j, 1);
      applyReflection<T>(n - j, m - j, v, Qt + address<T>(j, ldq, j, 1), ldq);
    }
    return;
  }
  for (let end = k; end > 0; ) {
    // Blocks end where the factorisation ended them, so that the last one is the short one.
    const start = end - 1 - ((end - 1) % REFLECTIONS);
    // What lies before row and column `start` is still the identity, and stays it.
    applyReflections<T>(
      n - start, m - start, end - start, Qt + address<T>(start, ldq, start, 1), ldq,
      Vt + address<T>(start, ldv, start, 1), ldv, true, work,
    );
    end = start;
  }
}

/**
 * Replaces the n rows of At (columns of A, m elements each) by the vectors of the reflections that
 * make A upper triangular, and Rt (n×n, zeros) by Rᵀ.
 */
export function reduceColumns<T>(n: i32, m: i32, At: usize, Rt: usize, work: usize): void {
  const size = sizeof<T>();
  for (let start = 0; start < n; start += REFLECTIONS) {
    const end = min(start + REFLECTIONS, n);
    for (let j = start; j < end; j++) {
      // Column j of R is complete down to the diagonal: take it out and leave v with its zeros.
      const row = At + address<T>(j, m, 0, 0);
      const to = Rt + address<T>(j, n, 0, 0);
      memory.copy(to, row, <usize>j * size);
      memory.fill(row, 0, <usize>j * size);
      const v = row + <usize>j * size;
      const length = m - j;
      store<T>(to + <usize>j * size, reflect<T>(length, v));
      applyReflection<T>(end - j - 1, length, v, At + address<T>(j + 1, m, j, 1), m);
    }
    applyReflections<T>(
      n - end, m - start, end - start, At + address<T>(end, m, start, 1), m,
      At + address<T>(start, m, start, 1), m, false, work,
    );
  }
}

/** y ← Ax for a symmetric A of which only the lower triangle is read. */
function multiplySymmetric<T>(n: i32, A: usize, lda: i32, x: usize, y: usize): void {
  const size = sizeof<T>();
  memory.fill(y, 0, <usize>n * size);
  let i = 0;
  // Two rows at a time: y is loaded and stored half as often.
  for (; i + 2 <= n; i += 2) {
    const row0 = A + address<T>(i, lda, 0, 0);
    const row1 = row0 + <usize>lda * size;
    const x0 = load<T>(x + <usize>i * size);
    const x1 = load<T>(x + <usize>(i + 1) * size);
    const a10 = load<T>(row1 + <usize>i * size);
    let y0 = <T>(load<T>(row0 + <usize>i * size) * x0 + a10 * x1);
    let y1 = <T>(a10 * x0 + load<T>(row1 + <usize>(i + 1) * size) * x1);
    const sums = combineRows<T>(i, row0, row1, x0, x1, x, y);
    y0 = <T>(y0 + v128.extract_lane<T>(sums, 0));
    y1 = <T>(y1 + v128.extract_lane<T>(sums, 1));
    store<T>(y + <usize>i * size, y0);
    store<T>(y + <usize>(i + 1) * size, y1);
  }
  if (i < n) {
    const row = A + address<T>(i, lda, 0, 0);
    const xi = load<T>(x + <usize>i * size);
    store<T>(y + <usize>i * size, <T>(dot<T>(i, row, x) + load<T>(row + <usize>i * size) * xi));
    addScaled<T>(i, xi, row, y);
  }
}

/** y ← y + x₀·row₀ + x₁·row₁, and row₀ᵀx and row₁ᵀx in the first lanes of what is returned. */
@inline function combineRows<T>(
  n: i32,
  row0: usize,
  row1: usize,
  x0: T,
  x1: T,
  x: usize,
  y: usize,
): v128 {
  const zero = v128.splat<T>(<T>0);
  const v0 = v128.splat<T>(x0);
  const v1 = v128.splat<T>(x1);
  let s0 = zero;
  let s1 = zero;
  let t0 = zero;
  let t1 = zero;
  const lanes: i32 = 16 / sizeof<T>();
  let j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    const a0 = v128.load(row0);
    const a1 = v128.load(row1);
    const xj = v128.load(x);
    s0 = v128.add<T>(s0, v128.mul<T>(a0, xj));
    s1 = v128.add<T>(s1, v128.mul<T>(a1, xj));
    v128.store(y, v128.add<T>(v128.load(y), v128.add<T>(v128.mul<T>(v0, a0), v128.mul<T>(v1, a1))));
    const b0 = v128.load(row0, 16);
    const b1 = v128.load(row1, 16);
    const xk = v128.load(x, 16);
    t0 = v128.add<T>(t0, v128.mul<T>(b0, xk));
    t1 = v128.add<T>(t1, v128.mul<T>(b1, xk));
    v128.store(
      y,
      v128.add<T>(v128.load(y, 16), v128.add<T>(v128.mul<T>(v0, b0), v128.mul<T>(v1, b1))),
      16,
    );
    row0 += 32;
    row1 += 32;
    x += 32;
    y += 32;
  }
  s0 = v128.add<T>(s0, t0);
  s1 = v128.add<T>(s1, t1);
  let sum0: T = 0;
  let sum1: T = 0;
  if (sizeof<T>() == 8) {
    sum0 = <T>(v128.extract_lane<T>(s0, 0) + v128.extract_lane<T>(s0, 1));
    sum1 = <T>(v128.extract_lane<T>(s1, 0) + v128.extract_lane<T>(s1, 1));
  } else {
    sum0 = <T>(v128.extract_lane<T>(s0, 0) + v128.extract_lane<T>(s0, 1) +
      (v128.extract_lane<T>(s0, 2) + v128.extract_lane<T>(s0, 3)));
    sum1 = <T>(v128.extract_lane<T>(s1, 0) + v128.extract_lane<T>(s1, 1) +
      (v128.extract_lane<T>(s1, 2) + v128.extract_lane<T>(s1, 3)));
  }
  for (; j < n; j++) {
    const a0 = load<T>(row0);
    const a1 = load<T>(row1);
    const xj = load<T>(x);
    sum0 = <T>(sum0 + a0 * xj);
    sum1 = <T>(sum1 + a1 * xj);
    store<T>(y, <T>(load<T>(y) + (x0 * a0 + x1 * a1)));
    row0 += sizeof<T>();
    row1 += sizeof<T>();
    x += sizeof<T>();
    y += sizeof<T>();
  }
  return v128.replace_lane<T>(v128.replace_lane<T>(zero, 0, sum0), 1, sum1);
}

/**
 * Reduces a symmetric A (n×n, lower triangle) to tridiagonal form A = QTQᵀ: the diagonal of T goes to
 * d, what stands below it to e, and row j of Vt becomes the vector of the reflection that cleared
 * column j, zeros up to element j. A is destroyed.
 *
 * Each block of columns is reduced against A − Σ(vwᵀ + wvᵀ), so that half of the work is one product
 * per block (Dongarra, Hammarling, Sorensen, J. Comput. Appl. Math. 27, 1989). P and S are
 * 2·REFLECTIONS×n workspaces: the rows of P are v₀, w₀, v₁, w₁, …, those of S w₀, v₀, w₁, v₁, ….
 */
export function tridiagonalise<T>(
  n: i32,
  A: usize,
  d: usize,
  e: usize,
  Vt: usize,
  P: usize,
  S: usize,
  work: usize,
): void {
  const size = sizeof<T>();
  memory.fill(Vt, 0, <usize>n * <usize>n * size);
  for (let start = 0; start < n - 2; start += REFLECTIONS) {
    const end = min(start + REFLECTIONS, n - 2);
    for (let j = start; j < end; j++) {
      // Column j as the pairs so far have left it, in row j of Vt, which is where v goes.
      const row = Vt + address<T>(j, n, 0, 0);
      for (let i = j; i < n; i++) {
        store<T>(row + <usize>i * size, load<T>(A + address<T>(i, n, j, 1)));
      }
      const pairs = 2 * (j - start);
      const column = row + <usize>j * size;
      for (let i = 0; i < pairs; i++) {
        const factor = load<T>(S + address<T>(i, n, j, 1));
        addScaled<T>(n - j, <T>-factor, P + address<T>(i, n, j, 1), column);
      }
      store<T>(d + <usize>j * size, load<T>(column));
      store<T>(column, <T>0);

      const length = n - j - 1;
      const v = column + size;
      store<T>(e + <usize>j * size, reflect<T>(length, v));
      // w = τ(Av − ½τ(vᵀAv)v), with A as the block has left it so far.
      const w = P + address<T>(pairs + 1, n, j + 1, 1);
      multiplySymmetric<T>(length, A + address<T>(j + 1, n, j + 1, 1), n, v, w);
      for (let i = 0; i < pairs; i++) {
        const factor = dot<T>(length, S + address<T>(i, n, j + 1, 1), v);
        addScaled<T>(length, <T>-factor, P + address<T>(i, n, j + 1, 1), w);
      }
      const tau = <T>(<T>2 / dot<T>(length, v, v));
      scaleBy<T>(length, tau, w);
      addScaled<T>(length, <T>((-tau / <T>2) * dot<T>(length, v, w)), v, w);
      memory.copy(P + address<T>(pairs, n, j + 1, 1), v, <usize>length * size);
      memory.copy(S + address<T>(pairs, n, j + 1, 1), w, <usize>length * size);
      memory.copy(S + address<T>(pairs + 1, n, j + 1, 1), v, <usize>length * size);
    }
    const rest = n - end;
    product<T>(
      rest, rest, 2 * (end - start), <T>-1, P + address<T>(0, 0, end, 1), 1, n,
      S + address<T>(0, 0, end, 1), n, 1, <T>1, A + address<T>(end, n, end, 1), n, 1, work,
    );
  }
  for (let j = max(0, n - 2); j < n; j++) {
    store<T>(d + <usize>j * size, load<T>(A + address<T>(j, n, j, 1)));
    if (j + 1 < n) store<T>(e + <usize>j * size, load<T>(A + address<T>(j + 1, n, j, 1)));
  }
}
