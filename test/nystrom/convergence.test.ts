// docs/convergence.md, its statements about one step: both sides of each, on least squares.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES } from '../../src/core/dtype.js';
import { largestRate, STATEMENT_NAMES, sidesOf } from './statements.js';
import { GRADIENTS, METHODS, stepOf } from './steps.js';

const setups = fc.record({
  spectrum: fc.constantFrom(
    'exponential' as const,
    'polynomial' as const,
    'step' as const,
    'rankFive' as const,
    'clustered' as const,
  ),
  method: fc.constantFrom(...METHODS),
  gradient: fc.constantFrom(...GRADIENTS),
  width: fc.integer({ min: 1, max: 16 }),
  seed: fc.nat(1_000_000),
  damping: fc.constantFrom(1e-4, 1e-3, 1e-2, 0.1, 1, 10),
  batch: fc.integer({ min: 1, max: 8 }),
});
/** η over the largest that a statement allows. */
const rates = fc.constantFrom(1, 0.5, 0.01);

describe.each(DTYPES)('a step, %s', (dtype) => {
  describe.each(STATEMENT_NAMES)('%s', (name) => {
    test.prop([setups, rates], { numRuns: 40 })('holds', (setup, rate) => {
      const step = stepOf(setup, dtype);
      const eta = rate * largestRate(name, step);
      const { left, right, unit } = sidesOf(name, { ...step, eta });
      expect(left).toBeLessThanOrEqual(right + unit);
    });
  });
});
