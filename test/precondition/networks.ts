// A small network for the tests: two layers, one with a bias, among parameters of no layer.

import { type CpuBackend, cpuBackend } from '../../src/backend/cpu.js';
import type { Slot } from '../../src/backend/slot.js';
import type { DenseMatrix } from '../../src/core/matrix.js';
import {
  type LayerParameters,
  type NetworkOptions,
  NetworkPreconditioner,
} from '../../src/precondition/network.js';
import type {
  LayerPreconditioner,
  LayerShape,
  Observation,
  Preconditioner,
} from '../../src/precondition/preconditioner.js';
import { gaussian, uniform } from '../support/matrices.js';
import { observed, place, randomBatch } from './runs.js';

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
  preconditioner: Preconditioner,
  options: NetworkOptions = {},
  layers: readonly LayerParameters[] = LAYERS,
): NetworkPreconditioner<F64> {
  return new NetworkPreconditioner(backend, preconditioner, PARAMETERS, layers, options);
}

/** A gradient for every parameter. */
export function gradientsOf(seed: number): Slot<F64>[] {
  return PARAMETERS.map(({ rows, cols }, i) =>
    place(backend, gaussian(uniform(seed + i), rows, cols)),
  );
}

/** An observation for each of the two layers. */
export function observationsOf(seed: number): Observation<F64>[] {
  return SIZES.map((size, i) => observed(backend, randomBatch(seed + i, 6, size)));
}

/** Copies of what the slots hold. */
export function contents(slots: readonly Slot<F64>[]): DenseMatrix<F64>[] {
  return slots.map((slot) => backend.read(slot));
}

/** Notes what it is told, and answers with factors[i]·G for layer i. */
export function recorder(
  factors: readonly number[] = [2, 2],
): Preconditioner & { readonly log: string[] } {
  const log: string[] = [];
  return {
    name: 'recorder',
    observesGradients: true,
    gain: Math.max(...factors),
    log,
    init: (on, shapes) =>
      shapes.map(({ name, inputs, outputs }, i): LayerPreconditioner<typeof on.dtype> => {
        log.push(`${name} ${outputs}×${inputs}`);
        return {
          observe: () => log.push(`observe ${name}`),
          refresh: () => log.push(`refresh ${name}`),
          flush: () => Promise.resolve(),
          precondition: (G, P) => on.axpby(factors[i], G, 0, P),
          diagnostics: { failures: i },
          state: [],
        };
      }),
  };
}
