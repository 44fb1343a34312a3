// What the tests of the preconditioners share: batches, and layers fed with them.

import type { Backend, Slot } from '../../src/backend/backend.js';
import { exportState, type PlainState, restoreState } from '../../src/backend/saved-state.js';
import { Cell, type StateEntry, scoped } from '../../src/backend/state.js';
import type { DType } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { Workspace } from '../../src/core/workspace.js';
import { LayerPreconditioner } from '../../src/precondition/layer.js';
import type { LayerShape, Method } from '../../src/precondition/method.js';
import type { Observation } from '../../src/precondition/observation.js';
import { denseRows } from '../../src/rows/dense.js';
import { placeRounded } from '../support/backends.js';
import { build, gaussian, type Matrix, map, product, uniform } from '../support/matrices.js';

/** What a layer shows of one batch, in float64. */
export interface Batch {
  /** Activations, m×p. */
  readonly X: Matrix;
  /** Gradients of the mean loss, m×q. */
  readonly D: Matrix;
  readonly weights?: readonly number[];
  /** The example of each row, where it is told. */
  readonly exampleOf?: readonly number[];
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

/** The batch as an observation on the backend. */
export function observed<D extends DType>(backend: Backend<D>, batch: Batch): Observation<D> {
  const { X, D, weights, exampleOf, examples } = batch;
  return {
    X: denseRows(backend, X, { weights, exampleOf }),
    D: denseRows(backend, D, { weights }),
    examples,
  };
}

/** Frees what {@link observed} made. */
export function release<D extends DType>({ X, D }: Observation<D>): void {
  X.dispose();
  D?.dispose();
}

/** Shows the layer a batch, its gradient G = DᵀX too. */
export function observe<D extends DType>(
  backend: Backend<D>,
  layer: LayerPreconditioner<D>,
  batch: Batch,
): void {
  const seen = observed(backend, batch);
  const { X, D, examples = X.count } = seen;
  const G = placeRounded(backend, product(batch.D, 'T', batch.X, 'N'));
  layer.observe({ X, D, G, examples });
  release(seen);
  backend.free(G);
}

/** P for G. What P's slot held before, here NaN, must not matter. */
export async function apply<D extends DType>(
  backend: Backend<D>,
  layer: LayerPreconditioner<D>,
  G: Matrix,
): Promise<Matrix> {
  const slots = [
    placeRounded(backend, G),
    placeRounded(
      backend,
      build(G.rows, G.cols, () => Number.NaN),
    ),
  ];
  layer.precondition(slots[0], slots[1]);
  const P = await backend.read(slots[1]);
  for (const slot of slots) backend.free(slot);
  return convert(P, 'float64');
}

/** A method at work on its layers. */
export interface Run<D extends DType> {
  readonly backend: Backend<D>;
  readonly shapes: readonly LayerShape[];
  readonly layers: readonly LayerPreconditioner<D>[];
}

export function start<D extends DType>(
  method: Method,
  backend: Backend<D>,
  shapes: readonly LayerShape[],
): Run<D> {
  const workspace = new Workspace();
  const curvatures = method.layers(shapes, backend.dtype);
  const layers = shapes.map(
    (shape, i) => new LayerPreconditioner(backend, shape, method, curvatures[i], workspace),
  );
  return { backend, shapes, layers };
}

/**
 * Steps [from, to): every layer observes a batch of its own at each, and refreshes at the even ones,
 * waiting for what it read.
 */
export async function learn<D extends DType>(
  { backend, shapes, layers }: Run<D>,
  from: number,
  to: number,
): Promise<void> {
  for (let step = from; step < to; step++) {
    for (const [i, layer] of layers.entries()) {
      observe(backend, layer, randomBatch(1000 * step + i, 6 + step, shapes[i]));
      if (step % 2 !== 0) continue;
      layer.refresh();
      await layer.flush();
    }
  }
}

/** P of every layer for a gradient that `seed` decides. */
export function preconditioned<D extends DType>(
  { backend, shapes, layers }: Run<D>,
  seed: number,
): Promise<Matrix[]> {
  return Promise.all(
    layers.map((layer, i) => apply(backend, layer, randomGradient(seed + i, shapes[i]))),
  );
}

/** The state of all layers, listed. */
function entriesOf<D extends DType>({ layers }: Run<D>): StateEntry<D>[] {
  return layers.flatMap((layer, i) => scoped(String(i), layer.state));
}

/** A copy of the state of all layers. */
export function snapshot<D extends DType>(run: Run<D>): Promise<PlainState> {
  return exportState(run.backend, {}, entriesOf(run));
}

/** Puts back what {@link snapshot} gave. */
export function putBack<D extends DType>(run: Run<D>, saved: PlainState): void {
  restoreState(run.backend, {}, entriesOf(run), saved);
  for (const layer of run.layers) layer.abandon();
}

/** The only layer of a method with one. */
export function only<D extends DType>(
  method: Method,
  backend: Backend<D>,
  size: Size,
): LayerPreconditioner<D> {
  return start(method, backend, [{ name: 'layer', ...size }]).layers[0];
}

/** A matrix of a layer's state, by name, in float64. */
export async function matrixOf<D extends DType>(
  backend: Backend<D>,
  layer: LayerPreconditioner<D>,
  name: string,
): Promise<Matrix> {
  return convert(await backend.read(slotOf(layer, name)), 'float64');
}

/** Where a matrix of a layer's state is kept, by name. */
export function slotOf<D extends DType>({ state }: LayerPreconditioner<D>, name: string): Slot<D> {
  const { holds } = entryOf(state, name);
  if (!('slot' in holds)) throw new TypeError(`no matrix '${name}'`);
  return holds.slot;
}

/** A number of a layer's state, by name. */
export function numberOf<D extends DType>({ state }: LayerPreconditioner<D>, name: string): number {
  const { holds } = entryOf(state, name);
  if (!(holds instanceof Cell)) throw new TypeError(`no number '${name}'`);
  return holds.value;
}

/** What a layer's last refresh has found, by name. */
export function foundOf<D extends DType>(
  { diagnostics }: LayerPreconditioner<D>,
  name: string,
): number {
  const value = diagnostics.found[name];
  if (typeof value !== 'number') throw new TypeError(`nothing found by the name '${name}'`);
  return value;
}

/** The eigenvalues that a layer's last refresh has found. */
export function eigenvaluesOf<D extends DType>({
  diagnostics,
}: LayerPreconditioner<D>): Float64Array {
  const { eigenvalues } = diagnostics.found;
  if (!(eigenvalues instanceof Float64Array)) throw new TypeError('no eigenvalues were found');
  return eigenvalues;
}

function entryOf<D extends DType>(state: readonly StateEntry<D>[], name: string): StateEntry<D> {
  const entry = state.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new TypeError(`no entry '${name}'`);
  return entry;
}
