// Layers of several methods that are shown one run of training.

import { cpuBackend } from '../../src/backend/cpu.js';
import { convert, type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { scale } from '../../src/kernels/level1.js';
import { syrk } from '../../src/kernels/syrk.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import type { Method } from '../../src/precondition/method.js';
import { denseRows } from '../../src/rows/dense.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { layerUnder } from '../measure/layer.js';
import { layerInputs, type Training, train } from './training.js';

/** How often layers are observed and refreshed, and the decay of their averages. */
export const cadence = { observeEvery: 5, refreshEvery: 50, decay: 0.95 } as const;

/** What the layers of every method have in common. */
export const backend = cpuBackend('float32');

/** A step at which layers are refreshed. */
export interface Refresh {
  readonly step: number;
  /** The layers of each method in its order, not refreshed yet. */
  readonly layers: readonly (readonly LayerPreconditioner<'float32'>[])[];
  /** The average of all that each layer has been shown. */
  readonly averages: () => DenseMatrix<'float64'>[];
  /** What each layer sees of images that are never trained on. */
  readonly heldOut: () => DenseMatrix<'float64'>[];
}

/** Trains, shows the layers of every method what a layer of the network sees, and calls `look` at every refresh. */
export function follow(
  tf: TensorFlow,
  training: Training,
  methods: readonly Method[],
  onStep: () => void,
  look: (refresh: Refresh) => void,
): void {
  const layers = methods.map((method) =>
    layerInputs.map((inputs) => layerUnder(method, backend, { inputs, outputs: 10 })),
  );
  const sums = layerInputs.map((p) => zeros('float64', p, p));
  let updates = 0;
  train(tf, training, ({ step, inputs, heldOut }) => {
    onStep();
    if (step % cadence.observeEvery === 0) {
      inputs().forEach((X, k) => {
        syrk((1 - cadence.decay) / X.rows, X, 'T', cadence.decay, sums[k], 'both');
        for (const own of layers) {
          const rows = denseRows(backend, convert(X, 'float32'));
          own[k].observe({ X: rows, examples: X.rows });
          rows.dispose();
        }
      });
      updates += 1;
    }
    if (step % cadence.refreshEvery > 0) return;
    const averages = () =>
      sums.map((sum) => {
        const average = sum.clone();
        scale(1 / (1 - cadence.decay ** updates), average);
        return average;
      });
    look({ step, layers, averages, heldOut });
  });
}
