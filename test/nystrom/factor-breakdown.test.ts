// What nystromEigenpairs does about a C that is no sketch of a positive semidefinite matrix, and what
// it refuses.

import { describe, expect, test } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { NonFiniteError, NotPositiveDefiniteError } from '../../src/core/errors.js';
import { identity, zeros } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { scale } from '../../src/kernels/level1.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { publishedEigenpairs } from '../../src/published/factor.js';
import { drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { build } from '../support/matrices.js';
import { denseAs, INPUTS, KINDS, SPECTRA, sketchOf, tinyShift } from '../support/nystrom.js';
import { withSpectrum } from '../support/spectra.js';

const CASES = KINDS.flatMap((kind) => DTYPES.map((dtype) => ({ kind, dtype })));

function draw<D extends DType>(
  kind: SketchKind,
  inputs: number,
  width: number,
  dtype: D,
): Sketch<D> {
  return drawSketch(kind, { inputs, width }, dtype, randomKey(1));
}

describe.each(CASES)('nystromEigenpairs, $kind, $dtype', ({ kind, dtype }) => {
  const sketched = (width: number) => {
    const sketch = draw(kind, INPUTS, width, dtype);
    return { sketch, C: sketchOf(withSpectrum('float64', SPECTRA.polynomial, 1), sketch, dtype) };
  };

  describe('where the Cholesky factorisation breaks down', () => {
    /** A = diag(1, −δ, 0, …) with S the first two columns of I. */
    const S = identity('float64', 16).view(0, 0, 16, 2).clone();
    const sketch: Sketch =
      kind === 'gaussian'
        ? denseAs<DType>(S, dtype)
        : { kind: 'columns', inputs: 16, width: 2, indices: Int32Array.of(0, 1) };
    const slightlyIndefinite = (delta: number) => {
      const C = zeros<DType>(dtype, 16, 2);
      C.set(0, 0, 1);
      C.set(1, 1, -delta);
      return C;
    };
    const tiny = tinyShift(slightlyIndefinite(0));

    test('ν grows tenfold until it holds, and the retries are counted', () => {
      for (const [delta, retries] of [
        [0, 0],
        [3 * tiny, 1],
        [30 * tiny, 2],
        [300 * tiny, 3],
      ]) {
        const pairs = nystromEigenpairs(slightlyIndefinite(delta), sketch);
        expect(pairs.retries).toBe(retries);
        expect(Math.abs(pairs.shift / (10 ** retries * tiny) - 1)).toBeLessThanOrEqual(1e-3);
        expect(Math.abs(pairs.eigenvalues[0] - 1)).toBeLessThanOrEqual(10 * EPSILON.float64);
        expect(pairs.eigenvalues[1]).toBe(0);
      }
    });

    test('a shift of 0 becomes one of rounding size', () => {
      const pairs = nystromEigenpairs(slightlyIndefinite(0), sketch, { shift: 0 });
      expect(pairs).toMatchObject({ retries: 1, shift: tiny });
    });

    test('a negative definite A is refused, at every size', () => {
      for (const inputs of [1, 2, 5, 20, 32, 64, 100]) {
        for (const width of [1, Math.ceil(inputs / 3), inputs]) {
          const drawn = draw(kind, inputs, width, dtype);
          const C = denseSketch(drawn, dtype);
          scale(-1, C);
          expect(() => nystromEigenpairs(C, drawn)).toThrow(NotPositiveDefiniteError);
          expect(() => nystromEigenpairs(C, drawn, { shift: 1e-3 })).toThrow(
            NotPositiveDefiniteError,
          );
        }
      }
    });

    test('the tries are bounded where even the shift underflows', () => {
      const C = zeros<DType>(dtype, 16, 2);
      C.set(0, 0, dtype === 'float32' ? -(2 ** -149) : -Number.MIN_VALUE);
      expect(() => nystromEigenpairs(C, sketch)).toThrow(NotPositiveDefiniteError);
    });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%d anywhere in C is a NonFiniteError',
    (value) => {
      const { sketch, C } = sketched(4);
      for (const [i, j] of [
        [0, 0],
        [INPUTS - 1, 3],
        [7, 2],
      ]) {
        const spoilt = C.clone();
        spoilt.set(i, j, value);
        const error = new NonFiniteError('the sketched second moment');
        expect(() => nystromEigenpairs(spoilt, sketch)).toThrow(error);
        expect(() => publishedEigenpairs(spoilt, sketch, 1)).toThrow(error);
      }
    },
  );

  test('shapes, ranks and shifts that do not fit are refused', () => {
    const sketch = draw(kind, 6, 3, dtype);
    const C = zeros(dtype, 6, 3);
    for (const wrong of [zeros(dtype, 5, 3), zeros(dtype, 6, 2)]) {
      const message = `C is ${wrong.rows}×${wrong.cols}, expected 6×3`;
      expect(() => nystromEigenpairs(wrong, sketch)).toThrow(
        new RangeError(`nystromEigenpairs: ${message}`),
      );
      expect(() => publishedEigenpairs(wrong, sketch, 1)).toThrow(
        new RangeError(`publishedEigenpairs: ${message}`),
      );
    }
    for (const rank of [0, 4, 1.5, Number.NaN]) {
      expect(() => nystromEigenpairs(C, sketch, { rank })).toThrow(
        new RangeError(`nystromEigenpairs: rank is ${rank}, expected an integer >= 1 and <= 3`),
      );
    }
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => nystromEigenpairs(C, sketch, { shift: bad })).toThrow(
        new RangeError(
          `nystromEigenpairs: shift is ${bad}, expected 'tiny' or a finite number >= 0`,
        ),
      );
      expect(() => publishedEigenpairs(C, sketch, bad)).toThrow(
        new RangeError(`publishedEigenpairs: rho is ${bad}, expected a finite number >= 0`),
      );
    }
  });
});

test.each(DTYPES)('a sketch with a column of zeros is refused after bounded tries, %s', (dtype) => {
  const S = build(8, 2, (i, j) => (j === 0 ? 1 + i : 0));
  const sketch = denseAs(S, dtype);
  const C = sketchOf(identity('float64', 8), sketch, dtype);
  expect(() => nystromEigenpairs(C, sketch)).toThrow(
    expect.objectContaining({ name: 'NotPositiveDefiniteError', pivot: 1 }),
  );
});
