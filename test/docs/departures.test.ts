// docs/departures.md quotes figures; each is computed here and must agree to the digits it prints.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  gradientScale,
  lateDecay,
  momentumDifference,
  newestShare,
  patchError,
  phantomCurvature,
} from './baselines.js';
import {
  asymmetry,
  exactRankError,
  heldAsymmetry,
  megabytes,
  rankError,
  shiftedEigenvalue,
  shrinkage,
  triangularError,
  zeroCorrections,
  zeroEigenvalues,
} from './departures.js';

const figures: Readonly<Record<string, () => number | Promise<number>>> = {
  'zero-corrections': zeroCorrections,
  asymmetry,
  'held-asymmetry': heldAsymmetry,
  'lower-inverse': () => triangularError('N'),
  'transposed-inverse': () => triangularError('T'),
  'exact-rank': exactRankError,
  'shift-on-W': () => shiftedEigenvalue('W'),
  'shift-on-both': () => shiftedEigenvalue('W and C'),
  'shrinkage-gaussian': () => shrinkage('gaussian', 1),
  'shrinkage-subcolumn': () => shrinkage('subcolumn', 1),
  'zero-eigenvalues': () => zeroEigenvalues(10),
  'ours-5': () => rankError('ours', 5),
  'ours-10': () => rankError('ours', 10),
  'ours-40': () => rankError('ours', 40),
  'published-5': () => rankError('published', 5),
  'published-10': () => rankError('published', 10),
  'published-40': () => rankError('published', 40),
  'memory-ours': () => megabytes().ours,
  'memory-dense': () => megabytes().dense,
  'momentum-constant': () => momentumDifference('constant'),
  'momentum-cosine': () => 100 * momentumDifference('cosine'),
  'phantom-curvature': phantomCurvature,
  'gradient-scale': gradientScale,
  'late-decay': lateDecay,
  'newest-ours': () => newestShare('ours'),
  'newest-published': () => newestShare('published'),
  patches: patchError,
};

const text = readFileSync(new URL('../../docs/departures.md', import.meta.url), 'utf8');
// "0.39<!-- figure: name -->", or "below 1e-13<!-- figure: name -->" for rounding errors.
const quoted = [...text.matchAll(/(below )?([\d.]+(?:e-?\d+)?)<!-- figure: ([\w-]+) -->/g)];

describe('departures', () => {
  test('every figure is quoted, and every quotation is a figure', () => {
    const names = quoted.map(([, , , name]) => name);
    expect([...new Set(names)].toSorted()).toEqual(Object.keys(figures).toSorted());
  });

  test.each(
    quoted.map(([, below, digits, name]) => ({ name, digits, below: below !== undefined })),
  )('$name is $digits', async ({ name, digits, below }) => {
    const value = await figures[name]();
    if (below) {
      expect(value).toBeLessThan(Number(digits));
      return;
    }
    const decimals = digits.split('.')[1]?.length ?? 0;
    // Half a unit for the rounding to print, and as much for machines whose last bits differ.
    expect(Math.abs(value - Number(digits))).toBeLessThanOrEqual(10 ** -decimals);
  });
});
