// The contract of a preconditioner: what it may be told, and what it must answer.

import type { Engine } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import type { Stateful } from '../backend/state.js';
import { checkInteger, checkPositive, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';

/** One layer with a weight gradient G of outputs × inputs (q×p, the bias column included). */
export interface LayerShape {
  readonly name: string;
  /** p, one more than the features where the layer has a bias. */
  readonly inputs: number;
  /** q. */
  readonly outputs: number;
}

/** What one batch shows of one layer. */
export interface Observation<D extends DType> {
  /** Activations, m×p: row i times √wᵢ; the last column is 1 (times √wᵢ) where there is a bias. */
  readonly X: Slot<D>;
  /** √w, m×1: ones where the rows are not weighted. */
  readonly rootWeights: Slot<D>;
  /** Σw: the rows that the batch counts for. */
  readonly rows: number;
  /** Examples in the batch: a mean loss times this is a sum over examples. */
  readonly examples: number;
  /** Gradients of the mean loss with respect to the pre-activations, m×q, rows times √wᵢ too. */
  readonly D?: Slot<D>;
}

/**
 * The preconditioner of one layer. `observe` and `precondition` only enqueue work on the engine;
 * `refresh` alone reads from it. A refresh that breaks down keeps the last good inverse.
 */
export interface LayerPreconditioner<D extends DType> extends Stateful<D> {
  /** Folds one batch into the moving averages. */
  observe(observation: Observation<D>): void;
  /**
   * Makes a new inverse from the averages. On an engine that reads asynchronously it takes effect
   * when the read resolves. Does nothing where nothing was observed or a refresh is in flight.
   */
  refresh(): void;
  /** Resolves when no refresh is in flight. */
  flush(): Promise<void>;
  /** P ← the preconditioned G (both q×p). Before the first good refresh the curvature counts as 0. */
  precondition(G: Slot<D>, P: Slot<D>): void;
  /** What the last refresh found. */
  readonly diagnostics: Diagnostics;
}

/** What a layer's refreshes have found so far. After a restore only `failures` is known. */
export interface Diagnostics {
  /** Refreshes that broke down, in all. */
  readonly failures: number;
  /** ν of the last Nyström factor. */
  readonly shift?: number;
  /** Tenfold raises of ν in the last Nyström factor. */
  readonly retries?: number;
  /** Σ λ̂/(λ̂+ρ) of the last Nyström factor. */
  readonly effectiveDimension?: number;
  /** λ̂ of the last Nyström factor, descending. */
  readonly eigenvalues?: Float64Array;
}

/** A way to precondition: makes one {@link LayerPreconditioner} for every layer of a network. */
export interface Preconditioner {
  readonly name: string;
  /** Whether observations must carry D. */
  readonly observesGradients: boolean;
  /** A bound of ‖P‖F/‖G‖F, at any time: what tells an overflow before it happens. */
  readonly gain: number;
  init<D extends DType>(
    engine: Engine<D>,
    layers: readonly LayerShape[],
  ): readonly LayerPreconditioner<D>[];
}

/**
 * An observation must fit its layer.
 *
 * @throws RangeError where a shape does not, or a count is not positive; TypeError where its parts
 *   belong to different engines.
 */
export function checkObservation<D extends DType>(
  { name, inputs, outputs }: LayerShape,
  { X, D, rootWeights, rows, examples }: Observation<D>,
): void {
  const where = `observe: layer '${name}'`;
  checkInteger(where, 'the number of rows of X', X.rows, 1);
  checkShape(where, 'X', X, X.rows, inputs);
  checkShape(where, 'rootWeights', rootWeights, X.rows, 1);
  if (D !== undefined) checkShape(where, 'D', D, X.rows, outputs);
  for (const [part, slot] of [
    ['D', D],
    ['rootWeights', rootWeights],
  ] as const) {
    if (slot === undefined || slot.owner === X.owner) continue;
    throw new TypeError(`${where}: ${part} belongs to another engine than X, expected the same`);
  }
  checkPositive(where, 'rows', rows);
  checkPositive(where, 'examples', examples);
}

/**
 * The D of an observation, for preconditioners that need it.
 *
 * @throws RangeError where the observation has none.
 */
export function gradientsOf<D extends DType>({ name }: LayerShape, { D }: Observation<D>): Slot<D> {
  if (D !== undefined) return D;
  throw new RangeError(
    `observe: layer '${name}' came without D, expected the gradients of the pre-activations`,
  );
}
