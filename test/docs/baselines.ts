// The figures of momentum and the baselines that docs/departures.md quotes.

import { cpuBackend } from '../../src/backend/cpu.js';
import { Cell } from '../../src/backend/state.js';
import { checkInteger } from '../../src/core/check.js';
import { DenseMatrix, zeros } from '../../src/core/matrix.js';
import { frobeniusNorm } from '../../src/kernels/level1.js';
import { descend } from '../../src/optimize/descend.js';
import { momentum } from '../../src/optimize/momentum.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { constant, cosine, type Schedule } from '../../src/optimize/schedules.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method } from '../../src/precondition/method.js';
import { averageFromIdentity, copiedAverage } from '../../src/published/averages.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { publishedKfac } from '../../src/published/optimizers.js';
import { movingAverage } from '../../src/rows/accumulator.js';
import { denseRows } from '../../src/rows/dense.js';
import { extractPatches } from '../../src/rows/images.js';
import { matrixOf, only } from '../precondition/runs.js';
import { directConvolution, elements, type FullGeometry } from '../rows/images.js';
import { gaussian, uniform } from '../support/matrices.js';
import { difference, product } from './departures.js';

/** The published FOOF average of dead inputs (A = 0) after its first update: a multiple of I. */
export function phantomCurvature(): number {
  const backend = cpuBackend('float64');
  const counter = new Cell(0, checkInteger);
  const average = averageFromIdentity(0.95, counter)(backend, 1, 1);
  const X = denseRows(backend, zeros('float64', 128, 1));
  average.update(128, (weight, decay, A) => X.secondMoment(weight, decay, A));
  return backend.readSync(average.slot).at(0, 0) * average.correction;
}

/** What an average after ten updates owes to its newest batch, in per cent. */
export function newestShare(whose: 'ours' | 'published'): number {
  const backend = cpuBackend('float64');
  const averaging = whose === 'ours' ? movingAverage(0.95) : copiedAverage(0.95);
  const average = averaging(backend, 1, 1);
  const one = backend.wrap(scalar(1));
  for (let update = 0; update < 10; update++) {
    const value = update === 9 ? 1 : 0;
    average.update(1, (weight, decay, a) => backend.axpby(weight * value, one, decay, a));
  }
  return 100 * backend.readSync(average.slot).at(0, 0) * average.correction;
}

function scalar(value: number): DenseMatrix<'float64'> {
  return new DenseMatrix('float64', 1, 1, Float64Array.of(value));
}

/** By how much each step of a transform moves one parameter that starts at 1, given its gradient. */
function movements(transform: Transform, gradient: number, steps: number): number[] {
  const backend = cpuBackend('float64');
  const theta = backend.wrap(scalar(1));
  const optimizer = new Optimizer({ backend, transform, parameters: [theta] });
  return Array.from({ length: steps }, () => {
    const before = backend.readSync(theta).at(0, 0);
    optimizer.step([backend.wrap(scalar(gradient))], [theta]);
    return backend.readSync(theta).at(0, 0) - before;
  });
}

/** Largest difference between −(buf ← m·buf + η·g) and our momentum's steps, by the largest of ours. */
export function momentumDifference(schedule: 'constant' | 'cosine'): number {
  const [decay, steps, learningRate] = [0.9, 100, 0.1];
  const eta: Schedule =
    schedule === 'constant' ? constant(learningRate) : cosine({ learningRate, steps });
  const ours = movements(chain(momentum(decay), descend(eta)), 1, steps);
  let buffer = 0;
  const differences = ours.map((moved, k) => {
    buffer = decay * buffer + eta(k);
    return Math.abs(moved + buffer);
  });
  return Math.max(...differences) / Math.max(...ours.map(Math.abs));
}

/** What one batch of 128 adds to B: our KFAC's by the published one's. */
export async function gradientScale(): Promise<number> {
  const [batch, decay] = [128, 0.95];
  const backend = cpuBackend('float64');
  const X = denseRows(backend, gaussian(uniform(6), batch, 1));
  const D = denseRows(backend, gaussian(uniform(7), batch, 1));
  const B = async (method: Method): Promise<number> => {
    const layer = only(method, backend, { inputs: 1, outputs: 1 });
    layer.observe({ X, D, examples: batch });
    return (await matrixOf(backend, layer, 'B/average')).at(0, 0);
  };
  const published = await B(publishedKfacMethod({ decay }));
  return (await B(kfacMethod({ decay }))) / (published - decay);
}

/** The first step at which the published KFAC decays a weight whose gradient is 0. */
export function lateDecay(): number {
  return movements(publishedKfac({ weightDecay: 5e-4 }), 0, 200).findIndex((moved) => moved !== 0);
}

/** Relative error of patches·Wᵀ against a direct convolution, the worst of the groups. */
export function patchError(): number {
  const geometry: FullGeometry = {
    batch: 2,
    channels: 6,
    height: 9,
    width: 8,
    layout: 'channelsFirst',
    kernel: [3, 3],
    stride: [1, 1],
    dilation: [2, 2],
    padding: 'same',
    groups: 3,
  };
  const image = gaussian(uniform(8), 1, elements(geometry)).data;
  const errors = extractPatches<'float64'>(image, geometry).map((X, group) => {
    const W = gaussian(uniform(9 + group), 4, X.cols);
    const direct = directConvolution(image, W, group, geometry);
    return frobeniusNorm(difference(product(X, 'N', W, 'T'), direct)) / frobeniusNorm(direct);
  });
  return Math.max(...errors);
}
