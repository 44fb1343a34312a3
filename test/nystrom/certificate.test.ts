// What a factor certifies: a bound of its error that is certain, and a warning of digits that are lost.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { randomKey } from '../../src/core/random.js';
import { residualOf, warningsOf } from '../../src/nystrom/certificate.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { decayingBatch, SIZE } from '../precondition/decaying.js';
import { observe, only } from '../precondition/runs.js';
import { combine, type Matrix, product } from '../support/matrices.js';
import {
  approximation,
  INPUTS,
  nuclearNorm,
  type Pairs,
  SPECTRA,
  type SpectrumName,
  sketchOf,
  spectralNorm,
} from '../support/nystrom.js';
import { withSpectrum } from '../support/spectra.js';

const spectra = fc.constantFrom<SpectrumName[]>(
  'exponential',
  'polynomial',
  'step',
  'rankFive',
  'clustered',
);
const kinds = fc.constantFrom('gaussian', 'subcolumn');
const traceOf = (A: Matrix) =>
  Array.from({ length: A.rows }, (_, i) => A.at(i, i)).reduce((a, b) => a + b);

function factorOf(
  A: Matrix,
  dtype: DType,
  kind: 'gaussian' | 'subcolumn',
  rank: number,
  seed: number,
) {
  const sketch = drawSketch(kind, { inputs: INPUTS, width: rank }, dtype, randomKey(seed));
  return nystromEigenpairs(sketchOf(A, sketch, dtype), sketch);
}

/** By how much an error exceeds the bound (tr A)·residual, in the norm. */
function excess(A: Matrix, pairs: Pairs, norm: (E: Matrix) => number): number {
  const trace = traceOf(A);
  return (
    norm(combine(1, A, -1, approximation(pairs))) - trace * residualOf(pairs.eigenvalues, trace)
  );
}

describe.each(DTYPES)('the residual, %s', (dtype) => {
  test.prop([spectra, kinds, fc.integer({ min: 1, max: 16 }), fc.nat(1_000_000)], { numRuns: 50 })(
    'bounds ‖A − Â‖₂, and is the trace norm of A − Â, up to rν',
    (name, kind, rank, seed) => {
      const A = withSpectrum('float64', SPECTRA[name], seed);
      const pairs = factorOf(A, dtype, kind, rank, seed);
      // Where the shift takes an eigenvalue below 0, A − Â is negative by as much at most.
      const slack = 4 * rank * pairs.shift + INPUTS ** 2 * EPSILON.float64 * spectralNorm(A);
      expect(excess(A, pairs, spectralNorm)).toBeLessThanOrEqual(slack);
      expect(Math.abs(excess(A, pairs, nuclearNorm))).toBeLessThanOrEqual(slack);
    },
  );
});

test('no bound holds where eigenvalues are too large, or the trace is of something else', () => {
  const A = withSpectrum('float64', SPECTRA.polynomial, 1);
  const pairs = factorOf(A, 'float64', 'gaussian', 8, 1);
  const doubled = { ...pairs, eigenvalues: pairs.eigenvalues.map((value) => 2 * value) };
  expect(excess(A, doubled, spectralNorm)).toBeGreaterThan(0.1);
  const half = residualOf(pairs.eigenvalues, traceOf(A) / 2) * traceOf(A);
  expect(nuclearNorm(combine(1, A, -1, approximation(pairs)))).toBeGreaterThan(half);
});

test('the residual is in [0, 1], and 0 of nothing', () => {
  expect(residualOf(Float64Array.of(2, 1), 4)).toBe(0.25);
  expect(residualOf(Float64Array.of(2, 1), 2.9)).toBe(0);
  expect(residualOf(Float64Array.of(0, 0), 4)).toBe(1);
  expect(residualOf(Float64Array.of(0, 0), 0)).toBe(0);
});

test.each([
  ['float32', 1e5],
  ['float64', (1e5 * EPSILON.float32) / EPSILON.float64],
] as const)('%s: a conditioning above %d is warned of', (dtype, limit) => {
  const rho = 0.5;
  expect(warningsOf(Float64Array.of(limit * rho, 1), rho, dtype)).toEqual([]);
  expect(warningsOf(Float64Array.of(4 * limit * rho, 1), rho, dtype)).toEqual([
    { kind: 'conditioning', value: 4 * limit, limit },
  ]);
});

/** A layer before and after its first refresh. */
const layerOf = (damping: number) => {
  const backend = cpuBackend('float32');
  const layer = only(nysactMethod({ rank: 4, damping }), backend, SIZE);
  const before = layer.diagnostics;
  const batch = decayingBatch(1, 20, 0.5);
  observe(backend, layer, batch);
  layer.refresh();
  return { before, after: layer.diagnostics, batch };
};

describe('diagnostics of NysAct', () => {
  test('have the residual, the conditioning and no warning', () => {
    const { before, after, batch } = layerOf(0.1);
    expect([before.found, before.warnings]).toEqual([{ damping: 0.1 }, []]);
    const { eigenvalues, residual, conditioning } = after.found;
    if (!(eigenvalues instanceof Float64Array)) throw new TypeError('no eigenvalues');
    const A = product(batch.X, 'T', batch.X, 'N');
    const expected = residualOf(eigenvalues, traceOf(A) / batch.X.rows);
    expect(Math.abs(Number(residual) - expected)).toBeLessThanOrEqual(
      20 * SIZE.inputs * EPSILON.float32,
    );
    expect(conditioning).toBe(eigenvalues[0] / 0.1);
    expect(after.warnings).toEqual([]);
  });

  test('warn where the damping leaves few digits', () => {
    const { after } = layerOf(1e-8);
    expect(after.warnings).toEqual([
      { kind: 'conditioning', value: after.found.conditioning, limit: 1e5 },
    ]);
  });
});
