// Every recorded trace, replayed: the formulas of this library against float64 reference traces.

import { describe, expect, test } from 'vitest';
import { identity } from '../../src/core/matrix.js';
import {
  type Eigenpairs,
  nystromEigenpairs,
  referenceEigenpairs,
} from '../../src/nystrom/factor.js';
import { applyLowRankInverse, lowRankInverse } from '../../src/nystrom/inverse.js';
import type { Sketch } from '../../src/sketch/sketch.js';
import { replay } from './replay.js';
import { matrix64, type UnitCase, vectorFiles } from './vectors.js';

/** The traces carry 15 digits; inverses at ρ = 0.03 cost the rest. */
const TOLERANCE_F64 = 1e-9;
/**
 * In float32 a second moment is off by about eps·‖A‖ and its inverse by that over ρ, relatively:
 * 1.2e-7·‖A‖/ρ with ‖A‖ up to 10 and ρ down to 0.03. The largest error seen is 3.2e-5.
 */
const TOLERANCE_F32 = 1e-4;

const tolerance = { float64: TOLERANCE_F64, float32: TOLERANCE_F32 };

for (const file of vectorFiles()) {
  describe(file.name, () => {
    if (file.kind === 'trace') {
      test.each(['float64', 'float32'] as const)('replays in %s', (dtype) => {
        const errors = replay(file.trace, dtype);
        expect(errors.compared).toBe(
          2 * file.trace.steps.length * Object.keys(file.trace.params0).length,
        );
        expect(errors.preconditioned).toBeLessThanOrEqual(tolerance[dtype]);
        expect(errors.params).toBeLessThanOrEqual(tolerance[dtype]);
      });
      return;
    }
    test.each(file.cases)('$name', (unit) => {
      const { n, r, rho } = unit;
      const sketch = sketchOf(unit);
      const C = matrix64(unit.C, n);
      expect(
        pairError(unit, referenceEigenpairs(C, sketch, rho), unit.paperCode),
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
    ? { kind: 'gaussian', ...shape, S: matrix64(S, n) }
    : { kind: 'subcolumn', ...shape, indices: Int32Array.from(indices) };
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
