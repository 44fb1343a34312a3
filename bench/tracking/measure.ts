// The errors of every policy along one run of training, against what A is and what it has been.

import type { Slot } from '../../src/backend/backend.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { eigh } from '../../src/linalg/eigh.js';
import type { Eigenpairs } from '../../src/nystrom/factor.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { relativeSpectralError } from '../demo/spectral-error.js';
import { secondMoment } from '../measure/matrices.js';
import { backend, follow } from './follow.js';
import { POLICIES, rank } from './policies.js';
import { layerInputs, type Training } from './training.js';

type Matrix = DenseMatrix<'float64'>;

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
  const found: Found[] = [];
  const methods = POLICIES.map(({ make }) => make(training.seed));
  follow(tf, training, methods, onStep, ({ step, layers, averages, heldOut }) => {
    const current = heldOut().map(secondMoment);
    const means = averages();
    for (const [k, p] of layerInputs.entries()) {
      const targets = { current: eigh(current[k]), average: eigh(means[k]) };
      for (const [index, { name }] of POLICIES.entries()) {
        const layer = layers[index][k];
        layer.refresh();
        const pairs = factorOf(layer, (slot) => convert(backend.readSync(slot), 'float64'));
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
            bytes: layer.diagnostics.bytes,
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
