// A small network for the tests: two layers, one with a bias, among parameters of no layer.

import type { Slot } from '../../src/backend/backend.js';
import { type CpuBackend, cpuBackend } from '../../src/backend/cpu.js';
import type { DenseMatrix } from '../../src/core/matrix.js';
import { curvature, type LayerShape, type Method } from '../../src/precondition/method.js';
import {
  type CadenceOptions,
  type LayerParameters,
  NetworkPreconditioner,
  type NetworkStep,
} from '../../src/precondition/network.js';
import type { Observation } from '../../src/precondition/observation.js';
import { movingAverage } from '../../src/rows/accumulator.js';
import { placeRounded } from '../support/backends.js';
import { gaussian, uniform } from '../support/matrices.js';
import { observed, randomBatch } from './runs.js';

export type F64 = 'float64';

/** Weights, biases and two parameters that belong to no layer. */
const PARAMETERS: readonly { readonly rows: number; readonly cols: number }[] = [
  { rows: 4, cols: 3 }, // 0: weight of the first layer
  { rows: 2, cols: 2 }, // 1: free
  { rows: 4, cols: 1 }, // 2: bias of the first
  { rows: 2, cols: 4 }, // 3: weight of the second, which has no bias
  { rows: 5, cols: 1 }, // 4: free
];
export const LAYERS: readonly LayerParameters[] = [
  { name: 'hidden', weight: 0, bias: 2 },
  { weight: 3 },
];
export const SIZES: readonly Pick<LayerShape, 'inputs' | 'outputs'>[] = [
  { inputs: 4, outputs: 4 },
  { inputs: 4, outputs: 2 },
];

export const backend: CpuBackend<F64> = cpuBackend('float64');

/** The two layers, or others, of {@link PARAMETERS}. */
export function network(
  method: Method,
  options: CadenceOptions = {},
  layers: readonly LayerParameters[] = LAYERS,
): NetworkPreconditioner<F64> {
  return new NetworkPreconditioner(backend, method, PARAMETERS, layers, options);
}

/** Step k with what it observes, and nothing clipped unless said. */
export function stepOf(
  index: number,
  observations: readonly (Observation<F64> | undefined)[] = [],
  clip?: number,
): NetworkStep<F64> {
  return { index, observations, clip };
}

/** The network after step 0: from now on its layers precondition by their curvature. */
export function refreshed(on: NetworkPreconditioner<F64>): NetworkPreconditioner<F64> {
  takeStep(on, stepOf(0, observationsOf(0)), gradientsOf(0));
  return on;
}

/** One step that a network takes, into the slots of the gradients. */
export function takeStep(
  on: NetworkPreconditioner<F64>,
  step: NetworkStep<F64>,
  gradients: readonly Slot<F64>[],
): void {
  on.update(step, gradients, gradients);
}

/** A gradient for every parameter. */
export function gradientsOf(seed: number): Slot<F64>[] {
  return PARAMETERS.map(({ rows, cols }, i) =>
    placeRounded(backend, gaussian(uniform(seed + i), rows, cols)),
  );
}

/** An observation for each of the two layers. */
export function observationsOf(seed: number): Observation<F64>[] {
  return SIZES.map((size, i) => observed(backend, randomBatch(seed + i, 6, size)));
}

/** Copies of what the slots hold. */
export function contents(slots: readonly Slot<F64>[]): DenseMatrix<F64>[] {
  return slots.map((slot) => backend.readSync(slot));
}

/** Notes what it is told, and answers with factors[i]·G for layer i. */
export function recorder(factors: readonly number[] = [2, 2]): Method & { readonly log: string[] } {
  const log: string[] = [];
  return {
    name: 'recorder',
    needs: { inputs: true, outputGradients: true },
    maxFailures: 1,
    description: { method: 'recorder' },
    log,
    layers: (shapes) =>
      shapes.map(({ name, inputs, outputs }, i) => {
        log.push(`${name} ${outputs}×${inputs}`);
        return curvature({
          gain: Math.abs(factors[i]),
          flat: 1,
          statistics: [
            {
              name: 'seen',
              rows: 1,
              cols: 1,
              average: movingAverage(0.5),
              of: () => {
                log.push(`observe ${name}`);
              },
            },
          ],
          inverse: {},
          factorise: () => {
            log.push(`refresh ${name}`);
            return { inverse: {} };
          },
          apply: (on, G, _, P) => on.axpby(factors[i], G, 0, P),
        });
      }),
  };
}
