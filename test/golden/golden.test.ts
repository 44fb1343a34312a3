// Every recorded trace, replayed: the formulas of this library against float64 reference traces.

import { describe, expect, test } from 'vitest';
import { identity } from '../../src/core/matrix.js';
import { type Eigenpairs, nystromEigenpairs } from '../../src/nystrom/factor.js';
import { applyLowRankInverse, lowRankInverse } from '../../src/nystrom/inverse.js';
import { publishedEigenpairs } from '../../src/published/factor.js';
import type { Sketch } from '../../src/sketch/sketch.js';
import { float32Shift, type ReplayErrors, replay } from './replay.js';
import { matrix64, type Trace, type UnitCase, vectorFiles } from './vectors.js';

/** The traces carry 15 digits; inverses at ρ = 0.03 cost the rest. */
const TOLERANCE_F64 = 1e-9;

/**
 * What float32 may be off by: 1e-4, and four times what the float64 replay is off by when all that
 * was recorded is rounded to float32 and ν is at float32's level of rounding. That share is small
 * where the trace is well-posed and large where the core of a sketch is nearly singular, which no
 * float32 arithmetic can mend.
 */
function toleranceF32(trace: Trace): ReplayErrors {
  const off = replay(trace, { dtype: 'float64', rounded: true, shift: float32Shift(trace) });
  return {
    ...off,
    preconditioned: 1e-4 + 4 * off.preconditioned,
    params: 1e-4 + 4 * off.params,
    byName: 1e-4 + 4 * off.byName,
  };
}

for (const file of vectorFiles()) {
  describe(file.name, () => {
    if (file.kind === 'other') {
      test('is a trace', () => expect.unreachable('it holds neither steps nor cases'));
      return;
    }
    if (file.kind === 'trace') {
      const { trace } = file;
      const arrays = trace.steps.length * Object.keys(trace.params0).length;

      test('replays in float64', () => {
        const errors = replay(trace, { dtype: 'float64' });
        expect(errors.compared).toBe(3 * arrays);
        expect(errors.preconditioned).toBeLessThanOrEqual(TOLERANCE_F64);
        expect(errors.params).toBeLessThanOrEqual(TOLERANCE_F64);
        expect(errors.byName).toBeLessThanOrEqual(TOLERANCE_F64);
      });

      test('replays in float32', () => {
        const errors = replay(trace, { dtype: 'float32' });
        const tolerance = toleranceF32(trace);
        expect(errors.preconditioned).toBeLessThanOrEqual(tolerance.preconditioned);
        expect(errors.params).toBeLessThanOrEqual(tolerance.params);
        expect(errors.byName).toBeLessThanOrEqual(tolerance.byName);
      });
      return;
    }
    test.each(file.cases)('$name', (unit) => {
      const { n, r, rho } = unit;
      const sketch = sketchOf(unit);
      const C = matrix64(unit.C, n);
      expect(
        pairError(unit, publishedEigenpairs(C, sketch, rho), unit.paperCode),
      ).toBeLessThanOrEqual(TOLERANCE_F64);
      expect(
        pairError(unit, nystromEigenpairs(C, sketch, { rank: r }), unit.correctedTiny),
      ).toBeLessThanOrEqual(TOLERANCE_F64);
      expect(
        pairError(
          unit,
          nystromEigenpairs(C, sketch, { rank: r, shift: rho }),
          unit.correctedDamping,
        ),
      ).toBeLessThanOrEqual(TOLERANCE_F64);
    });
  });
}

function sketchOf({ n, r, S, indices }: UnitCase): Sketch<'float64'> {
  const shape = { inputs: n, width: r };
  return indices === null
    ? { kind: 'dense', ...shape, S: matrix64(S, n) }
    : { kind: 'columns', ...shape, indices: Int32Array.from(indices) };
}

/** The larger of the errors of P = (Â+ρI)⁻¹ and of the eigenvalues of Â+ρI, relative to the largest entry. */
function pairError(
  { n, rho }: UnitCase,
  pairs: Eigenpairs,
  recorded: { readonly mu: readonly number[]; readonly P: readonly number[] },
): number {
  const P = applyLowRankInverse(
    identity('float64', n),
    lowRankInverse(pairs, 'float64', { damping: rho }),
  );
  const mu = recorded.mu.toSorted((a, b) => b - a);
  return Math.max(
    largestError(P.data, recorded.P),
    largestError(
      pairs.eigenvalues.map((value) => value + rho),
      mu,
    ),
  );
}

function largestError(ours: ArrayLike<number>, recorded: readonly number[]): number {
  const largest = recorded.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return recorded.reduce((most, x, i) => Math.max(most, Math.abs(x - ours[i])), 0) / largest;
}
