// A transform at work on a small network, step by step, with its whole state to look at.

import type { Backend, Slot } from '../../src/backend/backend.js';
import type { PlainEntry, PlainState } from '../../src/backend/saved-state.js';
import type { DType } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import type { HessianProduct } from '../../src/optimize/hessian-product.js';
import { Optimizer, type StepOptions } from '../../src/optimize/optimizer.js';
import type { Transform } from '../../src/optimize/transform.js';
import type { Observation } from '../../src/precondition/observation.js';
import { denseRows } from '../../src/rows/dense.js';
import { placeRounded } from '../support/backends.js';
import { gaussian, type Matrix, map, product, uniform } from '../support/matrices.js';
import {
  initialParameters,
  layerParameters,
  type Pass,
  pass,
  type Seen,
  type Task,
  teacherTask,
} from '../support/mlp.js';

/** Inputs, hidden units and outputs. */
export const NETWORK: readonly number[] = [6, 5, 3];

/** Linear least squares: a convex quadratic. */
export const LINEAR: readonly number[] = [6, 3];

const EXAMPLES = 24;

/** An optimiser, the parameters that it moves and the task that they are for. */
export interface Training<D extends DType> {
  readonly backend: Backend<D>;
  readonly widths: readonly number[];
  readonly task: Task;
  readonly parameters: readonly Slot<D>[];
  readonly optimizer: Optimizer<D>;
}

/** What one step is given. */
export interface StepInput<D extends DType> {
  readonly gradients: readonly Slot<D>[];
  readonly observations: readonly Observation<D>[];
  readonly options: StepOptions<D>;
}

/** The same parameters at every start. */
export function start<D extends DType>(
  backend: Backend<D>,
  transform: Transform,
  widths: readonly number[] = NETWORK,
): Training<D> {
  const parameters = initialParameters(widths, 5).map((theta) => placeRounded(backend, theta));
  const layers = layerParameters(widths);
  const optimizer = new Optimizer({ backend, transform, parameters, layers });
  return { backend, widths, task: teacherTask(widths, EXAMPLES, 17), parameters, optimizer };
}

/** The pass over the whole task with the parameters as they are. */
async function passNow<D extends DType>(training: Training<D>): Promise<Pass> {
  const { backend, parameters, task } = training;
  const theta = await Promise.all(parameters.map((slot) => backend.read(slot)));
  return pass(
    theta.map((A) => convert(A, 'float64')),
    task,
  );
}

/** A pass of random numbers of the same shapes, its gradients times `scale`. */
export function randomPass<D extends DType>(
  { parameters, widths }: Training<D>,
  seed: number,
  scale = 1,
): Omit<Pass, 'loss'> {
  const random = uniform(seed);
  const gradients = parameters.map(({ rows, cols }) => times(scale, gaussian(random, rows, cols)));
  const layers = widths.slice(1).map((outputs, layer) => ({
    X: gaussian(random, EXAMPLES, widths[layer] + 1),
    D: times(1 / EXAMPLES, gaussian(random, EXAMPLES, outputs)),
  }));
  return { gradients, layers };
}

function times(factor: number, A: Matrix): Matrix {
  A.data.forEach((value, k) => {
    A.data[k] = factor * value;
  });
  return A;
}

/** A pass on the backend: of what the layers have seen, only what the coming step needs. */
export function provide<D extends DType>(
  { backend, optimizer }: Training<D>,
  { gradients, layers }: Omit<Pass, 'loss'>,
): StepInput<D> {
  const { inputs, outputGradients: wanted, curvature } = optimizer.needs;
  const observed = inputs ? layers.map((seen) => observe(backend, seen, wanted)) : [];
  return {
    gradients: gradients.map((G) => placeRounded(backend, G)),
    observations: observed,
    options: curvature ? { hessianProduct: curvatureOf(backend, layers) } : {},
  };
}

/** V ↦ VXᵀX/m layer by layer: the Hessian of a linear layer, by operations that read nothing. */
function curvatureOf<D extends DType>(
  backend: Backend<D>,
  layers: readonly Pick<Seen, 'X'>[],
): HessianProduct<D> {
  const moments = layers.map(({ X }) =>
    convert(
      map(product(X, 'T', X, 'N'), (a) => a / X.rows),
      backend.dtype,
    ),
  );
  return (vectors, products) => {
    moments.forEach((moment, layer) => {
      const [weight, bias] = [2 * layer, 2 * layer + 1];
      backend.borrow((lend) => {
        const { rows, cols } = vectors[weight];
        const [A, V, P] = [moment.rows, rows, rows].map((m) => lend(m, cols + 1));
        backend.write(A, moment);
        backend.joinColumns(vectors[weight], vectors[bias], V);
        backend.gemm(1, V, 'N', A, 'N', 0, P);
        backend.sliceColumns(P, 0, products[weight]);
        backend.sliceColumns(P, cols, products[bias]);
      });
    });
  };
}

function observe<D extends DType>(
  backend: Backend<D>,
  { X, D }: Seen,
  withGradients: boolean,
): Observation<D> {
  const rows = { X: denseRows(backend, X) };
  return withGradients ? { ...rows, D: denseRows(backend, D) } : rows;
}

/** One step, which uses its input up. */
export function take<D extends DType>(
  { backend, optimizer, parameters }: Training<D>,
  { gradients, observations, options }: StepInput<D>,
): void {
  optimizer.step(gradients, parameters, observations, options);
  for (const slot of gradients) backend.free(slot);
  for (const { X, D } of observations) {
    X.dispose();
    D?.dispose();
  }
}

/** So many steps on the task's own gradients, each flushed; gives the losses before every step. */
export async function train<D extends DType>(
  training: Training<D>,
  steps: number,
): Promise<number[]> {
  const losses: number[] = [];
  for (let k = 0; k < steps; k++) {
    const now = await passNow(training);
    losses.push(now.loss);
    take(training, provide(training, now));
    await training.optimizer.flush();
  }
  return losses;
}

/** Every bit of the parameters and of the state, and what has been counted. */
export async function everything<D extends DType>({
  backend,
  parameters,
  optimizer,
}: Training<D>): Promise<object> {
  return {
    parameters: await bitsOf(backend, parameters),
    state: stateBits(await optimizer.exportState()),
    steps: optimizer.steps,
    learningRate: optimizer.learningRate,
    needs: optimizer.needs,
  };
}

/** Every bit of some slots. */
export async function bitsOf<D extends DType>(
  backend: Backend<D>,
  slots: readonly Slot<D>[],
): Promise<string[]> {
  const contents = await Promise.all(slots.map((slot) => backend.read(slot)));
  return contents.map(({ data }) => hex(data));
}

/** Every bit of a state, entry by entry, and the run that it is of. */
export function stateBits({ entries, ...rest }: PlainState): object {
  const bits = Object.entries(entries).map(([name, value]) => [name, hex(arrayOf(value))]);
  return { ...rest, entries: Object.fromEntries(bits) };
}

/** The numbers of an entry. */
function arrayOf(value: PlainEntry): Float32Array | Float64Array | Int32Array {
  if (typeof value === 'number') return Float64Array.of(value);
  return 'data' in value ? value.data : value;
}

function hex({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}
