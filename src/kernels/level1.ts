// Arithmetic whose cost is one pass over its arguments.

import { checkDType, checkScalar, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkMatrix, type DenseMatrix, largestMagnitude } from '../core/matrix.js';
import { checkDisjoint, isSameView } from './overlap.js';

// Every loop below computes in float64 and lets the store into a Float32Array round: rounding by
// hand would halve the speed. Offsets are advanced per row, so that views cost nothing extra.

/** `A` must have the dtype and the shape of the output `C`. */
function checkLike(where: string, name: string, A: DenseMatrix, C: DenseMatrix): void {
  checkMatrix(where, name, A);
  checkDType(where, name, A, C.dtype);
  checkShape(where, name, A, C.rows, C.cols);
}

/** As {@link checkLike}, and `A` must share no memory with `C`. */
function checkInput(where: string, name: string, A: DenseMatrix, C: DenseMatrix): void {
  checkLike(where, name, A, C);
  checkDisjoint(where, name, A, 'C', C);
}

/**
 * C ← αA + βC, element by element. With β = 0 the old content of C is not read.
 *
 * A and C have one shape; C may be A itself. Cost: 3 flops an element.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if α or β is no number of the dtype, the shapes differ, or C overlaps A without being A.
 * C is untouched then.
 */
export function axpby<D extends DType>(
  alpha: number,
  A: DenseMatrix<D>,
  beta: number,
  C: DenseMatrix<D>,
): void {
  checkMatrix('axpby', 'C', C);
  checkScalar('axpby', 'alpha', alpha, C.dtype);
  checkScalar('axpby', 'beta', beta, C.dtype);
  checkLike('axpby', 'A', A, C);
  if (!isSameView(A, C)) checkDisjoint('axpby', 'A', A, 'C', C);
  const a = A.data;
  const c = C.data;
  const { rows, cols } = C;
  for (let i = 0; i < rows; i++) {
    const rowA = A.offset + i * A.stride;
    const rowC = C.offset + i * C.stride;
    if (beta === 0) for (let j = 0; j < cols; j++) c[rowC + j] = alpha * a[rowA + j];
    else for (let j = 0; j < cols; j++) c[rowC + j] = alpha * a[rowA + j] + beta * c[rowC + j];
  }
}

/**
 * C ← αA∘B + βC, element by element. With β = 0 the old content of C is not read.
 *
 * A, B and C have one shape; A may be B. Cost: 4 flops an element.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if a scalar is no number of the dtype, the shapes differ, or C overlaps A or B. C is
 * untouched then.
 */
export function multiply<D extends DType>(
  alpha: number,
  A: DenseMatrix<D>,
  B: DenseMatrix<D>,
  beta: number,
  C: DenseMatrix<D>,
): void {
  checkMatrix('multiply', 'C', C);
  checkScalar('multiply', 'alpha', alpha, C.dtype);
  checkScalar('multiply', 'beta', beta, C.dtype);
  checkInput('multiply', 'A', A, C);
  checkInput('multiply', 'B', B, C);
  const a = A.data;
  const b = B.data;
  const c = C.data;
  const { rows, cols } = C;
  for (let i = 0; i < rows; i++) {
    const rowA = A.offset + i * A.stride;
    const rowB = B.offset + i * B.stride;
    const rowC = C.offset + i * C.stride;
    for (let j = 0; j < cols; j++) {
      const term = alpha * a[rowA + j] * b[rowB + j];
      c[rowC + j] = beta === 0 ? term : term + beta * c[rowC + j];
    }
  }
}

/**
 * C ← A ⊘ (B + shift), element by element. The old content of C is not read; a zero divisor gives
 * ±Infinity or NaN, as IEEE division does.
 *
 * A, B and C have one shape; A may be B. Cost: 2 flops an element.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if a scalar is no number of the dtype, the shapes differ, or C overlaps A or B. C is
 * untouched then.
 */
export function divide<D extends DType>(
  A: DenseMatrix<D>,
  B: DenseMatrix<D>,
  shift: number,
  C: DenseMatrix<D>,
): void {
  checkMatrix('divide', 'C', C);
  checkScalar('divide', 'shift', shift, C.dtype);
  checkInput('divide', 'A', A, C);
  checkInput('divide', 'B', B, C);
  const a = A.data;
  const b = B.data;
  const c = C.data;
  const { rows, cols } = C;
  for (let i = 0; i < rows; i++) {
    const rowA = A.offset + i * A.stride;
    const rowB = B.offset + i * B.stride;
    const rowC = C.offset + i * C.stride;
    for (let j = 0; j < cols; j++) c[rowC + j] = a[rowA + j] / (b[rowB + j] + shift);
  }
}

/**
 * C ← αA ⊘ (√(βB) + shift), element by element. The old content of C is not read; a negative βB
 * gives NaN.
 *
 * A, B and C have one shape; A may be B. Cost: 5 flops an element.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if a scalar is no number of the dtype, the shapes differ, or C overlaps A or B. C is
 * untouched then.
 */
export function divideByRoot<D extends DType>(
  alpha: number,
  A: DenseMatrix<D>,
  beta: number,
  B: DenseMatrix<D>,
  shift: number,
  C: DenseMatrix<D>,
): void {
  checkMatrix('divideByRoot', 'C', C);
  checkScalar('divideByRoot', 'alpha', alpha, C.dtype);
  checkScalar('divideByRoot', 'beta', beta, C.dtype);
  checkScalar('divideByRoot', 'shift', shift, C.dtype);
  checkInput('divideByRoot', 'A', A, C);
  checkInput('divideByRoot', 'B', B, C);
  const a = A.data;
  const b = B.data;
  const c = C.data;
  const { rows, cols } = C;
  for (let i = 0; i < rows; i++) {
    const rowA = A.offset + i * A.stride;
    const rowB = B.offset + i * B.stride;
    const rowC = C.offset + i * C.stride;
    for (let j = 0; j < cols; j++) {
      c[rowC + j] = (alpha * a[rowA + j]) / (Math.sqrt(beta * b[rowB + j]) + shift);
    }
  }
}

/**
 * ⟨A, B⟩ = Σ AᵢⱼBᵢⱼ, accumulated in float64 for both dtypes.
 *
 * A and B have one shape; A may be B. Cost: 2 flops an element.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if the shapes differ.
 */
export function dot<D extends DType>(A: DenseMatrix<D>, B: DenseMatrix<D>): number {
  checkMatrix('dot', 'A', A);
  checkLike('dot', 'B', B, A);
  return sumOfProducts(A, B);
}

/** Σ AᵢⱼBᵢⱼ in four sums: one would wait for itself. */
function sumOfProducts(A: DenseMatrix, B: DenseMatrix): number {
  const a = A.data;
  const b = B.data;
  // Rows that lie one behind the other are one long row.
  const compact = A.stride === A.cols && B.stride === B.cols;
  const rows = compact ? 1 : A.rows;
  const cols = compact ? A.rows * A.cols : A.cols;
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  for (let i = 0; i < rows; i++) {
    let k = A.offset + i * A.stride;
    let l = B.offset + i * B.stride;
    const end = k + cols;
    for (; k + 3 < end; k += 4, l += 4) {
      sum0 += a[k] * b[l];
      sum1 += a[k + 1] * b[l + 1];
      sum2 += a[k + 2] * b[l + 2];
      sum3 += a[k + 3] * b[l + 3];
    }
    for (; k < end; k++, l++) sum0 += a[k] * b[l];
  }
  return sum0 + sum1 + (sum2 + sum3);
}

/**
 * ‖A‖ = √(Σ Aᵢⱼ²), without overflow or underflow on the way: NaN only where A holds NaN, Infinity
 * only where A holds Infinity or the norm itself exceeds the largest float64.
 *
 * Cost: 2 flops an element, three times that where the plain sum of squares leaves the safe range.
 *
 * @throws TypeError if A is no DenseMatrix or has lost its memory.
 */
export function frobeniusNorm(A: DenseMatrix): number {
  checkMatrix('frobeniusNorm', 'A', A);
  const sum = sumOfProducts(A, A);
  // Below 2⁻⁹⁶⁰ the squares that underflowed could matter against the sum; above, they cannot.
  if (sum > 2 ** -960 && sum < Infinity) return Math.sqrt(sum);
  const largest = largestMagnitude(A);
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  return largest * Math.sqrt(sumOfSquares(A, largest));
}

/** Σ (Aᵢⱼ/unit)². */
function sumOfSquares(A: DenseMatrix, unit: number): number {
  const a = A.data;
  let sum = 0;
  for (let i = 0; i < A.rows; i++) {
    const row = A.offset + i * A.stride;
    for (let j = 0; j < A.cols; j++) sum += (a[row + j] / unit) ** 2;
  }
  return sum;
}

/** tr A, in float64. A is square. Cost: n additions. */
export function trace(A: DenseMatrix): number {
  let sum = 0;
  for (let i = 0; i < A.rows; i++) sum += A.at(i, i);
  return sum;
}

/**
 * C ← αC. With α = 0 the old content of C is not read. Cost: 1 flop an element.
 *
 * @throws TypeError if C is no DenseMatrix or has lost its memory; RangeError if α is no number of its
 * dtype. C is untouched then.
 */
export function scale(alpha: number, C: DenseMatrix): void {
  checkMatrix('scale', 'C', C);
  checkScalar('scale', 'alpha', alpha, C.dtype);
  rescale(alpha, C);
}

/** As {@link scale}, for an α that was checked, or computed: NaN makes all of C NaN. */
export function rescale(alpha: number, C: DenseMatrix): void {
  if (alpha === 1) return;
  // Rows that lie one behind the other are one long row.
  if (C.stride === C.cols) scaleRow(alpha, C, 0, C.rows * C.cols);
  else for (let i = 0; i < C.rows; i++) scaleRow(alpha, C, i, C.cols);
}

/** C ← αC on and below the diagonal, as {@link rescale}; what lies above stays. C is square. */
export function scaleLower(alpha: number, C: DenseMatrix): void {
  if (alpha === 1) return;
  for (let i = 0; i < C.rows; i++) scaleRow(alpha, C, i, Math.min(i + 1, C.cols));
}

function scaleRow(alpha: number, C: DenseMatrix, i: number, count: number): void {
  const c = C.data;
  const start = C.offset + i * C.stride;
  if (alpha === 0) c.fill(0, start, start + count);
  else for (let j = start; j < start + count; j++) c[j] *= alpha;
}
