// What sketches make of the activation second moments of the trained network.

import type { LayersModel } from '@tensorflow/tfjs';
import { foldIn, type RandomKey } from '../../src/core/random.js';
import type { SketchKind } from '../../src/sketch/distributions.js';
import { withBias } from '../approximation/activations.js';
import { corrected, type Method, published } from '../approximation/methods.js';
import { activationTarget, type Target } from '../approximation/targets.js';
import type { Samples } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { lowRankMatrix } from '../measure/matrices.js';
import type { Panel } from '../report/heatmap.js';
import type { Progress } from '../report/progress.js';
import { type Quartiles, quartiles } from '../report/statistics.js';
import { firstHidden } from './perceptron.js';
import { relativeSpectralError } from './spectral-error.js';

/** A way to sketch and to make a factor of it. */
export interface Approach {
  readonly variant: 'corrected' | 'published';
  readonly sketch: SketchKind;
  readonly method: Method;
}

/** ‖A − Â‖₂/‖A‖₂ over several sketches of one width, and its least possible value. */
export interface ErrorRow extends Quartiles {
  readonly variant: Approach['variant'];
  readonly sketch: SketchKind;
  /** The name of the approach's method. */
  readonly method: string;
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
  readonly key: RandomKey;
}

/** The damping that the published variant has inside its factor: the paper's for NysAct. */
export const damping = 1;

const held = {
  gaussian: corrected('gaussian', 0),
  subcolumn: corrected('subcolumn', 0),
} as const;

/** Both sketches, as this library uses them and as the published code does. */
export const approaches: readonly Approach[] = [
  { variant: 'corrected', sketch: 'gaussian', method: held.gaussian },
  { variant: 'corrected', sketch: 'subcolumn', method: held.subcolumn },
  { variant: 'published', sketch: 'gaussian', method: published('gaussian') },
  { variant: 'published', sketch: 'subcolumn', method: published('subcolumn') },
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
  ].map(({ name, input }) => activationTarget({ name, X: withBias(input) }));
}

/** Errors of every approach at every rank on every target. */
export function errorsAgainstRank(
  targets: readonly Target[],
  { ranks, sketches, key }: Study,
  progress: Progress,
): ErrorRow[] {
  const cells = targets.flatMap((target) =>
    ranks.flatMap((rank) => approaches.map((approach) => ({ target, rank, approach }))),
  );
  return cells.map(({ target, rank, approach }, index) => {
    const errors = Array.from({ length: sketches }, (_, draw) =>
      relativeSpectralError(
        target,
        approach.method.approximate(target, rank, foldIn(key, draw))(damping),
      ),
    );
    progress.update(index + 1, `${target.name}, r = ${rank}`);
    const { eigenvalues, A } = target;
    const { variant, sketch, method } = approach;
    return {
      layer: target.name,
      inputs: A.rows,
      variant,
      sketch,
      method: method.name,
      rank,
      ...quartiles(errors),
      bestRankR: eigenvalues[rank] / eigenvalues[0],
    };
  });
}

/** A and what the corrected variant makes of it with the first sketch of each kind. */
export function heatMapPanels(target: Target, rank: number, key: RandomKey): Panel[] {
  return [
    { title: 'exact A', A: target.A },
    ...(['gaussian', 'subcolumn'] as const).map((sketch) => {
      const pairs = held[sketch].approximate(target, rank, foldIn(key, 0))(damping);
      return { title: `Â from ${rank} ${columnsOf(sketch)}`, A: lowRankMatrix(pairs) };
    }),
  ];
}

function columnsOf(sketch: SketchKind): string {
  return sketch === 'gaussian' ? 'Gaussian combinations' : 'columns of A';
}
