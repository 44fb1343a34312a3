// What transforms make of the parameters of one network, given the same gradients and observations.

import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import type { Transform } from '../../src/optimize/transform.js';
import type { LayerParameters } from '../../src/precondition/network.js';
import { placeRounded } from '../support/backends.js';
import { initialParameters, layerParameters, teacherTask } from '../support/mlp.js';
import { bitsOf, NETWORK, provide, randomPass, type Training, take } from './training.js';

/** The names of the network's parameters: two layers, weight and bias each. */
export const NAMES: readonly string[] = ['body/kernel', 'body/bias', 'head/kernel', 'head/bias'];

/** The layers of the network. */
export const [BODY, HEAD]: readonly LayerParameters[] = layerParameters(NETWORK);

/** A run on the network with named parameters, of which only these `layers` are known. */
export function begin<D extends DType>(
  dtype: D,
  transform: Transform,
  layers: readonly LayerParameters[] = [BODY, HEAD],
): Training<D> {
  const backend = cpuBackend(dtype);
  const parameters = initialParameters(NETWORK, 5).map((theta) => placeRounded(backend, theta));
  const shapes = parameters.map(({ rows, cols }, i) => ({ rows, cols, name: NAMES[i] }));
  const optimizer = new Optimizer({ backend, transform, parameters: shapes, layers });
  return { backend, widths: NETWORK, task: teacherTask(NETWORK, 2, 1), parameters, optimizer };
}

/** One step on random numbers of that seed, of which only the last `layers` are seen. */
export function step<D extends DType>(run: Training<D>, seed: number, layers = 2): void {
  const { observations, ...rest } = provide(run, randomPass(run, seed));
  take(run, { ...rest, observations: layers === 0 ? [] : observations.slice(-layers) });
}

/** Every bit of each parameter after some steps. */
export async function moved(
  dtype: DType,
  transform: Transform,
  layers: readonly LayerParameters[] = [BODY, HEAD],
): Promise<string[]> {
  const run = begin(dtype, transform, layers);
  for (let k = 0; k < 7; k++) step(run, k, layers.length);
  return bitsOf(run.backend, run.parameters);
}
