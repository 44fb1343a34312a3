// What a step is told of one layer, and what must fit.

import type { Backend } from '../backend/backend.js';
import { checkPositive, checkScalar, checkShape, checkType, isObject } from '../core/check.js';
import { type DType, LARGEST } from '../core/dtype.js';
import type { Batch } from '../rows/accumulator.js';
import { checkSameRows, isRows, type Rows } from '../rows/rows.js';
import type { LayerShape, Needs } from './method.js';

/** What one batch shows of one layer. */
export interface Observation<D extends DType = DType> {
  /** What entered the layer: m×p rows, the bias column included. They say which example each is of, if it matters. */
  readonly X: Rows<D>;
  /** Gradients of the mean loss with respect to the pre-activations, m×q, row by row as X. */
  readonly D?: Rows<D> | undefined;
  /**
   * How many examples the mean loss averages (default: what the rows of X count for). Where X does not say which
   * example a row is of and has no weights, rows in succession are of one, as many for each if that is possible.
   */
  readonly examples?: number | undefined;
}

/** An observation with its defaults. */
export function batchOf<D extends DType>({ X, D, examples = X.count }: Observation<D>): Batch<D> {
  return { X, D, examples };
}

/**
 * There must be no more observations than layers.
 *
 * @throws RangeError where there are.
 */
export function checkCount(observations: readonly unknown[], layers: number): void {
  if (observations.length <= layers) return;
  throw new RangeError(
    `observe: ${observations.length} observations, expected one for each of ${layers} layers`,
  );
}

/**
 * The observation of one layer must fit it, and be such that no moment can overflow.
 *
 * @throws RangeError where a shape or a number does not fit, NaN or Infinity was seen, or D is missing;
 *   TypeError where a part is of another type, or of another backend.
 */
export function checkObservation<D extends DType>(
  backend: Backend<D>,
  { name, inputs, outputs }: LayerShape,
  needs: Needs,
  observation: Observation<D>,
): void {
  const where = `observe: layer '${name}'`;
  checkType(where, 'the observation', observation, isObject(observation), 'an object with rows X');
  checkRows(where, 'X', observation.X, backend, inputs);
  const { X, D } = observation;
  const { examples } = batchOf(observation);
  checkPositive(where, 'examples', examples, backend.dtype);
  checkBound(where, 'X', X, 1);
  if (D === undefined) {
    if (needs.outputGradients !== true) return;
    throw new RangeError(`${where} came without D, expected the gradients of the pre-activations`);
  }
  checkRows(where, 'D', D, backend, outputs);
  checkSameRows(where, X, D);
  checkScalar(where, 'examples²/rows', examples ** 2 / D.count, backend.dtype);
  checkBound(where, 'D', D, examples ** 2);
  if (needs.products === true) checkProducts(where, X, D, examples);
}

function checkRows<D extends DType>(
  where: string,
  name: string,
  rows: Rows<D>,
  backend: Backend<D>,
  cols: number,
): void {
  checkType(where, name, rows, isRows(rows), 'rows, as denseRows makes them');
  if (rows.backend !== backend) {
    throw new TypeError(`${where}: ${name} belongs to another backend, expected the optimiser's`);
  }
  checkShape(where, name, rows, rows.rows, cols);
}

/** No entry of scale·XᵀX, its mean, or a sketch of it may overflow. */
function checkBound(where: string, name: string, rows: Rows, scale: number): void {
  const bound = rows.bound();
  if (bound === undefined) return;
  const { dtype } = rows.backend;
  const limit = LARGEST[dtype] / rows.cols;
  if (bound * Math.max(1, scale / rows.count, 1 / rows.count) <= limit) return;
  const what = Number.isFinite(bound) ? `is too large for ${dtype}` : 'holds NaN or Infinity';
  throw new RangeError(
    `${where}: ${name} ${what}: its squared norm is bounded by ${bound}, expected <= ${limit}, the mean over ${rows.count} rows too`,
  );
}

/** No mean of products of squares of X and of D, times `examples`, may overflow. */
function checkProducts(where: string, X: Rows, D: Rows, examples: number): void {
  const [x, d] = [X.bound(), D.bound()];
  if (x === undefined || d === undefined) return;
  const { dtype } = X.backend;
  const bound = x * d * Math.max(1, examples ** 2 / D.count);
  if (bound <= LARGEST[dtype]) return;
  throw new RangeError(
    `${where}: X and D are too large for ${dtype} together: the mean of the products of their squares is bounded by ${bound}, expected <= ${LARGEST[dtype]}`,
  );
}
