// What sketches make of the activation second moments of the trained network.

import type { LayersModel } from '@tensorflow/tfjs';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { foldIn, type RandomKey, randomKey } from '../../src/core/random.js';
import { activations } from '../../src/covariance/activations.js';
import { gemm } from '../../src/kernels/gemm.js';
import type { Eigenpairs } from '../../src/nystrom/factor.js';
import type { SketchKind } from '../../src/sketch/sketch.js';
import type { TensorFlow } from '../../src/tfjs/index.js';
import { type Method, methods } from '../approximation/methods.js';
import { activationTarget, type Target } from '../approximation/targets.js';
import type { Samples } from '../data/mnist.js';
import type { Panel } from '../report/heatmap.js';
import type { Progress } from '../report/progress.js';
import { type Quartiles, quartiles } from '../report/statistics.js';
import { firstHidden } from './model.js';
import { relativeSpectralError } from './spectral-error.js';

/** A way to sketch and to make a factor of it. */
export interface Approach {
  readonly variant: 'corrected' | 'reference';
  readonly sketch: SketchKind;
}

/** ‖A − Â‖₂/‖A‖₂ over several sketches of one width, and its least possible value. */
export interface ErrorRow extends Approach, Quartiles {
  readonly layer: string;
  /** p, with the bias column. */
  readonly inputs: number;
  readonly rank: number;
  readonly bestRankR: number;
}

/** What to draw. */
export interface Study {
  readonly ranks: readonly number[];
  readonly sketches: number;
  readonly seed: number;
}

/** The damping that the reference variant has inside its factor: the paper's for NysAct. */
export const damping = 1;

export const approaches: readonly Approach[] = [
  { variant: 'corrected', sketch: 'gaussian' },
  { variant: 'corrected', sketch: 'subcolumn' },
  { variant: 'reference', sketch: 'gaussian' },
  { variant: 'reference', sketch: 'subcolumn' },
];

/** The second moments of what the first two layers see of `rows` training images, bias included. */
export function layerTargets(
  tf: TensorFlow,
  model: LayersModel,
  { images }: Samples,
  rows: number,
): Target[] {
  const shown = images.view(0, 0, rows, images.cols);
  return [
    { name: 'first layer', input: shown },
    { name: 'second layer', input: firstHidden(tf, model, shown) },
  ].map(({ name, input }) =>
    activationTarget({ name, X: activations(input, { dtype: 'float64', bias: true }).X }),
  );
}

/** Errors of every approach at every rank on every target. */
export function errorsAgainstRank(
  targets: readonly Target[],
  { ranks, sketches, seed }: Study,
  progress: Progress,
): ErrorRow[] {
  const cells = targets.flatMap((target) =>
    ranks.flatMap((rank) => approaches.map((approach) => ({ target, rank, approach }))),
  );
  return cells.map(({ target, rank, approach }, index) => {
    const errors = Array.from({ length: sketches }, (_, draw) =>
      relativeSpectralError(target, approximate(target, approach, rank, keyOf(seed, draw))),
    );
    progress.update(index + 1, `${target.name}, r = ${rank}`);
    const { eigenvalues, A } = target;
    return {
      layer: target.name,
      inputs: A.rows,
      ...approach,
      rank,
      ...quartiles(errors),
      bestRankR: eigenvalues[rank] / eigenvalues[0],
    };
  });
}

/** A and what the corrected variant makes of it with the first sketch of each kind. */
export function heatMapPanels(target: Target, rank: number, seed: number): Panel[] {
  return [
    { title: 'exact A', A: target.A },
    ...(['gaussian', 'subcolumn'] as const).map((sketch) => {
      const pairs = approximate(target, { variant: 'corrected', sketch }, rank, keyOf(seed, 0));
      return { title: `Â from ${rank} ${columnsOf(sketch)}`, A: product(pairs) };
    }),
  ];
}

function columnsOf(sketch: SketchKind): string {
  return sketch === 'gaussian' ? 'Gaussian combinations' : 'columns of A';
}

function approximate(
  target: Target,
  { variant, sketch }: Approach,
  rank: number,
  key: RandomKey,
): Eigenpairs {
  return methodNamed(`${variant}, ${sketch}`).approximate(target, rank, key)(damping);
}

function methodNamed(wanted: string): Method {
  const method = methods.find(({ name }) => name === wanted);
  if (method === undefined) throw new RangeError(`curvature: there is no method '${wanted}'`);
  return method;
}

function keyOf(seed: number, draw: number): RandomKey {
  return foldIn(randomKey(seed), draw);
}

/** U·diag(λ̂)·Uᵀ. */
function product({ U, eigenvalues }: Eigenpairs): DenseMatrix<'float64'> {
  const scaled = zeros('float64', U.rows, U.cols);
  for (let i = 0; i < U.rows; i++) {
    for (let j = 0; j < U.cols; j++) scaled.set(i, j, eigenvalues[j] * U.at(i, j));
  }
  const A = zeros('float64', U.rows, U.rows);
  gemm(1, scaled, 'N', U, 'T', 0, A);
  return A;
}
