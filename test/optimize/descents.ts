// Optimisers on least squares that can be asked, at any moment, where a step would lead.

import { type CpuBackend, cpuBackend } from '../../src/backend/cpu.js';
import type { PlainState } from '../../src/backend/saved-state.js';
import type { DType } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { foof, nysact } from '../../src/optimize/optimizers.js';
import type { Transform } from '../../src/optimize/transform.js';
import type { Diagnostics } from '../../src/precondition/layer.js';
import { denseRows } from '../../src/rows/dense.js';
import { placeRounded } from '../support/backends.js';
import { activations, type LeastSquares } from '../support/least-squares.js';
import {
  build,
  combine,
  gaussian,
  type Matrix,
  map,
  product,
  uniform,
} from '../support/matrices.js';

/** The settings of a run without momentum or decay. */
export interface Settings {
  readonly learningRate: number;
  readonly damping: number;
  readonly rank: number;
  readonly refreshEvery: number;
  readonly seed: number;
}

/** FOOF and NysAct, observing at every step. */
export const METHODS = {
  foof: ({ learningRate, damping, refreshEvery }: Settings) =>
    foof({ learningRate, damping, refreshEvery, observeEvery: 1 }),
  'nysact, gaussian': (settings: Settings) => nysact({ ...settings, observeEvery: 1 }),
  'nysact, subcolumn': (settings: Settings) =>
    nysact({ ...settings, observeEvery: 1, sketch: 'subcolumn' }),
} as const satisfies Record<string, (settings: Settings) => Transform>;
export type MethodName = keyof typeof METHODS;
export const NAMES: readonly MethodName[] = ['foof', 'nysact, gaussian', 'nysact, subcolumn'];

/** Targets with noise, so that gradients of examples differ at the minimum too. */
export function problemOf(
  eigenvalues: readonly number[],
  n: number,
  q: number,
  seed: number,
): LeastSquares {
  const random = uniform(seed);
  const X = activations(eigenvalues, n, seed);
  const teacher = gaussian(random, q, eigenvalues.length);
  return { X, Y: combine(1, product(X, 'N', teacher, 'T'), 0.1, gaussian(random, n, q)) };
}

/** Where a run stands. */
export interface Moment {
  readonly W: Matrix;
  readonly state: PlainState;
}

/** What a step leads to, and what its refresh has found. */
export interface Outcome {
  readonly W: Matrix;
  readonly found: Diagnostics['found'];
}

/** The steps of one layer's weight, q×p, from whatever moment. */
export class Descent<D extends DType> {
  readonly #backend: CpuBackend<D>;
  readonly #optimizer: Optimizer<D>;
  readonly #shape: { readonly rows: number; readonly cols: number };
  readonly #before: Promise<PlainState>;

  constructor(dtype: D, transform: Transform, shape: { rows: number; cols: number }) {
    this.#backend = cpuBackend(dtype);
    this.#shape = shape;
    this.#optimizer = new Optimizer({
      backend: this.#backend,
      transform,
      parameters: [shape],
      layers: [{ weight: 0 }],
    });
    this.#before = this.#optimizer.exportState();
  }

  /** The moment before the first step. */
  async start(W: Matrix): Promise<Moment> {
    return { W, state: await this.#before };
  }

  /** The step from a moment with the gradient G, the layer being shown `rows`. */
  outcome({ W, state }: Moment, G: Matrix, rows: Matrix): Outcome {
    this.#optimizer.restoreState(state);
    const slots = [G, W].map((A) => placeRounded(this.#backend, A));
    const X = denseRows(this.#backend, rows);
    this.#optimizer.step([slots[0]], [slots[1]], [{ X }]);
    const end = convert(this.#backend.readSync(slots[1]), 'float64');
    X.dispose();
    for (const slot of slots) this.#backend.free(slot);
    return { W: end, found: this.#optimizer.diagnostics[0].found };
  }

  /** The moment after that step. */
  async next(moment: Moment, G: Matrix, rows: Matrix): Promise<Moment> {
    const { W } = this.outcome(moment, G, rows);
    return { W, state: await this.#optimizer.exportState() };
  }

  /** The P̃ of the step from a moment: what it makes of unit gradients, from W = 0. */
  preconditioner({ state }: Moment, rows: Matrix, eta: number): Matrix {
    const { rows: q, cols: p } = this.#shape;
    const zero = build(q, p, () => 0);
    let P = build(p, p, () => 0);
    for (let first = 0; first < p; first += q) {
      const G = build(q, p, (i, j) => (j === first + i ? 1 : 0));
      const { W } = this.outcome({ W: zero, state }, G, rows);
      P = combine(
        1,
        P,
        1,
        product(
          G,
          'T',
          map(W, (w) => -w / eta),
          'N',
        ),
      );
    }
    return P;
  }
}
