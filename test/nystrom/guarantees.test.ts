// The Nyström lemma holds for every sketch, up to the shift; and no wrong factor satisfies it.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES, type DType } from '../../src/core/dtype.js';
import { randomKey } from '../../src/core/random.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import type { Sketch } from '../../src/sketch/sketch.js';
import { build, uniform } from '../support/matrices.js';
import {
  denseAs,
  INPUTS,
  SPECTRA,
  type SpectrumName,
  sketchOf,
  tinyShift,
} from '../support/nystrom.js';
import { withSpectrum } from '../support/spectra.js';
import {
  exactnessExcess,
  GUARANTEES,
  type GuaranteeName,
  roundingUnit,
  type Trial,
} from './guarantees.js';
import { type Construction, dense, library, WRONG, type WrongName } from './wrong.js';

/** c of the rounding bound c·(p·eps(float64)·‖A‖ + √p·eps·‖C‖F). */
const ROUNDING = 2;
/** A wrong factor must miss a bound by this many times what rounding may. */
const CLEARLY = 10;

const EXACT = 'Â = A where rank(SᵀAS) = rank(A)';
type MeasureName = GuaranteeName | typeof EXACT;

type Shift = 'tiny' | number;
const SHIFTS: readonly Shift[] = ['tiny', 1e-4, 0.1];

const spectra = fc.constantFrom<SpectrumName[]>(
  'exponential',
  'polynomial',
  'step',
  'rankFive',
  'clustered',
);
const widths = fc.integer({ min: 1, max: 16 });
const seeds = fc.nat(1_000_000);
/** 'dense' is neither Gaussian nor orthogonal: uniform entries, columns of different lengths. */
const kinds = fc.constantFrom('gaussian', 'subcolumn', 'dense');

function draw<D extends DType>(
  kind: 'gaussian' | 'subcolumn' | 'dense',
  width: number,
  dtype: D,
  seed: number,
): Sketch<D> {
  if (kind !== 'dense') return drawSketch(kind, { inputs: INPUTS, width }, dtype, randomKey(seed));
  const random = uniform(seed);
  const S = build(INPUTS, width, (_, j) => (random() - 0.5) * (1 + j / width));
  return denseAs(S, dtype);
}

function trial<D extends DType>(
  name: SpectrumName,
  sketch: Sketch<D>,
  dtype: D,
  seed: number,
  shift: Shift,
  construct: Construction,
): Trial<D> {
  const A = withSpectrum('float64', SPECTRA[name], seed);
  const C = sketchOf(A, sketch, dtype);
  const nu = shift === 'tiny' ? tinyShift(C) : shift;
  return { A, sketch, C, nu, construct };
}

describe.each(DTYPES)('the Nyström lemma, %s', (dtype) => {
  for (const [name, excess] of Object.entries(GUARANTEES)) {
    // A shift of rounding size leaves Â(S) and Â(SM) apart by a multiple of it, where AS is
    // rank-deficient to rounding; every larger shift settles the matter.
    const shifts = fc.constantFrom(
      ...SHIFTS.filter((shift) => !name.includes('range') || shift !== 'tiny'),
    );
    test.prop([spectra, kinds, widths, seeds, shifts], { numRuns: 30 })(
      name,
      (spectrum, kind, width, seed, shift) => {
        const sketch = draw(kind, width, dtype, seed);
        const found = trial(spectrum, sketch, dtype, seed, shift, library);
        expect(excess(found)).toBeLessThanOrEqual(ROUNDING * roundingUnit(found));
      },
    );
  }

  const rank = 5;
  test.prop([kinds, fc.integer({ min: rank, max: 16 }), seeds, fc.constantFrom(...SHIFTS)], {
    numRuns: 30,
  })(EXACT, (kind, width, seed, shift) => {
    const sketch = draw(kind, width, dtype, seed);
    const found = trial('rankFive', sketch, dtype, seed, shift, library);
    expect(exactnessExcess(found, rank)).toBeLessThanOrEqual(ROUNDING * roundingUnit(found));
  });

  const judge = (kind: 'gaussian' | 'subcolumn', seed: number, construct: Construction) => {
    const sketch = draw(kind, 8, dtype, seed);
    return trial('rankFive', sketch, dtype, seed, 1e-3, construct);
  };

  describe('on a matrix of rank 5 with a sketch of 8 columns and ν = 1e-3', () => {
    const violated: readonly (readonly [WrongName, readonly MeasureName[]])[] = [
      [
        'L⁻¹ instead of L⁻ᵀ',
        ['Â ⪯ A + νI', 'λⱼ(Â) ≤ λⱼ(A)', '‖ÂS − AS‖ ≤ ν‖S‖', 'Â depends on range(S) alone', EXACT],
      ],
      [
        'the shift on SᵀC but not on C',
        ['0 ⪯ Â', '‖ÂS − AS‖ ≤ ν‖S‖', 'Â depends on range(S) alone'],
      ],
      ['the shift left in the eigenvalues', ['λⱼ(Â) ≤ λⱼ(A)']],
      ['ten times the shift removed', ['0 ⪯ Â', '‖ÂS − AS‖ ≤ ν‖S‖']],
      [
        'the published variant',
        ['Â ⪯ A + νI', 'λⱼ(Â) ≤ λⱼ(A)', '‖ÂS − AS‖ ≤ ν‖S‖', 'Â depends on range(S) alone', EXACT],
      ],
      ['the eigenvalues halved', ['‖ÂS − AS‖ ≤ ν‖S‖', EXACT]],
    ];
    const measures = { ...GUARANTEES, [EXACT]: (t: Trial<DType>) => exactnessExcess(t, rank) };
    describe.each(['gaussian', 'subcolumn'] as const)('%s', (kind) => {
      test('the dense construction keeps every guarantee', () => {
        for (const seed of [1, 2, 3]) {
          const found = judge(kind, seed, dense);
          for (const excess of Object.values(measures)) {
            expect(excess(found)).toBeLessThanOrEqual(ROUNDING * roundingUnit(found));
          }
        }
      });

      test.each(violated.flatMap(([wrong, names]) => names.map((name) => ({ wrong, name }))))(
        '$wrong violates $name',
        ({ wrong, name }) => {
          for (const seed of [1, 2, 3]) {
            const found = judge(kind, seed, WRONG[wrong]);
            const limit = CLEARLY * ROUNDING * roundingUnit(found);
            expect(measures[name](found)).toBeGreaterThan(limit);
          }
        },
      );
    });
  });
});
