// From activations and gradients on the host to an observation on an engine.

import type { CpuEngine } from '../backend/cpu.js';
import { type Engine, upload } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import { checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import type { Activations, OutputGradients } from '../covariance/activations.js';
import type { Observation } from './preconditioner.js';

/**
 * What a batch shows of one layer, on `engine`: shared with the host where the engine can wrap its
 * matrices, copied otherwise (free it with {@link freeObservation} then).
 *
 * Both need the same weights: X and D are multiplied by their roots, and one sum Σw serves both.
 *
 * @throws RangeError where the gradients have another number of rows than the activations, or other
 *   weights.
 */
export function observation<D extends DType>(
  engine: Engine<D> | CpuEngine<D>,
  { X, rootWeights, rows }: Activations<D>,
  gradients?: OutputGradients<D>,
): Observation<D> {
  const put = (A: DenseMatrix<D>): Slot<D> =>
    'wrap' in engine ? engine.wrap(A) : upload(engine, A);
  if (gradients === undefined) {
    return { X: put(X), rootWeights: put(rootWeights), rows, examples: rows };
  }
  const { D, examples } = gradients;
  checkShape('observation', 'D', D, X.rows, D.cols);
  checkSameWeights(rootWeights, gradients.rootWeights);
  return { X: put(X), rootWeights: put(rootWeights), rows, examples, D: put(D) };
}

function checkSameWeights({ data: a }: DenseMatrix, { data: d }: DenseMatrix): void {
  const row = a.findIndex((root, i) => root !== d[i]);
  if (row === -1) return;
  throw new RangeError(
    `observation: row ${row} weighs ${a[row] ** 2} in X and ${d[row] ** 2} in D, expected the same weights`,
  );
}

/** Frees the slots of an observation. */
export function freeObservation<D extends DType>(
  engine: Engine<D>,
  { X, rootWeights, D }: Observation<D>,
): void {
  for (const slot of [X, rootWeights, D]) if (slot !== undefined) engine.free(slot);
}
