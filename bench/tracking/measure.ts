// The errors of every policy along one run of training, against what A is and what it has been.

import type { Slot } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { convert, type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { scale } from '../../src/kernels/level1.js';
import { syrk } from '../../src/kernels/syrk.js';
import { eigh } from '../../src/linalg/eigh.js';
import type { Eigenpairs } from '../../src/nystrom/factor.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import { denseRows } from '../../src/rows/dense.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { relativeSpectralError } from '../demo/spectral-error.js';
import { layerUnder } from '../measure/layer.js';
import { secondMoment } from '../measure/matrices.js';
import { POLICIES, rank } from './policies.js';
import { layerInputs, type Training, train } from './training.js';

type Matrix = DenseMatrix<'float64'>;

/** How often layers are observed and refreshed, and the decay of their averages. */
export const cadence = { observeEvery: 5, refreshEvery: 50, decay: 0.95 } as const;

/** What an error is relative to: A of the weights as they are, or the average over all observations. */
export const AGAINST = ['current', 'average'] as const;

/** ‖A − Â‖₂/‖A‖₂ at one refresh. */
export interface Found {
  readonly seed: number;
  readonly step: number;
  /** p. */
  readonly inputs: number;
  readonly policy: string;
  readonly against: (typeof AGAINST)[number];
  readonly error: number;
  /** Of the best approximation of rank r of the same matrix. */
  readonly best: number;
  /** Of the state of the layer. */
  readonly bytes: number;
}

/** Trains one seed and measures at every refresh. */
export function measureSeed(tf: TensorFlow, training: Training, onStep: () => void): Found[] {
  const backend = cpuBackend('float32');
  const policies = POLICIES.map(({ name, make }) => {
    const method = make(training.seed);
    return {
      name,
      layers: layerInputs.map((inputs) => layerUnder(method, backend, { inputs, outputs: 10 })),
    };
  });
  const averages = layerInputs.map((p) => zeros('float64', p, p));
  let updates = 0;
  const found: Found[] = [];
  train(tf, training, ({ step, inputs, heldOut }) => {
    onStep();
    if (step % cadence.observeEvery === 0) {
      inputs().forEach((X, k) => {
        syrk((1 - cadence.decay) / X.rows, X, 'T', cadence.decay, averages[k], 'both');
        for (const { layers } of policies) {
          const rows = denseRows(backend, convert(X, 'float32'));
          layers[k].observe({ X: rows, examples: X.rows });
          rows.dispose();
        }
      });
      updates += 1;
    }
    if (step % cadence.refreshEvery > 0) return;
    const current = heldOut().map(secondMoment);
    for (const [k, p] of layerInputs.entries()) {
      const average = averages[k].clone();
      scale(1 / (1 - cadence.decay ** updates), average);
      const targets = { current: eigh(current[k]), average: eigh(average) };
      for (const { name, layers } of policies) {
        layers[k].refresh();
        const pairs = factorOf(layers[k], (slot) => convert(backend.readSync(slot), 'float64'));
        for (const against of AGAINST) {
          const { eigenvalues } = targets[against];
          found.push({
            seed: training.seed,
            step,
            inputs: p,
            policy: name,
            against,
            error: relativeSpectralError(targets[against], pairs),
            best: eigenvalues[rank] / eigenvalues[0],
            bytes: layers[k].diagnostics.bytes,
          });
        }
      }
    }
  });
  return found;
}

/** The factor that an inverse was made of: V is U, each column scaled. */
function factorOf(
  { state, diagnostics }: LayerPreconditioner<'float32'>,
  read: (slot: Slot<'float32'>) => Matrix,
): Eigenpairs {
  const { eigenvalues } = diagnostics.found;
  const entry = state.find(({ name }) => name === 'inverse/V')?.holds;
  if (!(eigenvalues instanceof Float64Array) || entry === undefined || !('slot' in entry)) {
    throw new TypeError('tracking: the layer has no factor');
  }
  const U = read(entry.slot);
  for (let j = 0; j < U.cols; j++) {
    let squares = 0;
    for (let i = 0; i < U.rows; i++) squares += U.at(i, j) ** 2;
    const factor = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let i = 0; i < U.rows; i++) U.set(i, j, factor * U.at(i, j));
  }
  return { U, eigenvalues, shift: 0, retries: 0 };
}
