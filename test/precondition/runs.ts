// What the tests of the preconditioners share: batches, and layers fed with them.

import { type Engine, upload } from '../../src/backend/engine.js';
import type { Slot } from '../../src/backend/slot.js';
import { exportState, type PlainState, type StateEntry, scoped } from '../../src/backend/state.js';
import type { DType } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { activations, outputGradients } from '../../src/covariance/activations.js';
import { freeObservation, observation } from '../../src/precondition/observation.js';
import type {
  LayerPreconditioner,
  LayerShape,
  Observation,
  Preconditioner,
} from '../../src/precondition/preconditioner.js';
import { build, gaussian, type Matrix, map, uniform } from '../support/matrices.js';

/** What a layer shows of one batch, in float64. */
export interface Batch {
  /** Activations, m×p. */
  readonly X: Matrix;
  /** Gradients of the mean loss, m×q. */
  readonly D: Matrix;
  readonly weights?: readonly number[];
  /** Examples that the mean loss averages, where a row is not one. */
  readonly examples?: number;
}

type Size = Pick<LayerShape, 'inputs' | 'outputs'>;

/** A batch of `rows` examples with gradients of order 1 an example. */
export function randomBatch(seed: number, rows: number, { inputs, outputs }: Size): Batch {
  const random = uniform(seed);
  const X = gaussian(random, rows, inputs);
  return { X, D: map(gaussian(random, rows, outputs), (d) => d / rows) };
}

/** A gradient of the layer's shape. */
export function randomGradient(seed: number, { inputs, outputs }: Size): Matrix {
  return gaussian(uniform(seed), outputs, inputs);
}

/** A new slot with `A`, rounded to the engine's dtype. */
export function place<D extends DType>(engine: Engine<D>, A: DenseMatrix): Slot<D> {
  return upload(engine, convert(A, engine.dtype));
}

/** The batch as an observation on the engine. */
export function observed<D extends DType>(engine: Engine<D>, batch: Batch): Observation<D> {
  const { X, D, weights, examples } = batch;
  const options = { dtype: engine.dtype, ...(weights === undefined ? {} : { weights }) };
  const counted = examples === undefined ? options : { ...options, examples };
  return observation(engine, activations(X, options), outputGradients(D, counted));
}

/** Shows the layer a batch. */
export function observe<D extends DType>(
  engine: Engine<D>,
  layer: LayerPreconditioner<D>,
  batch: Batch,
): void {
  const seen = observed(engine, batch);
  layer.observe(seen);
  freeObservation(engine, seen);
}

/** P for G. What P's slot held before, here NaN, must not matter. */
export async function apply<D extends DType>(
  engine: Engine<D>,
  layer: LayerPreconditioner<D>,
  G: Matrix,
): Promise<Matrix> {
  const slots = [
    place(engine, G),
    place(
      engine,
      build(G.rows, G.cols, () => Number.NaN),
    ),
  ];
  layer.precondition(slots[0], slots[1]);
  const P = await engine.read(slots[1]);
  for (const slot of slots) engine.free(slot);
  return convert(P, 'float64');
}

/** A preconditioner at work on its layers. */
export interface Run<D extends DType> {
  readonly engine: Engine<D>;
  readonly shapes: readonly LayerShape[];
  readonly layers: readonly LayerPreconditioner<D>[];
}

export function start<D extends DType>(
  preconditioner: Preconditioner,
  engine: Engine<D>,
  shapes: readonly LayerShape[],
): Run<D> {
  return { engine, shapes, layers: preconditioner.init(engine, shapes) };
}

/**
 * Steps [from, to): every layer observes a batch of its own at each, and refreshes at the even ones,
 * waiting for what it read.
 */
export async function learn<D extends DType>(
  { engine, shapes, layers }: Run<D>,
  from: number,
  to: number,
): Promise<void> {
  for (let step = from; step < to; step++) {
    for (const [i, layer] of layers.entries()) {
      observe(engine, layer, randomBatch(1000 * step + i, 6 + step, shapes[i]));
      if (step % 2 !== 0) continue;
      layer.refresh();
      await layer.flush();
    }
  }
}

/** P of every layer for a gradient that `seed` decides. */
export function preconditioned<D extends DType>(
  { engine, shapes, layers }: Run<D>,
  seed: number,
): Promise<Matrix[]> {
  return Promise.all(
    layers.map((layer, i) => apply(engine, layer, randomGradient(seed + i, shapes[i]))),
  );
}

/** The state of all layers, listed. */
export function entriesOf<D extends DType>({ layers }: Run<D>): StateEntry<D>[] {
  return layers.flatMap((layer, i) => scoped(String(i), layer.state));
}

/** A copy of the state of all layers. */
export function snapshot<D extends DType>(run: Run<D>): Promise<PlainState> {
  return exportState(run.engine, entriesOf(run));
}

/** The only layer of a preconditioner with one. */
export function only<D extends DType>(
  preconditioner: Preconditioner,
  engine: Engine<D>,
  size: Size,
): LayerPreconditioner<D> {
  const [layer] = preconditioner.init(engine, [{ name: 'layer', ...size }]);
  return layer;
}

/** A matrix of a layer's state, by name, in float64. */
export async function matrixOf<D extends DType>(
  engine: Engine<D>,
  { state }: LayerPreconditioner<D>,
  name: string,
): Promise<Matrix> {
  const entry = state.find((candidate) => candidate.name === name);
  if (entry === undefined || !('slot' in entry)) throw new TypeError(`no matrix '${name}'`);
  return convert(await engine.read(entry.slot), 'float64');
}

/** A number of a layer's state, by name. */
export function numberOf({ state }: LayerPreconditioner<DType>, name: string): number {
  const entry = state.find((candidate) => candidate.name === name);
  if (entry === undefined || 'slot' in entry) throw new TypeError(`no number '${name}'`);
  return entry.get();
}
