// The figures of momentum and the baselines that docs/departures.md quotes.

import { layerUnder } from '../../bench/measure/layer.js';
import { type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { Cell } from '../../src/backend/state.js';
import { checkInteger } from '../../src/core/check.js';
import { DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import { frobeniusNorm } from '../../src/kernels/level1.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { constant, cosine, type Schedule } from '../../src/optimize/schedules.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { descend, momentum } from '../../src/optimize/transforms.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method } from '../../src/precondition/method.js';
import { averageFromIdentity, copiedAverage } from '../../src/published/averages.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { publishedKfac } from '../../src/published/optimizers.js';
import { movingAverage } from '../../src/rows/accumulator.js';
import { denseRows } from '../../src/rows/dense.js';
import { extractPatches } from '../../src/rows/patches.js';
import { directConvolution, elements, type FullGeometry } from '../rows/images.js';
import { gaussian, uniform } from '../support/matrices.js';
import { difference, product } from './departures.js';

const backend = cpuBackend('float64');

/** What a 1×1 slot holds. */
function numberIn(slot: Slot<'float64'>): number {
  return backend.readSync(slot).at(0, 0);
}

/** The published FOOF average of dead inputs (A = 0) after its first update: a multiple of I. */
export function phantomCurvature(): number {
  const counter = new Cell(0, checkInteger);
  const average = averageFromIdentity(0.95, counter)(backend, 1, 1);
  const X = denseRows(backend, zeros('float64', 128, 1));
  average.update(128, (weight, decay, A) => X.secondMoment(weight, decay, A));
  return numberIn(average.slot) * average.correction;
}

/** What an average after ten updates owes to its newest batch, in per cent. */
export function newestShare(variant: 'corrected' | 'published'): number {
  const averaging = variant === 'corrected' ? movingAverage : copiedAverage;
  const average = averaging(0.95)(backend, 1, 1);
  const ones = upload(backend, identity('float64', 1));
  for (let update = 0; update < 10; update++) {
    const value = update === 9 ? 1 : 0;
    average.update(1, (weight, decay, a) => backend.axpby(weight * value, ones, decay, a));
  }
  return 100 * numberIn(average.slot) * average.correction;
}

function scalar(value: number): DenseMatrix<'float64'> {
  return new DenseMatrix('float64', 1, 1, Float64Array.of(value));
}

/** By how much each step of a transform moves one parameter that starts at 1, given its gradient. */
function movements(transform: Transform, gradient: number, steps: number): number[] {
  const theta = upload(backend, scalar(1));
  const optimizer = new Optimizer({ backend, transform, parameters: [theta] });
  return Array.from({ length: steps }, () => {
    const before = numberIn(theta);
    optimizer.step([upload(backend, scalar(gradient))], [theta]);
    return numberIn(theta) - before;
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

/** What one batch of 128 adds to B: the corrected KFAC's by the published one's. */
export function gradientScale(): number {
  const [examples, decay] = [128, 0.95];
  const batch = {
    X: denseRows(backend, gaussian(uniform(6), examples, 1)),
    D: denseRows(backend, gaussian(uniform(7), examples, 1)),
    examples,
  };
  const B = (method: Method): number => {
    const layer = layerUnder(method, backend, { inputs: 1, outputs: 1 });
    layer.observe(batch);
    const [average] = layer.state.flatMap(({ name, holds }) =>
      name === 'B/average' && 'slot' in holds ? [holds.slot] : [],
    );
    return numberIn(average);
  };
  return B(kfacMethod({ decay })) / (B(publishedKfacMethod({ decay })) - decay);
}

/** The first step at which the published KFAC decays a weight whose gradient is 0. */
export function lateDecay(): number {
  const transform = publishedKfac({ weightDecay: 5e-4 });
  return movements(transform, 0, 200).findIndex((moved) => moved !== 0);
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
    bias: false,
  };
  const image = gaussian(uniform(8), 1, elements(geometry)).data;
  const errors = extractPatches<'float64'>(image, geometry).map((X, group) => {
    const W = gaussian(uniform(9 + group), 4, X.cols);
    const direct = directConvolution(image, W, group, geometry);
    return frobeniusNorm(difference(product(X, 'N', W, 'T'), direct)) / frobeniusNorm(direct);
  });
  return Math.max(...errors);
}
