// EKFAC against eigenbases of ml-matrix, and against KFAC.

import { EigenvalueDecomposition } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { stateBytes } from '../../src/backend/state.js';
import { BYTES, type DType, EPSILON } from '../../src/core/dtype.js';
import { fromMlMatrix, toMlMatrix } from '../../src/ml-matrix.js';
import { ekfacMethod } from '../../src/precondition/ekfac.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method } from '../../src/precondition/method.js';
import { NetworkPreconditioner } from '../../src/precondition/network.js';
import { denseRows, slotRows } from '../../src/rows/dense.js';
import { oneHotRows } from '../../src/rows/one-hot.js';
import { placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  filled,
  type Matrix,
  map,
  norm,
  product,
  uniform,
  zip,
} from '../support/matrices.js';
import { kronecker, secondMoment } from './oracles.js';
import {
  apply,
  type Batch,
  matrixOf,
  observe,
  observed,
  only,
  randomBatch,
  randomGradient,
} from './runs.js';
import { ofOneHotRows } from './variants.js';

const SIZE = { inputs: 5, outputs: 3 };
const { inputs: p, outputs: q } = SIZE;
const RHO = 0.2;
/** Times eps·(p+q)·‖s‖/gap or ‖G‖/ρ: eigenvectors are as exact as their eigenvalues are apart. */
const C = 64;

/** The eigenvectors and eigenvalues of a symmetric matrix. */
function spectrum(A: Matrix): { readonly Q: Matrix; readonly values: readonly number[] } {
  const found = new EigenvalueDecomposition(toMlMatrix(A), { assumeSymmetric: true });
  return { Q: fromMlMatrix(found.eigenvectorMatrix), values: found.realEigenvalues };
}

/** The gradients of the examples, of which a batch holds those of the mean loss. */
const perExample = ({ D }: Batch) => map(D, (d) => d * D.rows);

/** Ā and B̄ of one batch in their eigenbases. */
function factors(batch: Batch) {
  const [A, B] = [secondMoment(batch.X), secondMoment(perExample(batch))];
  return { A: spectrum(A), B: spectrum(B) };
}

const square = (x: number) => x * x;

/** ((DQ_B)²)ᵀ((XQ_A)²)/m */
function moments(batch: Batch, QA: Matrix, QB: Matrix): Matrix {
  const [X, D] = [product(batch.X, 'N', QA, 'N'), product(perExample(batch), 'N', QB, 'N')];
  return map(product(map(D, square), 'T', map(X, square), 'N'), (x) => x / batch.X.rows);
}

/** Q_B[(Q_BᵀGQ_A) ⊘ (s + ρ)]Q_Aᵀ */
function expectedOf(G: Matrix, QA: Matrix, QB: Matrix, s: Matrix): Matrix {
  const inBases = product(product(QB, 'T', G, 'N'), 'N', QA, 'N');
  const quotients = zip(inBases, s, (x, y) => x / (y + RHO));
  return product(product(QB, 'N', quotients, 'N'), 'N', QA, 'T');
}

const outer = (b: readonly number[], a: readonly number[]) =>
  build(b.length, a.length, (i, j) => Math.max(b[i], 0) * Math.max(a[j], 0));

/** Numbers that a layer holds. */
const held = (method: Method, dtype: DType) =>
  stateBytes(only(method, cpuBackend(dtype), SIZE).state) / BYTES[dtype];

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const backend = cpuBackend(dtype);
  const G = randomGradient(1, SIZE);
  const tolerance = (C * (p + q) * EPSILON[dtype] * norm(G)) / RHO;

  test('a refresh makes KFAC: s = b aᵀ', async () => {
    const [ours, kfac] = [ekfacMethod, kfacMethod].map((make) => {
      const layer = only(make({ damping: RHO, decay: 0.8 }), backend, SIZE);
      for (const seed of [1, 2, 3]) observe(backend, layer, randomBatch(seed, 4 + seed, SIZE));
      layer.refresh();
      return layer;
    });
    const expected = await apply(backend, kfac, G);
    expect(distance(await apply(backend, ours, G), expected)).toBeLessThanOrEqual(tolerance);
  });

  test.each([0, 0.7])('β = %d: s ← βs + (1−β)((DQ_B)²)ᵀ((XQ_A)²)/m after it', async (decay) => {
    const batches = [1, 2, 3].map((seed) => randomBatch(seed, 9 + seed, SIZE));
    const layer = only(ekfacMethod({ damping: RHO, decay }), backend, SIZE);
    observe(backend, layer, batches[0]);
    layer.refresh();
    const { A, B } = factors(batches[0]);
    let s = outer(B.values, A.values);
    for (const batch of batches.slice(1)) {
      observe(backend, layer, batch);
      s = combine(1 - decay, moments(batch, A.Q, B.Q), decay, s);
    }
    const P = await apply(backend, layer, G);
    expect(distance(P, expectedOf(G, A.Q, B.Q, s))).toBeLessThanOrEqual(
      tolerance * (1 + norm(s) / RHO),
    );
    expect(distance(P, expectedOf(G, A.Q, B.Q, outer(B.values, A.values)))).toBeGreaterThan(
      0.01 * norm(P),
    );
  });

  test('β = 1: the batches after a refresh weigh 1/t', async () => {
    const batches = [1, 2, 3].map((seed) => randomBatch(seed, 9, SIZE));
    const layer = only(ekfacMethod({ damping: RHO, decay: 1 }), backend, SIZE);
    observe(backend, layer, batches[0]);
    layer.refresh();
    const { A, B } = factors(batches[0]);
    for (const batch of batches.slice(1)) observe(backend, layer, batch);
    const [second, third] = batches.slice(1).map((batch) => moments(batch, A.Q, B.Q));
    const half = combine(1 / 2, outer(B.values, A.values), 1 / 2, second);
    const s = combine(2 / 3, half, 1 / 3, third);
    expect(
      distance(await apply(backend, layer, G), expectedOf(G, A.Q, B.Q, s)),
    ).toBeLessThanOrEqual(tolerance * (1 + norm(s) / RHO));
  });

  test('s is the diagonal nearest to the second moment of the gradients in its bases', async () => {
    const batch = randomBatch(4, 11, SIZE);
    const layer = only(ekfacMethod({ damping: RHO, decay: 0 }), backend, SIZE);
    observe(backend, layer, randomBatch(5, 11, SIZE));
    layer.refresh();
    observe(backend, layer, batch);
    const [QA, QB, s] = await Promise.all(
      ['QA', 'QB', 's'].map((name) => matrixOf(backend, layer, `inverse/${name}`)),
    );
    const D = perExample(batch);
    const F = Array.from({ length: 11 }, (_, i) => {
      const [x, d] = [batch.X.view(i, 0, 1, p), D.view(i, 0, 1, q)];
      return kronecker(product(d, 'T', d, 'N'), product(x, 'T', x, 'N'));
    }).reduce(
      (sum, term) => combine(1 / 11, term, 1, sum),
      build(p * q, p * q, () => 0),
    );
    const K = kronecker(QB, QA);
    const errorOf = (diagonal: Matrix) => {
      const scaled = build(
        p * q,
        p * q,
        (i, j) => K.at(i, j) * diagonal.at(Math.floor(j / p), j % p),
      );
      return distance(product(scaled, 'N', K, 'T'), F);
    };
    const least = errorOf(s);
    const random = uniform(7);
    for (let trial = 0; trial < 20; trial++) {
      const other = map(s, (x) => x * (1 + 0.5 * (random() - 0.5)));
      expect(errorOf(other)).toBeGreaterThan(least);
    }
    // KFAC's own diagonal is further away.
    const { A, B } = factors(randomBatch(5, 11, SIZE));
    expect(errorOf(outer(B.values, A.values))).toBeGreaterThan(least);
    // Its gradient with respect to s vanishes: s is the diagonal of KᵀFK.
    const projected = product(product(K, 'T', F, 'N'), 'N', K, 'N');
    const diagonal = build(q, p, (i, j) => projected.at(i * p + j, i * p + j));
    expect(distance(s, diagonal)).toBeLessThanOrEqual(C * (p + q) * EPSILON[dtype] * norm(F));
  });

  test('of one-hot rows Q_A = I, and P is that of the same rows as a matrix', async () => {
    const indices = [
      [0, 0, 0, 1, 1, 2, 3, 3, 3, 3],
      [2, 2, 0, 1, 4],
    ];
    const grams = indices.map((words, seed) => ({
      words,
      D: randomBatch(seed, words.length, SIZE).D,
    }));
    const method = ekfacMethod({ damping: RHO });
    const dense = only(method, backend, SIZE);
    const oneHot = only(ofOneHotRows(method), backend, SIZE);
    grams.forEach(({ words, D }, step) => {
      const X = build(words.length, p, (i, j) => (words[i] === j ? 1 : 0));
      observe(backend, dense, { X, D });
      const batch = {
        X: oneHotRows(backend, words, { cols: p }),
        D: denseRows(backend, D),
        examples: words.length,
      };
      oneHot.observe(batch);
      if (step > 0) return;
      dense.refresh();
      oneHot.refresh();
    });
    const expected = await apply(backend, dense, G);
    expect(distance(await apply(backend, oneHot, G), expected)).toBeLessThanOrEqual(tolerance);
    expect(expected).not.toEqual(G);
  });

  test('where every observation is followed by a refresh, it is KFAC', async () => {
    const [ours, kfac] = [ekfacMethod, kfacMethod].map((make) => {
      const layer = only(make({ damping: RHO }), backend, SIZE);
      for (const seed of [1, 2, 3]) {
        observe(backend, layer, randomBatch(seed, 4 + seed, SIZE));
        layer.refresh();
      }
      return layer;
    });
    const expected = await apply(backend, kfac, G);
    expect(distance(await apply(backend, ours, G), expected)).toBeLessThanOrEqual(tolerance);
  });

  test('NaN that a device has let in is gone with the next good refresh', async () => {
    const [layer, other] = [1, 2].map(() => only(ekfacMethod({ damping: RHO }), backend, SIZE));
    observe(backend, layer, randomBatch(1, 6, SIZE));
    layer.refresh();
    const NaNs = () => slotRows(backend, placeRounded(backend, filled(6, p, Number.NaN)));
    layer.observe({ X: NaNs(), D: denseRows(backend, randomBatch(2, 6, SIZE).D), examples: 6 });
    layer.refresh();
    expect(layer.diagnostics.failures).toBe(1);
    for (const one of [layer, other]) {
      observe(backend, one, randomBatch(3, 6, SIZE));
      one.refresh();
    }
    expect(await apply(backend, layer, G)).toEqual(await apply(backend, other, G));
  });

  test('holds 2(p² + q²) + qp numbers, and p + 2q² + qp of one-hot rows', () => {
    expect(held(ekfacMethod(), dtype)).toBe(2 * (p ** 2 + q ** 2) + q * p);
    expect(held(ofOneHotRows(ekfacMethod()), dtype)).toBe(p + 2 * q ** 2 + q * p);
  });
});

test('products of rows that could leave the range of the dtype are refused', () => {
  const backend = cpuBackend('float32');
  const network = new NetworkPreconditioner(
    backend,
    ekfacMethod(),
    [{ rows: q, cols: p }],
    [{ name: 'layer', weight: 0 }],
  );
  const batch = randomBatch(1, 6, SIZE);
  const large = { X: map(batch.X, (x) => 1e10 * x), D: map(batch.D, (d) => 1e10 * d) };
  const check = (seen: Batch) => () =>
    network.check({ index: 0, observations: [observed(backend, seen)], clip: undefined });
  expect(check(large)).toThrow(
    /^observe: layer 'layer': X and D are too large for float32 together: .*, expected <= /,
  );
  check({ ...large, D: batch.D })();
  check({ ...large, X: batch.X })();
});
