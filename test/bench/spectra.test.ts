// Matrices with prescribed spectra.

import { describe, expect, test } from 'vitest';
import { spectra, spectralMatrix } from '../../bench/approximation/spectra.js';
import { EPSILON } from '../../src/core/dtype.js';
import { randomKey } from '../../src/core/random.js';
import { eigvalsh } from '../../src/linalg/eigh.js';

const p = 64;

describe.each(spectra)('$name, $formula', (spectrum) => {
  const A = spectralMatrix(spectrum, p, randomKey(1));

  test('has the eigenvalues it was given, largest first and 1 the largest', () => {
    const c = 4;
    const eigenvalues = eigvalsh(A);
    expect(spectrum.eigenvalue(1)).toBe(1);
    eigenvalues.forEach((value, j) => {
      const error = Math.abs(value - spectrum.eigenvalue(j + 1));
      expect(error).toBeLessThanOrEqual(c * p * EPSILON.float64);
    });
  });

  test('is symmetric, and the key decides its eigenvectors', () => {
    for (let i = 0; i < p; i++) for (let j = 0; j < i; j++) expect(A.at(i, j)).toBe(A.at(j, i));
    expect(spectralMatrix(spectrum, p, randomKey(1))).toEqual(A);
    expect(spectralMatrix(spectrum, p, randomKey(2))).not.toEqual(A);
  });
});
