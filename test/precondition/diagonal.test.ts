// Layers of one-hot rows: the dense inverses of a diagonal A, which is never formed.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { stateBytes } from '../../src/backend/state.js';
import { BYTES, type DType, EPSILON, LARGEST } from '../../src/core/dtype.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { foof, nysact } from '../../src/optimize/optimizers.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import type { Method } from '../../src/precondition/method.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { publishedEvaMethod } from '../../src/published/eva.js';
import { publishedFoofMethod } from '../../src/published/foof.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';
import { denseRows } from '../../src/rows/dense.js';
import { oneHotRows } from '../../src/rows/one-hot.js';
import { weightsFor } from '../rows/rows.contract.js';
import { asyncBackend, countingBackend } from '../support/backends.js';
import {
  build,
  distance,
  filled,
  gaussian,
  type Matrix,
  map,
  norm,
  uniform,
} from '../support/matrices.js';
import { backend as host, network } from './networks.js';
import { applyToVec, averaged, dampedInverse, kronecker, secondMoment } from './oracles.js';
import { apply, putBack, type Run, randomGradient, snapshot, start } from './runs.js';

const [p, q] = [6, 3];
const SHAPE = { name: 'words', inputs: p, outputs: q, rows: 'oneHot' } as const;

/** Words that were looked up, and what came back to them. */
interface Lookup {
  readonly indices: readonly number[];
  readonly weights: readonly number[] | undefined;
  readonly D: Matrix;
}

const lookups: fc.Arbitrary<readonly Lookup[]> = fc
  .array(
    fc.record({
      // A word in a few: some never come.
      indices: fc.array(fc.constantFrom(0, 1, 1, 3, p - 1), { minLength: 1, maxLength: 12 }),
      seed: fc.nat(),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((drawn) =>
    drawn.map(({ indices, seed }) => ({
      indices,
      weights: weightsFor(indices.length, seed),
      D: map(gaussian(uniform(seed), indices.length, q), (d) => d / indices.length),
    })),
  );

/** diag(√w)·M. */
function weighted({ weights }: Lookup, M: Matrix): Matrix {
  return build(M.rows, M.cols, (i, j) => Math.sqrt(weights?.[i] ?? 1) * M.at(i, j));
}

const countOf = ({ weights, indices }: Lookup): number =>
  weights?.reduce((sum, w) => sum + w, 0) ?? indices.length;

/** Ā, with the counts on its diagonal. */
function momentOf(batches: readonly Lookup[], decay: number): Matrix {
  const oneHot = ({ indices }: Lookup) =>
    build(indices.length, p, (i, j) => (indices[i] === j ? 1 : 0));
  return averaged(
    batches.map((batch) => secondMoment(weighted(batch, oneHot(batch)), countOf(batch))),
    decay,
  );
}

/** B̄ of per-example gradients. */
function gradientMomentOf(batches: readonly Lookup[], decay: number): Matrix {
  return averaged(
    batches.map((batch) => {
      const examples = countOf(batch);
      return secondMoment(
        weighted(
          batch,
          map(batch.D, (d) => d * examples),
        ),
        examples,
      );
    }),
    decay,
  );
}

function observe<D extends DType>(
  backend: Backend<D>,
  layer: LayerPreconditioner<D>,
  { indices, weights, D }: Lookup,
): void {
  const X = oneHotRows(backend, indices, { cols: p, weights });
  const rows = denseRows(backend, D, { weights });
  layer.observe({ X, D: rows, examples: X.count });
  rows.dispose();
}

async function learnt<D extends DType>(
  method: Method,
  backend: Backend<D>,
  batches: readonly Lookup[],
): Promise<LayerPreconditioner<D>> {
  const [layer] = start(method, backend, [SHAPE]).layers;
  for (const batch of batches) observe(backend, layer, batch);
  layer.refresh();
  await layer.flush();
  return layer;
}

const [damping, decay] = [0.1, 0.9];
/** Times eps·‖G‖/ρ: roundings of counts, of four updates and their correction, and of the quotient. */
const C_COUNTS = 16;
/** Times eps·(p+q)·(1 + ‖A‖‖B‖/ρ)·‖G‖/ρ: rounding of the factors, divided by ρ twice. */
const C_KRONECKER = 8;

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  describe.each([
    ['read at once', cpuBackend],
    ['read later', asyncBackend],
    ['uploaded', countingBackend],
  ] as const)('%s', (_, backendOf) => {
    const backend = backendOf<DType>(dtype);
    const G = randomGradient(3, SHAPE);

    test.each<[string, Method]>([
      ['FOOF', foofMethod({ damping, decay })],
      ['NysAct, whatever its rank', nysactMethod({ damping, decay, rank: 2 })],
    ])('%s: P = G(Ā + ρI)⁻¹, and so at most G/ρ', async (__, method) => {
      await fc.assert(
        fc.asyncProperty(lookups, async (batches) => {
          const layer = await learnt(method, backend, batches);
          const P = await apply(backend, layer, G);
          const inverse = dampedInverse(momentOf(batches, decay), damping);
          const expected = build(q, p, (i, j) => G.at(i, j) * inverse.at(j, j));
          const rounding = C_COUNTS * EPSILON[dtype];
          expect(distance(P, expected)).toBeLessThanOrEqual((rounding * norm(G)) / damping);
          for (let i = 0; i < q; i++) {
            for (let j = 0; j < p; j++) {
              const most = (Math.abs(G.at(i, j)) / damping) * (1 + rounding);
              expect(Math.abs(P.at(i, j))).toBeLessThanOrEqual(most);
            }
          }
          layer.dispose();
        }),
        { numRuns: 20 },
      );
    });

    test.each(['eigenbasis', 'factored'] as const)(
      'KFAC, %s: the Kronecker product',
      async (inverse) => {
        const method = kfacMethod({ damping, decay, inverse });
        await fc.assert(
          fc.asyncProperty(lookups, async (batches) => {
            const layer = await learnt(method, backend, batches);
            const [A, B] = [momentOf(batches, decay), gradientMomentOf(batches, decay)];
            const P = await apply(backend, layer, G);
            const bound =
              (C_KRONECKER *
                (p + q) *
                EPSILON[dtype] *
                (1 + (norm(A) * norm(B)) / damping) *
                norm(G)) /
              damping;
            expect(distance(P, kfacOf(A, B, inverse, G))).toBeLessThanOrEqual(bound);
            expect(norm(P)).toBeLessThanOrEqual(norm(G) / damping + bound);
            layer.dispose();
          }),
          { numRuns: 20 },
        );
      },
    );

    test('a dense layer that sees the same rows gets the same P, at every step', async () => {
      const { rows: __, ...dense } = SHAPE;
      const shapes = [SHAPE, { ...dense, name: 'dense' }];
      const { layers } = start(foofMethod({ damping, decay }), backend, shapes);
      const random = uniform(4);
      for (let step = 0; step < 6; step++) {
        const indices = Array.from({ length: 5 }, () => Math.floor(random() * p));
        const X = [
          oneHotRows(backend, indices, { cols: p }),
          denseRows(
            backend,
            build(5, p, (i, j) => (indices[i] === j ? 1 : 0)),
          ),
        ];
        for (const [i, layer] of layers.entries()) {
          layer.observe({ X: X[i], examples: 5 });
          // Between refreshes both stay as they are.
          if (step % 3 === 0) layer.refresh();
          await layer.flush();
        }
        const [P, expected] = [
          await apply(backend, layers[0], G),
          await apply(backend, layers[1], G),
        ];
        const rounding = 2 * C_COUNTS * p * EPSILON[dtype] * (1 + 1 / damping);
        expect(distance(P, expected)).toBeLessThanOrEqual((rounding * norm(G)) / damping);
        X[1].dispose();
      }
      for (const layer of layers) layer.dispose();
    });
  });

  describe('a state that no run could have made', () => {
    const backend = cpuBackend<DType>(dtype);
    const put = async (run: Run<DType>, name: string, value: number) => {
      const saved = await snapshot(run);
      const { data } = filled(1, p, value);
      const entry = {
        rows: 1,
        cols: p,
        data: dtype === 'float32' ? Float32Array.from(data) : data,
      };
      putBack(run, { ...saved, entries: { ...saved.entries, [`0/${name}`]: entry } });
    };
    const restore = (method: Method, name: string, value: number) =>
      put(start(method, backend, [SHAPE]), name, value);
    const methods: readonly [string, Method][] = [
      ['FOOF', foofMethod({ damping })],
      ['KFAC', kfacMethod({ damping })],
    ];

    test.each(methods)('is refused by %s: negative counts', async (_, method) => {
      for (const name of ['inverse/a', 'a/average']) {
        await expect(restore(method, name, -1)).rejects.toThrow(
          `restoreState: entry '0/${name}' holds -1 at row 0, column 0, expected numbers >= 0`,
        );
        await expect(restore(method, name, Number.NaN)).rejects.toThrow(RangeError);
        await restore(method, name, 0.5);
      }
    });

    test('is refused by KFAC, factored: what is larger than I', async () => {
      const method = kfacMethod({ damping, inverse: 'factored' });
      await expect(restore(method, 'inverse/r', 1.1)).rejects.toThrow(
        /^restoreState: entry '0\/inverse\/r' holds an element of size 1\.1/,
      );
      await restore(method, 'inverse/r', 1);
    });

    test.each<[string, Method]>([
      ...methods,
      ['KFAC, factored', kfacMethod({ damping, inverse: 'factored' })],
    ])(
      'breaks %s down where its correction overflows, and leaves its inverse',
      async (_, method) => {
        const run = start(method, backend, [SHAPE]);
        const [layer] = run.layers;
        observe(backend, layer, { indices: [0], weights: undefined, D: filled(1, q, 0) });
        await put(run, 'a/average', LARGEST[dtype] / 2);
        layer.refresh();
        expect(layer.diagnostics).toMatchObject({ failures: 1, refreshes: 0 });
      },
    );
  });
});

/** tr M/n */
function meanDiagonal(M: Matrix): number {
  return Array.from({ length: M.rows }, (_, i) => M.at(i, i) / M.rows).reduce((s, x) => s + x, 0);
}

/** What KFAC makes of G with the dense factors. */
function kfacOf(A: Matrix, B: Matrix, inverse: 'eigenbasis' | 'factored', G: Matrix): Matrix {
  if (inverse === 'eigenbasis') {
    return applyToVec(dampedInverse(kronecker(B, A), damping), G);
  }
  const [meanA, meanB] = [meanDiagonal(A), meanDiagonal(B)];
  const pi = meanA > 0 && meanB > 0 ? Math.sqrt(meanA / meanB) : 1;
  const [R, L] = [
    dampedInverse(A, pi * Math.sqrt(damping)),
    dampedInverse(B, Math.sqrt(damping) / pi),
  ];
  return applyToVec(kronecker(L, R), G);
}

describe('100,000 words', () => {
  const [words, dims] = [100_000, 2];
  const shape = { name: 'words', inputs: words, outputs: dims, rows: 'oneHot' } as const;

  test.each<[string, Method, number]>([
    ['NysAct', nysactMethod({ damping }), 2 * words],
    ['FOOF', foofMethod({ damping }), 2 * words],
    ['KFAC', kfacMethod({ damping }), 2 * (words + dims ** 2) + dims],
    ['KFAC, factored', kfacMethod({ damping, inverse: 'factored' }), 2 * (words + dims ** 2)],
    ['Eva', evaMethod({ damping }), words + dims],
  ])(
    '%s holds numbers in proportion to them, and makes no larger slot than G',
    async (_, method, numbers) => {
      const backend = countingBackend('float32');
      const [layer] = start(method, backend, [shape]).layers;
      expect(stateBytes(layer.state)).toBe(numbers * BYTES.float32);
      const X = oneHotRows(backend, [5, 99_999, 5, 7], { cols: words });
      const D = denseRows(
        backend,
        build(4, dims, (i, j) => i - j),
      );
      layer.observe({ X, D, examples: 4 });
      layer.refresh();
      const P = await apply(backend, layer, filled(dims, words, 1));
      expect(backend.count.largest).toBe(dims * words);
      expect(layer.diagnostics).toMatchObject({ failures: 0, rank: undefined });
      expect(P.data.every(Number.isFinite)).toBe(true);
    },
  );
});

/** One step on the parameters W, the first of which looks words up. */
function train(on: Optimizer<'float64'>, k: number, W: readonly Matrix[]): void {
  const [G, X] = [
    host.wrap(randomGradient(k, { inputs: 3, outputs: 2 })),
    oneHotRows(host, [k % 3, 1], { cols: 3 }),
  ];
  const slots = W.map((matrix) => host.wrap(matrix));
  on.step([G, host.allocate(2, 1)], slots, [{ X }]);
}

describe('layers say what enters them', () => {
  const parameters = [
    { rows: 2, cols: 3 },
    { rows: 2, cols: 1 },
  ];
  const optimizer = (rows: 'dense' | 'oneHot' | undefined, transform = foof()) =>
    new Optimizer({
      backend: host,
      transform,
      parameters,
      layers: [{ name: 'first', weight: 0, rows }],
    });

  const training = () => optimizer('oneHot', nysact({ observeEvery: 1, refreshEvery: 2 }));
  const weights = () => parameters.map(({ rows, cols }) => build(rows, cols, () => 1));

  test('a saved state names layers of one-hot rows, and goes into no other', async () => {
    const [dense, words] = [optimizer(undefined), optimizer('oneHot')];
    const saved = await words.exportState();
    expect(saved.run).toMatchObject({ layers: 'first: 0 (oneHot)' });
    expect((await dense.exportState()).run).toMatchObject({ layers: 'first: 0' });
    expect((await optimizer('dense').exportState()).run).toEqual((await dense.exportState()).run);
    expect(() => dense.restoreState(saved)).toThrow(RangeError);
    optimizer('oneHot').restoreState(saved);
  });

  test('training with Optimizer goes on bit for bit', async () => {
    const [whole, parts] = [weights(), weights()];
    const [through, early, late] = [training(), training(), training()];
    for (let k = 0; k < 6; k++) train(through, k, whole);
    for (let k = 0; k < 3; k++) train(early, k, parts);
    late.restoreState(await early.exportState());
    for (let k = 3; k < 6; k++) train(late, k, parts);
    expect(parts).toEqual(whole);
  });

  test('a bias beside one-hot rows is refused, and so is a word that is none', () => {
    expect(() => network(foofMethod(), {}, [{ weight: 0, bias: 2, rows: 'oneHot' }])).toThrow(
      new RangeError(
        'precondition: layer 0: bias is 2, expected none: one-hot rows have no column of ones',
      ),
    );
    for (const make of [
      () => Reflect.apply(network, undefined, [foofMethod(), {}, [{ weight: 0, rows: 'onehot' }]]),
      () => Reflect.apply(optimizer, undefined, ['onehot']),
    ]) {
      expect(make).toThrow(RangeError);
      expect(make).toThrow("rows is 'onehot', expected 'dense' or 'oneHot'");
    }
  });

  test.each<[string, Method]>([
    ['published-nysact', publishedNysactMethod()],
    ['published-foof', publishedFoofMethod()],
    ['published-kfac', publishedKfacMethod()],
    ['published-eva', publishedEvaMethod()],
  ])('%s refuses one-hot rows', (name, method) => {
    const dense = { name: 'dense', inputs: 2, outputs: 2, rows: 'dense' } as const;
    expect(() => method.layers([dense, SHAPE], 'float32')).toThrow(
      new RangeError(
        `${name}: layer 'words' has rows 'oneHot', expected 'dense': what the published code computes is not defined for others`,
      ),
    );
    expect(method.layers([dense], 'float32')).toHaveLength(1);
  });
});
