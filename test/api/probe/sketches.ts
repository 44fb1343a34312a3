// The valid calls of nysact/sketch, activationSketch and what it makes, and the published factor.

import { isDenseMatrix } from '../../../src/core/matrix.js';
import * as root from '../../../src/index.js';
import { gemm, syrk } from '../../../src/linalg/index.js';
import * as published from '../../../src/published/index.js';
import { randomKey } from '../../../src/random.js';
import * as sketch from '../../../src/sketch.js';
import {
  flag,
  integer,
  nonNegative,
  optional,
  own,
  parts,
  positive,
  record,
  that,
  unit,
  word,
} from './kinds.js';
import { dense } from './matrices.js';
import { exported, method, type Routine } from './probe.js';

const key = randomKey(3);
const shape = { inputs: 4, width: 2 };
const shapeKind = record({ inputs: integer(2), width: integer(1, 4) });
const drawn = () => sketch.drawSketch('gaussian', shape, 'float64', key);
const columns = () => sketch.drawSketch('subcolumn', shape, 'float64', key);

/** C = AS of a positive definite A = XᵀX. */
function sketched(): root.DenseMatrix<'float64'> {
  const [X, A, C] = [dense(6, 4), dense(4, 4), dense(4, 2)];
  syrk(1, X, 'T', 0, A, 'both');
  gemm(1, A, 'N', sketch.denseSketch(drawn(), 'float64'), 'N', 0, C);
  return C;
}

const denseKind = parts({ kind: word, inputs: own, width: own, S: own });
const columnsKind = parts({ kind: word, inputs: own, width: own, indices: own });
const workspace = optional(own);
const nystromOptions = optional(
  record({ rank: optional(integer(1, 2)), shift: optional(nonNegative), U: optional(own) }),
);
const inversion = record({
  damping: positive,
  trace: optional(nonNegative),
  root: optional(that((value) => value === 1 || value === 2 || value === 4)),
});
const pairs = () => sketch.nystromEigenpairs(sketched(), drawn());
const pairsKind = parts({
  U: that((value) => isDenseMatrix(value) && value.cols === 2 && value.data.length > 0),
  eigenvalues: own,
});

const observed = () => root.activationSketch({ inputs: 4, rank: 2, seed: 1 }).observe(dense(6, 4));
/** What an accumulator has seen, through the only window on it. */
const seen = (self: ReturnType<typeof observed>) => {
  const { U, eigenvalues, trace } = self.factor();
  return [U.data, eigenvalues, trace];
};

export const sketches: readonly Routine[] = [
  exported(sketch, 'drawSketch', { kind: word, shape: shapeKind, dtype: word, key: own }, () => [
    'gaussian',
    shape,
    'float64',
    key,
  ]),
  ...Object.keys(sketch.DISTRIBUTIONS).map((name) =>
    exported(
      sketch.DISTRIBUTIONS,
      name,
      { shape: shapeKind, dtype: word, key: own },
      () => [shape, 'float64', key],
      { title: `DISTRIBUTIONS.${name}` },
    ),
  ),
  exported(sketch, 'diagonalColumns', { weights: own, width: integer(1, 2), key: own }, () => [
    Float64Array.of(2, 1),
    1,
    key,
  ]),
  exported(sketch, 'denseSketch', { sketch: denseKind, dtype: word }, () => [drawn(), 'float64']),
  exported(
    sketch,
    'denseSketch',
    { sketch: columnsKind, dtype: word },
    () => [columns(), 'float64'],
    { title: 'denseSketch of columns' },
  ),
  exported(
    sketch,
    'nystromEigenpairs',
    { C: own, sketch: denseKind, options: nystromOptions, workspace },
    () => [sketched(), drawn(), { rank: 1 }],
  ),
  exported(
    sketch,
    'trackingSketch',
    { pairs: pairsKind, sketch: denseKind, kept: integer(0, 2), dtype: word },
    () => [pairs(), drawn(), 1, 'float64'],
  ),
  exported(sketch, 'carriedSketch', { pairs: pairsKind, sketch: denseKind, dtype: word }, () => [
    pairs(),
    drawn(),
    'float64',
  ]),
  exported(sketch, 'lowRankInverse', { pairs: pairsKind, dtype: word, options: inversion }, () => [
    pairs(),
    'float64',
    { damping: 1, trace: 1 },
  ]),
  exported(
    sketch,
    'applyLowRankInverse',
    { G: own, inverse: parts({ V: own, c: positive }) },
    () => [dense(3, 4), sketch.lowRankInverse(pairs(), 'float64', { damping: 1 })],
  ),
  exported(sketch, 'residualOf', { eigenvalues: own, trace: nonNegative }, () => [
    Float64Array.of(2, 1),
    4,
  ]),
  exported(
    sketch,
    'rankWithin',
    { eigenvalues: own, trace: nonNegative, residual: nonNegative },
    () => [Float64Array.of(2, 1), 4, 0.5],
  ),
  exported(sketch, 'errorEstimate', { pairs: pairsKind, C: own, sketch: denseKind }, () => [
    pairs(),
    sketched(),
    drawn(),
  ]),
  exported(sketch, 'warningsOf', { eigenvalues: own, damping: positive, dtype: word }, () => [
    Float64Array.of(2, 1),
    1,
    'float64',
  ]),
  exported(sketch, 'effectiveDimension', { eigenvalues: own, damping: positive }, () => [
    Float64Array.of(2, 1),
    1,
  ]),
  exported(
    published,
    'publishedEigenpairs',
    { C: own, sketch: denseKind, rho: nonNegative, workspace },
    () => [sketched(), drawn(), 1],
  ),

  exported(
    root,
    'activationSketch',
    {
      options: record({
        inputs: integer(1),
        rank: integer(1),
        kind: optional(word),
        seed: optional(integer()),
        oversample: optional(integer()),
        probes: optional(integer(0, 4)),
        bias: optional(flag),
        decay: optional(unit),
        dtype: optional(word),
      }),
    },
    () => [{ inputs: 4, rank: 2 }],
  ),
  method(
    'ActivationSketch.observe',
    { X: own, options: optional(record({ weights: optional(own) })) },
    observed,
    () => [dense(3, 4), { weights: [1, 0, 2] }],
    { watch: seen },
  ),
  method('ActivationSketch.merge', { other: own }, observed, () => [observed()], { watch: seen }),
  method(
    'ActivationSketch.advance',
    {
      pairs: pairsKind,
      options: optional(record({ fresh: optional(integer()), carry: optional(flag) })),
    },
    observed,
    () => [observed().factor(), { fresh: 1, carry: true }],
    { watch: seen },
  ),
  method('ActivationSketch.factor', {}, observed, () => []),
  method(
    'NystromFactor.precondition',
    { G: own, options: record({ damping: positive, tail: optional(flag) }) },
    () => observed().factor(),
    () => [dense(3, 4), { damping: 1, tail: true }],
  ),
  method(
    'NystromFactor.effectiveDimension',
    { damping: positive },
    () => observed().factor(),
    () => [1],
  ),
];
