// The figures of momentum and the baselines that docs/departures.md quotes.

import { cpuEngine } from '../../src/backend/cpu.js';
import { upload } from '../../src/backend/engine.js';
import { DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import { MovingAverage } from '../../src/covariance/moving-average.js';
import { extractPatches } from '../../src/covariance/patches.js';
import { CopiedAverage, IdentityAverage } from '../../src/covariance/reference-averages.js';
import { frobeniusNorm } from '../../src/kernels/level1.js';
import { kfac } from '../../src/optimize/aliases.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { constant, cosine, type Schedule } from '../../src/optimize/schedules.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { scaleByLearningRate, trace } from '../../src/optimize/transforms.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { directConvolution, elements, type FullGeometry } from '../covariance/images.js';
import { gaussian, uniform } from '../support/matrices.js';
import { difference, product } from './departures.js';

/** The published FOOF average of dead inputs (A = 0) after its first update: a multiple of I. */
export function phantomCurvature(): number {
  const engine = cpuEngine('float64');
  const average = new IdentityAverage(engine, 1, 0.95, { updates: 0 });
  const X = upload(engine, zeros('float64', 128, 1));
  average.update(128, (weight, decay, A) => engine.secondMoment(X, weight, decay, A));
  return engine.read(average.slot).at(0, 0) * average.correction;
}

/** What an average after ten updates owes to its newest batch, in per cent. */
export function newestShare(variant: 'corrected' | 'reference'): number {
  const engine = cpuEngine('float64');
  const average =
    variant === 'corrected'
      ? new MovingAverage(engine, 1, 1, 0.95)
      : new CopiedAverage(engine, 1, 1, 0.95);
  const ones = upload(engine, identity('float64', 1));
  for (let update = 0; update < 10; update++) {
    const value = update === 9 ? 1 : 0;
    average.update(1, (weight, decay, a) => engine.axpby(weight * value, ones, decay, a));
  }
  return 100 * engine.read(average.slot).at(0, 0) * average.correction;
}

function scalar(value: number): DenseMatrix<'float64'> {
  return new DenseMatrix('float64', 1, 1, Float64Array.of(value));
}

/** By how much each step of a transform moves one parameter that starts at 1, given its gradient. */
function movements(transform: Transform, gradient: number, steps: number): number[] {
  const engine = cpuEngine('float64');
  const theta = engine.wrap(scalar(1));
  const optimizer = new Optimizer({ engine, transform, parameters: [theta] });
  return Array.from({ length: steps }, () => {
    const before = engine.read(theta).at(0, 0);
    optimizer.step([engine.wrap(scalar(gradient))], [theta]);
    return engine.read(theta).at(0, 0) - before;
  });
}

/** Largest difference between −(buf ← m·buf + η·g) and our momentum's steps, by the largest of ours. */
export function momentumDifference(schedule: 'constant' | 'cosine'): number {
  const [momentum, steps, learningRate] = [0.9, 100, 0.1];
  const eta: Schedule =
    schedule === 'constant' ? constant(learningRate) : cosine({ learningRate, steps });
  const ours = movements(chain(trace({ momentum }), scaleByLearningRate(eta)), 1, steps);
  let buffer = 0;
  const differences = ours.map((moved, k) => {
    buffer = momentum * buffer + eta(k);
    return Math.abs(moved + buffer);
  });
  return Math.max(...differences) / Math.max(...ours.map(Math.abs));
}

/** What one batch of 128 adds to B: the corrected KFAC's by the published one's. */
export function gradientScale(): number {
  const [batch, decay] = [128, 0.95];
  const engine = cpuEngine('float64');
  const X = upload(engine, gaussian(uniform(6), batch, 1));
  const D = upload(engine, gaussian(uniform(7), batch, 1));
  const rootWeights = upload(engine, zeros('float64', batch, 1));
  const B = (variant: 'corrected' | 'reference'): number => {
    const shape = { name: 'dense', inputs: 1, outputs: 1 };
    const [layer] = kfacPreconditioner({ variant, decay }).init(engine, [shape]);
    layer.observe({ X, D, rootWeights, rows: batch, examples: batch });
    const [average] = layer.state.flatMap((entry) =>
      entry.name === 'B/average' && 'slot' in entry ? [entry.slot] : [],
    );
    return engine.read(average).at(0, 0);
  };
  return B('corrected') / (B('reference') - decay);
}

/** The first step at which the published KFAC decays a weight whose gradient is 0. */
export function lateDecay(): number {
  return movements(kfac({ variant: 'reference' }), 0, 200).findIndex((moved) => moved !== 0);
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
    bias: true,
  };
  const image = gaussian(uniform(8), 1, elements(geometry)).data;
  const errors = extractPatches<'float64'>(image, geometry).map((X, group) => {
    const W = gaussian(uniform(9 + group), 4, X.cols);
    const direct = directConvolution(image, W, group, geometry);
    return frobeniusNorm(difference(product(X, 'N', W, 'T'), direct)) / frobeniusNorm(direct);
  });
  return Math.max(...errors);
}
