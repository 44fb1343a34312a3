// One power step: what the first batch of a window makes of its sketch.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, identity } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { activationSketch } from '../../src/nystrom/activation-sketch.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { powerStep } from '../../src/nystrom/power.js';
import { sketchedMoment } from '../../src/nystrom/sketched-moment.js';
import { trackingSketch } from '../../src/nystrom/tracking.js';
import { Accumulator } from '../../src/rows/accumulator.js';
import { denseRows } from '../../src/rows/dense.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { asyncBackend } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  norm,
  product,
  uniform,
} from '../support/matrices.js';
import {
  approximation,
  INPUTS,
  nuclearNorm,
  operatorNorm,
  SPECTRA,
  type SpectrumName,
  sketchOf,
  tinyShift,
} from '../support/nystrom.js';
import { randomOrthogonal } from '../support/spectra.js';

const seeds = fc.nat(1_000_000);
const spectra = fc.constantFrom<SpectrumName[]>('exponential', 'polynomial', 'step', 'clustered');
/** c of the rounding bounds c·p·eps. */
const ROUNDING = 8;

const drawn = <D extends DType>(width: number, dtype: D, seed: number): Sketch<D> =>
  drawSketch('gaussian', { inputs: INPUTS, width }, dtype, randomKey(seed));

/** XᵀX/m. */
function momentOf(X: Matrix): Matrix {
  const sum = product(X, 'T', X, 'N');
  return combine(1 / X.rows, sum, 0, sum);
}

/** Rows whose second moment has this spectrum. */
function rowsWith(name: SpectrumName, seed: number): Matrix {
  const Q = randomOrthogonal(INPUTS, seed);
  return build(INPUTS, INPUTS, (i, j) => Q.at(j, i) * Math.sqrt(INPUTS * SPECTRA[name][i]));
}

/** The sketch of a window that X opens. */
async function opened<D extends DType>(
  backend: Backend<D>,
  X: Matrix,
  sketch: Sketch<D>,
): Promise<Sketch<D>> {
  const { inputs, width } = sketch;
  const averages = new Accumulator(backend, [sketchedMoment(sketch, 1)], {
    shape: { inputs, width },
    source: () => sketch,
    open: powerStep,
  });
  const rows = denseRows(backend, X);
  averages.observe({ X: rows, examples: X.rows });
  rows.dispose();
  const reading = averages.reading();
  return reading.onHost(await Promise.all(reading.slots.map((slot) => backend.read(slot)))).sketch;
}

function skewness(S: Matrix): number {
  return distance(product(S, 'T', S, 'N'), identity('float64', S.cols));
}

/** How far the columns of A are outside what those of an orthonormal S span. */
function outside(A: Matrix, S: Matrix): number {
  return operatorNorm(combine(1, A, -1, product(S, 'N', product(S, 'T', A, 'N'), 'N')));
}

const BACKENDS: readonly (readonly [string, Backend])[] = [
  ['float32', cpuBackend('float32')],
  ['float64', cpuBackend('float64')],
  ['float32, read later', asyncBackend('float32')],
];

describe.each(BACKENDS)('S after a power step, %s', (_, backend) => {
  const { dtype } = backend;
  const rounding = ROUNDING * INPUTS * EPSILON[dtype];

  test.prop([fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), seeds])(
    'is orthonormal and spans AS, of any number of rows',
    async (m, width, seed) => {
      const X = gaussian(uniform(seed), m, INPUTS);
      const sketch = drawn(width, dtype, seed);
      const S = denseSketch(await opened(backend, X, sketch), 'float64');
      expect(skewness(S)).toBeLessThanOrEqual(rounding);
      const AS = product(momentOf(X), 'N', denseSketch(sketch, 'float64'), 'N');
      // What S itself adds is of the size of pε.
      expect(outside(AS, S)).toBeLessThanOrEqual(4 * rounding * norm(AS));
    },
  );

  test.prop([fc.integer({ min: 1, max: 12 }), seeds])(
    'is that of S itself where the batch is zero',
    async (width, seed) => {
      const sketch = drawn(width, dtype, seed);
      const zeros = build(4, INPUTS, () => 0);
      const S = denseSketch(await opened(backend, zeros, sketch), 'float64');
      expect(skewness(S)).toBeLessThanOrEqual(rounding);
      const before = denseSketch(sketch, 'float64');
      expect(outside(before, S)).toBeLessThanOrEqual(rounding * norm(before));
    },
  );

  test.prop([fc.integer({ min: -8, max: 12 }), seeds])(
    'does not depend on the size of X',
    async (exponent, seed) => {
      const X = gaussian(uniform(seed), 20, INPUTS);
      const sketch = drawn(5, dtype, seed);
      const [S, T] = await Promise.all(
        [X, combine(2 ** exponent, X, 0, X)].map(async (rows) =>
          denseSketch(await opened(backend, rows, sketch), 'float64'),
        ),
      );
      expect(distance(S, T)).toBeLessThanOrEqual(100 * rounding);
    },
  );
});

test('a sketch of columns of I is refused, and nothing is observed', () => {
  const backend = cpuBackend('float64');
  const sketch = drawSketch('subcolumn', { inputs: 6, width: 2 }, 'float64', randomKey(1));
  const averages = new Accumulator(backend, [sketchedMoment(sketch, 1)], {
    shape: sketch,
    source: () => sketch,
    open: powerStep,
  });
  const X = denseRows(backend, gaussian(uniform(1), 3, 6));
  expect(() => averages.observe({ X, examples: 3 })).toThrow(
    new RangeError("powerStep: the sketch is of kind 'columns', expected 'dense'"),
  );
  expect(averages.updates).toBe(0);
});

test('only the first batch of a window turns S', async () => {
  const backend = cpuBackend('float64');
  let turns = 0;
  const averages = new Accumulator(backend, [sketchedMoment({ inputs: INPUTS, width: 3 }, 0.9)], {
    shape: { inputs: INPUTS, width: 3 },
    source: () => drawn(3, 'float64', 1),
    open: () => {
      turns += 1;
    },
  });
  const X = denseRows(backend, gaussian(uniform(1), 3, INPUTS));
  for (const expected of [1, 1, 2]) {
    if (expected === 2) averages.reset();
    averages.observe({ X, examples: 3 });
    expect(turns).toBe(expected);
  }
});

/** Factor and error with the sketch as it is drawn, with the step, and with another one of its own. */
describe.each(DTYPES)('the factor of a matrix that is its own first batch, %s', (dtype) => {
  const backend = cpuBackend(dtype);
  const WIDTH = 6;
  const factorOf = (A: Matrix, sketch: Sketch) =>
    nystromEigenpairs(sketchOf(A, sketch, dtype), sketch);
  const errorOf = (A: Matrix, sketch: Sketch) =>
    nuclearNorm(combine(1, A, -1, approximation(factorOf(A, sketch))));

  /** Every factor shifts by ν, and sums p eigenvalues. */
  const slackOf = (A: Matrix) =>
    2 * INPUTS * tinyShift(convert(A, dtype)) + INPUTS ** 2 * EPSILON[dtype] * norm(A);

  test.prop([spectra, seeds])('errs no more than without the step', async (name, seed) => {
    const X = rowsWith(name, seed);
    const A = momentOf(X);
    const sketch = drawn(WIDTH, dtype, seed);
    const after = errorOf(A, await opened(backend, X, sketch));
    expect(after).toBeLessThanOrEqual(errorOf(A, sketch) + slackOf(A));
  });

  test.prop([fc.constantFrom<SpectrumName[]>('polynomial', 'step'), seeds])(
    'is that of a second window which tracks the whole of the first',
    async (name, seed) => {
      const X = rowsWith(name, seed);
      const A = momentOf(X);
      const sketch = drawn(WIDTH, dtype, seed);
      const tracked = trackingSketch(factorOf(A, sketch), sketch, WIDTH, dtype);
      const difference = Math.abs(
        errorOf(A, await opened(backend, X, sketch)) - errorOf(A, tracked),
      );
      expect(difference).toBeLessThanOrEqual(slackOf(A));
    },
  );

  test('errs less than half as much in the median, beyond the best of its rank', async () => {
    const errors = await Promise.all(
      Array.from({ length: 21 }, async (_, seed) => {
        const X = rowsWith('exponential', seed);
        const A = momentOf(X);
        const sketch = drawn(WIDTH, dtype, seed);
        return [errorOf(A, sketch), errorOf(A, await opened(backend, X, sketch))];
      }),
    );
    const best = SPECTRA.exponential.slice(WIDTH).reduce((sum, value) => sum + value, 0);
    const [without, with_] = [0, 1].map(
      (k) => errors.map((pair) => pair[k] - best).toSorted((a, b) => a - b)[10],
    );
    expect(with_).toBeLessThan(without / 2);
  });
});

const make = () => activationSketch({ inputs: INPUTS, rank: 5, seed: 7, kind: 'power' });

test('an accumulator of kind power is its formula', async () => {
  const batches = [1, 2, 3].map((seed) => gaussian(uniform(seed), 20, INPUTS));
  const sketch = make();
  for (const X of batches) sketch.observe(X);
  const A = momentOf(build(60, INPUTS, (i, j) => batches[Math.floor(i / 20)].at(i % 20, j)));
  const S = await opened(cpuBackend('float64'), batches[0], drawn(5, 'float64', 7));
  const expected = approximation(nystromEigenpairs(sketchOf(A, S, 'float64'), S));
  expect(distance(approximation(sketch.factor()), expected)).toBeLessThanOrEqual(
    100 * INPUTS * EPSILON.float64 * norm(expected),
  );
});

describe('accumulators of kind power', () => {
  const [X, Y, Z] = [1, 2, 3].map((seed) => gaussian(uniform(seed), 20, INPUTS));

  test('merge where the first batch was the same', () => {
    const merged = make().observe(X).observe(Y).merge(make().observe(X).observe(Z));
    const all = make().observe(X).observe(Y).observe(X).observe(Z);
    const [A, B] = [merged, all].map((sketch) => approximation(sketch.factor()));
    expect(distance(A, B)).toBeLessThanOrEqual(ROUNDING * INPUTS * EPSILON.float64 * norm(B));
  });

  test('are refused where it was another', () => {
    expect(() => make().observe(X).merge(make().observe(Y))).toThrow(
      new RangeError(
        'merge: the other accumulator has another sketch, expected the same inputs, rank, kind, seed and dtype, and the same first batch',
      ),
    );
  });
});
