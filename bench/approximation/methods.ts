// The ways to approximate A by rank r that are compared.

import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { foldIn, type RandomKey } from '../../src/core/random.js';
import { axpby, scale } from '../../src/kernels/level1.js';
import { thinQr } from '../../src/linalg/qr.js';
import { type Eigenpairs, nystromEigenpairs } from '../../src/nystrom/factor.js';
import { trackingSketch } from '../../src/nystrom/tracking.js';
import { publishedEigenpairs } from '../../src/published/factor.js';
import { diagonalColumns } from '../../src/sketch/diagonal.js';
import { drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { product } from '../measure/matrices.js';
import type { Target } from './targets.js';

type Matrix = DenseMatrix<'float64'>;

/** What Â is made from: A sketched in some way, once for every damping. */
export type Approximation = (rho: number) => Eigenpairs;

/** A way to approximate; the same key gives nested sketches at growing ranks. */
export interface Method {
  readonly name: string;
  /** How often the rows are read for one factor: as often as A is multiplied. */
  readonly passes: number;
  readonly approximate: (target: Target, rank: number, key: RandomKey) => Approximation;
}

/** How the published variant's C comes about: its moving average over the updates before a refresh. */
export const publishedAverage = { decay: 0.95, updates: 10 } as const;

export const oversampling = 10;

/** Eigenvectors that a sketch which tracks does not keep. */
const fresh = 2;

const names: Readonly<Record<SketchKind, string>> = {
  gaussian: 'Gaussian',
  subcolumn: 'subcolumn',
};

/** The r leading eigenpairs of A itself: no approximation of rank r has a smaller error. */
export const best: Method = {
  name: 'best rank r',
  passes: Number.NaN,
  approximate: ({ eigenvalues, vectors }, rank) => {
    const U = vectors.view(0, 0, vectors.rows, rank);
    const pairs = { U, eigenvalues: eigenvalues.slice(0, rank), shift: 0, retries: 0 };
    return () => pairs;
  },
};

/** Columns of I by the diagonal of A, which the window before has found. */
const diagonal: Method = {
  name: 'corrected, diagonal',
  passes: 2,
  approximate: ({ A }, rank, key) => {
    const weights = Float64Array.from({ length: A.rows }, (_, i) => A.at(i, i));
    const pairs = pairsOf(A, diagonalColumns(weights, rank, key), rank);
    return () => pairs;
  },
};

/** All that are compared: the unreachable best, our factor, and what the published code computes. */
export const methods: readonly Method[] = [
  best,
  corrected('gaussian', 0),
  corrected('subcolumn', 0),
  corrected('gaussian', oversampling),
  diagonal,
  powered(2),
  tracked(2),
  published('gaussian'),
  published('subcolumn'),
];

/** One sketch held, so that C = AS whatever the number of updates; eigenvalues beyond r dropped. */
export function corrected(kind: SketchKind, oversample: number): Method {
  const suffix = oversample === 0 ? '' : `, r + ${oversample}`;
  return {
    name: `corrected, ${names[kind]}${suffix}`,
    passes: 1,
    approximate: ({ A }, rank, key) => {
      const sketch = sketches(kind, A.rows, rank + oversample, key).newest;
      const pairs = pairsOf(A, sketch, rank);
      return () => pairs;
    },
  };
}

/** The last of so many windows that follow each other, each with two fresh columns: policy 'track'. */
export function tracked(windows: number): Method {
  return {
    name: `track, ${windows} passes`,
    passes: windows,
    approximate: ({ A }, rank, key) => {
      const kept = Math.max(1, rank - fresh);
      let pairs = pairsOf(A, gaussianSketch(A.rows, rank, key), rank);
      for (let window = 1; window < windows; window++) {
        const drawn = gaussianSketch(A.rows, rank, foldIn(key, window));
        pairs = pairsOf(A, trackingSketch(pairs, drawn, kept, 'float64'), rank);
      }
      return () => pairs;
    },
  };
}

/** S = orth(AΩ), and orth(AS) for every further pass: sketch 'power', whose first batch is all rows here. */
export function powered(passes: number): Method {
  return {
    name: `power, ${passes} passes`,
    passes,
    approximate: ({ A }, rank, key) => {
      let sketch = gaussianSketch(A.rows, rank, key);
      for (let pass = 1; pass < passes; pass++) {
        const S = thinQr(product(A, denseSketch(sketch, 'float64'))).Q;
        sketch = { kind: 'dense', inputs: A.rows, width: rank, S };
      }
      const pairs = pairsOf(A, sketch, rank);
      return () => pairs;
    },
  };
}

function gaussianSketch(inputs: number, width: number, key: RandomKey): Sketch<'float64'> {
  return drawSketch('gaussian', { inputs, width }, 'float64', key);
}

function pairsOf(A: Matrix, sketch: Sketch<'float64'>, rank: number): Eigenpairs {
  return nystromEigenpairs(product(A, denseSketch(sketch, 'float64')), sketch, { rank });
}

/** A new sketch at every update and C averaged over all of them; ρ is part of the factor. */
export function published(kind: SketchKind): Method {
  return {
    name: `published, ${names[kind]}`,
    passes: 1,
    approximate: ({ A }, rank, key) => {
      const { newest, average } = sketches(kind, A.rows, rank, key);
      // A stays the same, so the average of the AS is A times the average of the S.
      const C = product(A, average());
      return (rho) => publishedEigenpairs(C, newest, rho);
    },
  };
}

/** The sketches of one window, of which both variants use the newest. */
interface Window {
  readonly newest: Sketch<'float64'>;
  /** Their moving average from 0, bias-corrected. */
  readonly average: () => Matrix;
}

function sketches(kind: SketchKind, inputs: number, width: number, key: RandomKey): Window {
  const { decay, updates } = publishedAverage;
  const draw = (update: number): Sketch<'float64'> =>
    drawSketch(kind, { inputs, width }, 'float64', foldIn(key, update));
  return {
    newest: draw(updates - 1),
    average: () => {
      const S = zeros('float64', inputs, width);
      for (let update = 0; update < updates; update++) {
        axpby(1 - decay, denseSketch(draw(update), 'float64'), decay, S);
      }
      scale(1 / (1 - decay ** updates), S);
      return S;
    },
  };
}
