// What the approximation benchmark measures, against dense oracles and the library itself.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  inverseError,
  relativeNorms,
  residualEigenvalues,
} from '../../bench/approximation/errors.js';
import { inverseMeasure, measuresOf, measureTarget } from '../../bench/approximation/measure.js';
import { best, type Method, methods, publishedAverage } from '../../bench/approximation/methods.js';
import {
  bestError,
  isTelling,
  measurePasses,
  passes,
  passFigure,
  pathNames,
} from '../../bench/approximation/passes.js';
import { spectra } from '../../bench/approximation/spectra.js';
import { activationTarget, spectralTarget } from '../../bench/approximation/targets.js';
import { layerUnder } from '../../bench/measure/layer.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { eigvalsh } from '../../src/linalg/eigh.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';
import { denseRows } from '../../src/rows/dense.js';
import { drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import { build, combine, distance, gaussian, norm, product, uniform } from '../support/matrices.js';
import {
  approximation,
  dampedInverse,
  nuclearNorm,
  operatorNorm,
  spectralNorm,
} from '../support/nystrom.js';

const seed = 41;
const p = 32;
const rank = 6;
const key = randomKey(5);

/** Rounding of a chain of p×p products and factorisations of matrices of norm 1. */
const rounding = 100 * p * EPSILON.float64;

function named(name: string): Method {
  const found = methods.find((method) => method.name === name);
  if (found === undefined) throw new RangeError(`no method '${name}'`);
  return found;
}

const targets = spectra.map((spectrum, k) => spectralTarget(spectrum, p, foldIn(key, k)));

describe.each(targets)('on $name', (target) => {
  const { A, eigenvalues, dampings } = target;

  test.each(methods)('the norms of A − Â are those of the dense matrix: $name', (method) => {
    const [{ rho }] = dampings;
    const pairs = method.approximate(target, rank, key)(rho);
    const E = combine(1, A, -1, approximation(pairs));
    const { spectral, frobenius, nuclear } = relativeNorms(
      residualEigenvalues(A, pairs),
      eigenvalues,
    );
    expect(Math.abs(spectral - spectralNorm(E) / spectralNorm(A))).toBeLessThanOrEqual(rounding);
    expect(Math.abs(frobenius - norm(E) / norm(A))).toBeLessThanOrEqual(rounding);
    expect(Math.abs(nuclear - nuclearNorm(E) / nuclearNorm(A))).toBeLessThanOrEqual(rounding);
  });

  test.each(methods)('the error of the inverse is that of dense inverses: $name', (method) => {
    const G = gaussian(uniform(seed), 3, p);
    for (const { rho, inverse } of dampings) {
      const pairs = method.approximate(target, rank, key)(rho);
      const exact = product(G, 'N', inverse, 'N');
      const damped = product(G, 'N', dampedInverse(approximation(pairs), rho), 'N');
      const expected = distance(damped, exact) / norm(exact);
      const tolerance = (rounding * (1 + rho)) / rho;
      expect(Math.abs(inverseError(G, exact, pairs, rho) - expected)).toBeLessThanOrEqual(
        tolerance,
      );
    }
  });

  const errorsOf = (method: Method) =>
    relativeNorms(
      residualEigenvalues(A, method.approximate(target, rank, key)(dampings[0].rho)),
      eigenvalues,
    );

  test('no method beats the best in any norm', () => {
    const least = errorsOf(best);
    for (const method of methods) {
      const { spectral, frobenius, nuclear } = errorsOf(method);
      expect(spectral).toBeGreaterThanOrEqual(least.spectral - rounding);
      expect(frobenius).toBeGreaterThanOrEqual(least.frobenius - rounding);
      expect(nuclear).toBeGreaterThanOrEqual(least.nuclear - rounding);
    }
  });

  test('the best leaves the rest of the spectrum', () => {
    const found = errorsOf(best);
    const rest = relativeNorms(eigenvalues.slice(rank), eigenvalues);
    for (const name of ['spectral', 'frobenius', 'nuclear'] as const) {
      expect(Math.abs(found[name] - rest[name])).toBeLessThanOrEqual(rounding);
    }
  });
});

test.prop([fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 1 })])(
  'norms of eigenvalues are ordered and scale',
  (values) => {
    const one = Float64Array.of(1);
    const { spectral, frobenius, nuclear } = relativeNorms(Float64Array.from(values), one);
    const slack = 1 + values.length * EPSILON.float64;
    expect(spectral).toBeLessThanOrEqual(frobenius * slack + Number.MIN_VALUE * 2 ** 600);
    expect(frobenius).toBeLessThanOrEqual(nuclear * slack + Number.MIN_VALUE * 2 ** 600);
    const doubled = relativeNorms(
      Float64Array.from(values, (value) => 2 * value),
      one,
    );
    expect(doubled.spectral).toBe(2 * spectral);
  },
);

describe('the published variant', () => {
  test.each([
    { name: 'published, Gaussian', kind: 'gaussian' },
    { name: 'published, subcolumn', kind: 'subcolumn' },
  ] as const satisfies readonly { name: string; kind: SketchKind }[])(
    'averages as the library does: $name',
    ({ name, kind }) => {
      // Decaying and large beside ρ = 1, or what the variant subtracts would leave nothing.
      const random = uniform(seed);
      const X = build(40, p, (_, j) => 30 * 0.7 ** j * (random() - 0.5));
      const target = activationTarget({ name: 'activations', X });
      const [{ rho }] = target.dampings;
      const { eigenvalues } = named(name).approximate(target, rank, key)(rho);

      const backend = cpuBackend('float64');
      const method = publishedNysactMethod({
        rank,
        damping: rho,
        decay: publishedAverage.decay,
        sketch: ({ draw, shape, dtype }) => drawSketch(kind, shape, dtype, foldIn(key, draw)),
      });
      const layer = layerUnder(method, backend, { inputs: p, outputs: 1 });
      const batch = { X: denseRows(backend, X), examples: X.rows };
      for (let update = 0; update < publishedAverage.updates; update++) layer.observe(batch);
      layer.refresh();

      const found = layer.diagnostics.found.eigenvalues;
      if (!(found instanceof Float64Array)) throw new TypeError('no eigenvalues were found');
      expect(found).toHaveLength(rank);
      expect(found[0]).toBeGreaterThan(rho);
      const tolerance = (rounding * operatorNorm(target.A) ** 2) / rho;
      found.forEach((value, j) => {
        expect(Math.abs(value - eigenvalues[j])).toBeLessThanOrEqual(tolerance);
      });
    },
  );

  test('depends on ρ, the corrected one does not', () => {
    const [target] = targets;
    const atDampings = (name: string) => {
      const pairs = named(name).approximate(target, rank, key);
      return target.dampings.map(({ rho }) => pairs(rho).eigenvalues[0]);
    };
    expect(new Set(atDampings('published, Gaussian')).size).toBe(target.dampings.length);
    expect(new Set(atDampings('corrected, Gaussian')).size).toBe(1);
  });
});

describe('passes over the rows', () => {
  const [target] = targets;
  const seeds = 9;
  const rows = measurePasses(target, seeds, key);
  const medianOf = (path: string, count: number) =>
    rows.find((row) => row.path === path && row.passes === count)?.error.median ?? Number.NaN;

  test('every path has an error after every number of them, a power step from two on', () => {
    expect(rows.map(({ path, passes: count }) => `${path} ${count}`)).toEqual(
      pathNames.flatMap((name) =>
        passes.flatMap((count) =>
          name.startsWith('power') && count === 1 ? [] : [`${name} ${count}`],
        ),
      ),
    );
  });

  test('none is better than the best, and nothing repeats that is drawn anew', () => {
    for (const { error } of rows) {
      expect(error.lower).toBeGreaterThanOrEqual(bestError(target) - rounding);
    }
    const [drawnAnew] = pathNames;
    expect(new Set(passes.map((count) => medianOf(drawnAnew, count))).size).toBe(passes.length);
  });

  test('those that go on come nearer to it, and power steps with every pass', () => {
    const [drawnAnew, , powers, tracks] = pathNames;
    const ofPowers = passes.slice(1).map((count) => medianOf(powers, count));
    expect(ofPowers).toEqual(ofPowers.toSorted((a, b) => b - a));
    for (const name of [powers, tracks]) {
      expect(medianOf(name, 5)).toBeLessThan(medianOf(drawnAnew, 1));
    }
  });

  test('a figure has a panel of every target', () => {
    const svg = passFigure([{ target, passRows: rows }], seeds);
    expect(svg).toContain(target.name);
    for (const name of pathNames) expect(svg).toContain(name);
    expect(targets.filter(isTelling).map(({ name }) => name)).not.toContain('low rank and noise');
  });
});

describe('targets', () => {
  test('of activations are XᵀX/m, with its eigenvalues and damped inverses', () => {
    const X = gaussian(uniform(seed), 50, 9);
    const { A, eigenvalues, dampings } = activationTarget({ name: 'X', X });
    const expected = combine(1 / 50, product(X, 'T', X, 'N'), 0, A);
    expect(distance(A, expected)).toBeLessThanOrEqual(rounding * norm(expected));
    eigvalsh(A).forEach((value, j) => {
      expect(Math.abs(eigenvalues[j] - value)).toBeLessThanOrEqual(rounding);
    });
    for (const { rho, inverse } of dampings) {
      expect(distance(inverse, dampedInverse(A, rho))).toBeLessThanOrEqual(rounding / rho);
    }
  });

  test('take their dampings from the mean eigenvalue', () => {
    for (const { eigenvalues, dampings } of targets) {
      const mean = eigenvalues.reduce((sum, value) => sum + value, 0) / p;
      dampings.forEach(({ rho }, k) => {
        expect(Math.abs(rho - mean / 10 ** k)).toBeLessThanOrEqual(rounding);
      });
    }
  });
});

test('a study gives every method, rank and measure, ordered quartiles, and the same again', () => {
  const [target] = targets;
  const study = { ranks: [2, 5], seeds: 3, key, onSeed: () => {} };
  const rows = measureTarget(target, study);
  expect(rows.map(({ method, rank: r }) => `${method} ${r}`)).toEqual(
    methods.flatMap(({ name }) => [`${name} 2`, `${name} 5`]),
  );
  expect(measuresOf(target)).toContain(inverseMeasure(target.dampings[0].label));
  for (const { errors } of rows) {
    expect(Object.keys(errors)).toEqual(measuresOf(target));
    for (const { lower, median, upper } of Object.values(errors)) {
      expect(lower).toBeLessThanOrEqual(median);
      expect(median).toBeLessThanOrEqual(upper);
    }
  }
  expect(measureTarget(target, study)).toEqual(rows);
});
