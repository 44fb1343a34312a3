// From what enters and leaves a layer to the weighted rows whose second moments are taken.

import { checkFinite, checkInteger, checkNonNegative, checkType, isObject } from '../core/check.js';
import { type MatrixInput, readMatrix } from '../core/convert.js';
import { type DType, LARGEST, type TypedArrayOf } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import { reshape } from './reshape.js';

/** A layer's inputs, ready to be averaged: A = XᵀX/rows, and their mean row rootWeightsᵀX/rows. */
export interface Activations<D extends DType> {
  /** m×p: row i is √wᵢ·[xᵢ 1], without the 1 where the layer has no bias. */
  readonly X: DenseMatrix<D>;
  /** m×1: √wᵢ, or ones. */
  readonly rootWeights: DenseMatrix<D>;
  /** Σwᵢ, the divisor: the number of rows where none is weighted. */
  readonly rows: number;
}

/** How {@link activations} reads a layer's inputs. */
export interface ActivationOptions<D extends DType> {
  readonly dtype: D;
  /** Columns of the input, not counting the bias: needed for a flat typed array, else checked. */
  readonly inputs?: number;
  /** Append the column of ones that a bias multiplies. */
  readonly bias?: boolean;
  /** One weight ≥ 0 a row; a mask of zeros and ones leaves rows out. */
  readonly weights?: ArrayLike<number>;
  /** Name of the calling routine, for messages. */
  readonly where?: string;
}

/** Gradients with respect to a layer's pre-activations: B = examples²·DᵀD/rows. */
export interface OutputGradients<D extends DType> {
  /** m×q: row i is √wᵢ·dᵢ. */
  readonly D: DenseMatrix<D>;
  /** m×1: √wᵢ, or ones. */
  readonly rootWeights: DenseMatrix<D>;
  /** Σwᵢ. */
  readonly rows: number;
  /** How many examples the mean loss averages: times this, dᵢ is one example's gradient. */
  readonly examples: number;
}

/** How {@link outputGradients} reads a layer's gradients. */
export interface OutputGradientOptions<D extends DType> {
  readonly dtype: D;
  /** Columns of the input: needed for a flat typed array, else checked. */
  readonly outputs?: number;
  /** The weights given to {@link activations}, so that the rows match. */
  readonly weights?: ArrayLike<number>;
  /** How many examples the mean loss averages (default Σw: a row an example, unlike patches). */
  readonly examples?: number;
}

/**
 * The activation rows of one layer and one batch.
 *
 * X = diag(√w)·[input 1], so that XᵀX = Σ wᵢxᵢxᵢᵀ and XᵀX/Σw is the weighted second moment. A row
 * of weight 0 becomes zeros and what it held is not looked at, so padding may hold anything.
 * input is m×inputs, X is m×p. Cost: one pass, and one copy unless there is neither bias nor
 * weights and the dtype is right, where X is the input itself.
 *
 * @throws RangeError where a row that counts holds NaN or Infinity, the batch is empty, a weight is
 * negative or not finite, the weights are too few, too many or all 0, or the activations are so
 * large that XᵀX could overflow; nothing is changed then. TypeError where the input is no matrix or
 * the weights are no array.
 */
export function activations<D extends DType>(
  input: MatrixInput,
  options: ActivationOptions<D>,
): Activations<D> {
  const { dtype, inputs, bias = false, weights, where = 'activations' } = options;
  const name = 'X';
  const { W, rootWeights, rows } = weigh(input, inputs, weights, bias, { dtype, where, name });
  checkMagnitude(where, name, 'activations', W, 1 / rows);
  return { X: W, rootWeights, rows };
}

/**
 * The gradients of the mean loss with respect to the pre-activations of one layer, row for row with
 * {@link activations}: D = diag(√w)·input. They are not yet multiplied by `examples`: the weight
 * examples²/rows of DᵀD does that. Weights say how much a row counts in the moment; weights inside
 * the loss are in the gradients already. input and D are m×q. Cost and errors as there.
 *
 * @throws RangeError as {@link activations}, and where `examples` is not an integer ≥ 1.
 */
export function outputGradients<D extends DType>(
  input: MatrixInput,
  options: OutputGradientOptions<D>,
): OutputGradients<D> {
  const { dtype, outputs, weights } = options;
  const [where, name] = ['outputGradients', 'D'];
  if (options.examples !== undefined) checkInteger(where, 'examples', options.examples, 1);
  const { W, rootWeights, rows } = weigh(input, outputs, weights, false, { dtype, where, name });
  const examples = options.examples ?? rows;
  checkMagnitude(where, name, 'gradients', W, examples ** 2 / rows);
  return { D: W, rootWeights, rows, examples };
}

/** The shape of a batch of sequences, features varying fastest. */
export interface SequenceShape {
  readonly batch: number;
  readonly time: number;
  readonly features: number;
}

/**
 * A batch of sequences [batch, time, features] as (batch·time)×features rows, one a token: a view.
 * The mask [batch, time], flat and of zeros and ones, then serves as `weights` as it is.
 *
 * @throws RangeError where the number of elements is not batch·time·features.
 */
export function flattenSequences<D extends DType>(
  input: DenseMatrix<D> | TypedArrayOf<D>,
  shape: SequenceShape,
): DenseMatrix<D> {
  const where = 'flattenSequences';
  checkInteger(where, 'batch', shape.batch, 1);
  checkInteger(where, 'time', shape.time, 1);
  checkInteger(where, 'features', shape.features, 1);
  return reshape(where, 'input', input, shape.batch * shape.time, shape.features);
}

interface WeightedRows<D extends DType> {
  readonly W: DenseMatrix<D>;
  readonly rootWeights: DenseMatrix<D>;
  readonly rows: number;
}

/** The calling routine, its argument, and the dtype that is asked for. */
interface Reading<D extends DType> {
  readonly where: string;
  readonly name: string;
  readonly dtype: D;
}

/** W = diag(√w)·[A 1] for the input A; A itself where there is nothing to do. */
function weigh<D extends DType>(
  input: MatrixInput,
  cols: number | undefined,
  weights: ArrayLike<number> | undefined,
  bias: boolean,
  { where, name, dtype }: Reading<D>,
): WeightedRows<D> {
  const A = readMatrix(where, name, input, cols === undefined ? { dtype } : { dtype, cols });
  checkInteger(where, `the number of rows of ${name}`, A.rows, 1);
  checkInteger(where, `the number of columns of ${name}`, A.cols, 1);
  const rows = weights === undefined ? A.rows : sumOfWeights(where, A, weights);
  const rootWeights = zeros(A.dtype, A.rows, 1);
  for (let i = 0; i < A.rows; i++) {
    rootWeights.data[i] = weights === undefined ? 1 : Math.sqrt(weights[i]);
  }
  if (weights === undefined && !bias) return { W: A, rootWeights, rows };

  const W = zeros(A.dtype, A.rows, bias ? A.cols + 1 : A.cols);
  for (let i = 0; i < A.rows; i++) {
    const root = rootWeights.data[i];
    if (root === 0) continue;
    const from = A.offset + i * A.stride;
    const to = i * W.stride;
    if (root === 1) W.data.set(A.data.subarray(from, from + A.cols), to);
    else for (let j = 0; j < A.cols; j++) W.data[to + j] = root * A.data[from + j];
    if (bias) W.data[to + A.cols] = root;
  }
  return { W, rootWeights, rows };
}

function sumOfWeights(where: string, A: DenseMatrix, weights: ArrayLike<number>): number {
  const listed = isObject(weights) && 'length' in weights;
  checkType(where, 'weights', weights, listed, 'an array of numbers');
  if (weights.length !== A.rows) {
    throw new RangeError(
      `${where}: weights has ${weights.length} elements, expected one for each of ${A.rows} rows`,
    );
  }
  let sum = 0;
  for (let i = 0; i < A.rows; i++) {
    const weight = weights[i];
    // Looked at here already, because a name for each weight would cost more than the sum.
    if (!(Number.isFinite(weight) && weight >= 0)) checkNonNegative(where, `weights[${i}]`, weight);
    sum += weight;
  }
  // 1/Σw must be representable too: it is what the moments are multiplied by.
  if (sum >= 1 / LARGEST[A.dtype] && sum <= LARGEST[A.dtype]) return sum;
  throw new RangeError(
    `${where}: the weights sum to ${sum}, expected a sum > 0 within the range of ${A.dtype}`,
  );
}

/**
 * No entry of WᵀW, Wᵀ(WS) or `scale` times them may overflow. Entries of WᵀW are at most ‖W‖²F;
 * a column of WᵀWS at most ‖W‖²F·‖s‖, and ‖s‖ ≤ p covers columns of I and, with room, Gaussian
 * ones. One sum finds NaN and Infinity as well, so that finite input is read once only.
 */
function checkMagnitude(
  where: string,
  name: string,
  what: string,
  W: DenseMatrix,
  scale: number,
): void {
  const size = sumOfSquares(W) * Math.max(1, scale);
  const limit = LARGEST[W.dtype] / W.cols;
  if (size <= limit) return;
  checkFinite(where, name, W);
  throw new RangeError(
    `${where}: ${what} too large for ${W.dtype}: the squared norm of ${name} is ${size}, expected <= ${limit} so that ${name}ᵀ${name} and its sketch stay finite`,
  );
}

/** ‖W‖²F in double precision. */
function sumOfSquares(W: DenseMatrix): number {
  const { data, offset, stride, rows, cols } = W;
  // Four sums, because one alone would wait for each addition.
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < rows; i++) {
    let k = offset + i * stride;
    const end = k + cols;
    for (; k + 3 < end; k += 4) {
      s0 += data[k] * data[k];
      s1 += data[k + 1] * data[k + 1];
      s2 += data[k + 2] * data[k + 2];
      s3 += data[k + 3] * data[k + 3];
    }
    for (; k < end; k++) s0 += data[k] * data[k];
  }
  return s0 + s1 + s2 + s3;
}
