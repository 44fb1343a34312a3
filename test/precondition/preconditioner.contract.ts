// The contract that every preconditioner keeps, on engines that read at once and those that do not.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { cpuEngine } from '../../src/backend/cpu.js';
import type { Engine } from '../../src/backend/engine.js';
import { restoreState } from '../../src/backend/state.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import type {
  LayerShape,
  Observation,
  Preconditioner,
} from '../../src/precondition/preconditioner.js';
import { asyncBackend } from '../support/backends.js';
import { build, combine, distance, inner, type Matrix, norm } from '../support/matrices.js';
import {
  apply,
  type Batch,
  entriesOf,
  learn,
  observe,
  observed,
  place,
  preconditioned,
  randomBatch,
  randomGradient,
  snapshot,
  start,
} from './runs.js';

/** What the contract must know of a preconditioner. */
export interface Expectations {
  /** ρ. */
  readonly damping: number;
  /** P/G before the first refresh: 1/ρ, unless said. */
  readonly initialScale?: number;
}

const SHAPES: readonly LayerShape[] = [
  { name: 'first', inputs: 7, outputs: 3 },
  { name: 'second', inputs: 5, outputs: 4 },
];
const [{ inputs: p, outputs: q }] = SHAPES;
const M = 6;
const STEPS = 5;

/** Roundings on the way from G to P, generously: a few for each of the sums over p and q. */
const C_APPLY = 8;

/** A kind of engine: its name, what it computes in, and a new one. */
export type EngineKind = readonly [string, DType, (dtype: DType) => Engine];

/** The host's, in both dtypes, read at once and later. */
const HOST: readonly EngineKind[] = (['float64', 'float32'] as const).flatMap((dtype) => [
  [`${dtype}, reads at once`, dtype, cpuEngine],
  [`${dtype}, reads later`, dtype, (of: DType) => engineFrom(asyncBackend(of))],
]);

const constant = (rows: number, cols: number, value: number): Matrix =>
  build(rows, cols, () => value);

/** Batches with little in them. */
const DEGENERATE: readonly [string, Batch][] = [
  ['no activation', { X: constant(M, p, 0), D: randomBatch(1, M, SHAPES[0]).D }],
  ['no gradient', { X: randomBatch(1, M, SHAPES[0]).X, D: constant(M, q, 0) }],
  ['nothing at all', { X: constant(M, p, 0), D: constant(M, q, 0) }],
  ['constant activations', { X: constant(M, p, 1), D: constant(M, q, 0.1) }],
  ['equal rows', { X: build(M, p, (_, j) => j - 2), D: build(M, q, (_, j) => (j + 1) / M) }],
  ['a single example', randomBatch(2, 1, SHAPES[0])],
];

/** The laws of {@link Preconditioner}, on every kind of engine: those of the host, unless said. */
export function preconditionerContract(
  name: string,
  make: () => Preconditioner,
  { damping, initialScale = 1 / damping }: Expectations,
  engines: readonly EngineKind[] = HOST,
): void {
  describe(name, () => {
    // (B ⊗ A + ρI)⁻¹ and its kin are at most 1/ρ; the published FOOF starts at I.
    const largest = Math.max(1 / damping, initialScale);

    describe.each(engines)('%s', (_, dtype, engineOf) => {
      const tolerance = (G: Matrix) => C_APPLY * (p + q) * EPSILON[dtype] * largest * norm(G);
      const fresh = () => start(make(), engineOf(dtype), SHAPES);
      const learnt = async () => {
        const run = fresh();
        await learn(run, 0, STEPS);
        return run;
      };

      test('P is a multiple of G until something is observed, refreshed or not', async () => {
        const run = fresh();
        for (const layer of run.layers) {
          layer.refresh();
          await layer.flush();
        }
        (await preconditioned(run, 3)).forEach((P, i) => {
          const G = randomGradient(3 + i, SHAPES[i]);
          const expected = combine(initialScale, G, 0, G);
          expect(distance(P, expected)).toBeLessThanOrEqual(tolerance(G));
        });
      });

      test('P is linear in G', async () => {
        const { engine, layers } = await learnt();
        const factor = fc.integer({ min: -48, max: 48 }).map((n) => n / 16);
        await fc.assert(
          fc.asyncProperty(fc.nat(), factor, factor, async (seed, alpha, beta) => {
            const G = randomGradient(seed, SHAPES[0]);
            const H = randomGradient(seed + 1, SHAPES[0]);
            const P = await apply(engine, layers[0], combine(alpha, G, beta, H));
            const PG = await apply(engine, layers[0], G);
            const PH = await apply(engine, layers[0], H);
            const bound = Math.abs(alpha) * tolerance(G) + Math.abs(beta) * tolerance(H);
            expect(distance(P, combine(alpha, PG, beta, PH))).toBeLessThanOrEqual(2 * bound);
          }),
          { numRuns: 5 },
        );
      });

      test('G ↦ P is self-adjoint, positive definite and at most 1/ρ', async () => {
        const { engine, layers } = await learnt();
        await fc.assert(
          fc.asyncProperty(fc.nat(), async (seed) => {
            const [G, H] = [randomGradient(seed, SHAPES[0]), randomGradient(seed + 1, SHAPES[0])];
            const PG = await apply(engine, layers[0], G);
            const PH = await apply(engine, layers[0], H);
            const bound = 2 * tolerance(G) * norm(H);
            expect(Math.abs(inner(PG, H) - inner(G, PH))).toBeLessThanOrEqual(bound);
            expect(inner(PG, G)).toBeGreaterThan(0);
            expect(norm(PG)).toBeLessThanOrEqual(largest * norm(G) + tolerance(G));
          }),
          { numRuns: 5 },
        );
      });

      test('what was observed matters', async () => {
        const [P] = await preconditioned(await learnt(), 3);
        const G = randomGradient(3, SHAPES[0]);
        expect(distance(P, combine(1 / damping, G, 0, G))).toBeGreaterThan(0.01 * norm(G));
      });

      test.each(DEGENERATE)('P is finite and a descent direction after %s', async (__, batch) => {
        const { engine, layers } = fresh();
        const [layer] = layers;
        for (let step = 0; step < 3; step++) {
          observe(engine, layer, batch);
          layer.refresh();
          await layer.flush();
        }
        const G = randomGradient(4, SHAPES[0]);
        const P = await apply(engine, layer, G);
        expect(P.data.every(Number.isFinite)).toBe(true);
        expect(inner(P, G)).toBeGreaterThan(0);
        expect(norm(P)).toBeLessThanOrEqual(largest * norm(G) + tolerance(G));
        expect(layer.diagnostics.failures).toBe(0);
      });

      test('a gradient that does not fit is refused, with nothing changed', async () => {
        const run = await learnt();
        const { engine, layers } = run;
        const before = await snapshot(run);
        const G = place(engine, constant(q, p, 1));
        const wide = engine.allocate(q, p + 1);
        expect(() => layers[0].precondition(wide, wide)).toThrow(RangeError);
        expect(() => layers[0].precondition(wide, engine.allocate(q, p + 1))).toThrow(RangeError);
        const P = place(engine, constant(q, p - 1, 7));
        expect(() => layers[0].precondition(G, P)).toThrow(RangeError);
        expect(() => layers[0].precondition(G, G)).toThrow(RangeError);
        expect(await engine.read(P)).toEqual(convert(constant(q, p - 1, 7), dtype));
        expect(await engine.read(G)).toEqual(convert(constant(q, p, 1), dtype));
        expect(await snapshot(run)).toEqual(before);
      });

      test('an observation that does not fit is refused, with nothing changed', async () => {
        const run = await learnt();
        const { engine, layers } = run;
        const before = await snapshot(run);
        const good = observed(engine, randomBatch(5, M, SHAPES[0]));
        const of = (rows: number, cols: number) => engine.allocate(rows, cols);
        const empty = { X: of(0, p), rootWeights: of(0, 1), D: of(0, q) };
        const bad: readonly Partial<Observation<DType>>[] = [
          { X: of(M, p - 1) },
          { X: of(M + 1, p) },
          { rootWeights: of(M - 1, 1) },
          { rootWeights: of(M, 2) },
          { D: of(M, q + 1) },
          { D: of(M - 1, q) },
          empty,
          ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY].flatMap((count) => [
            { rows: count },
            { examples: count },
          ]),
        ];
        for (const part of bad) {
          expect(() => layers[0].observe({ ...good, ...part })).toThrow(RangeError);
        }
        expect(() => layers[0].observe({ ...good, X: of(M, p - 1) })).toThrow(
          `observe: layer 'first': X is ${M}×${p - 1}, expected ${M}×${p}`,
        );
        expect(await snapshot(run)).toEqual(before);
        layers[0].observe(good);
        expect(await snapshot(run)).not.toEqual(before);
      });

      test('D is required where it is looked at, and nowhere else', async () => {
        const run = await learnt();
        const before = await snapshot(run);
        const { D: _D, ...rest } = observed(run.engine, randomBatch(5, M, SHAPES[0]));
        if (make().observesGradients) {
          expect(() => run.layers[0].observe(rest)).toThrow(
            "observe: layer 'first' came without D, expected the gradients of the pre-activations",
          );
          expect(await snapshot(run)).toEqual(before);
        } else {
          run.layers[0].observe(rest);
          expect(await snapshot(run)).not.toEqual(before);
        }
      });

      test('an exported state, restored, continues bit for bit', async () => {
        for (const cut of [0, 1, 2, 3]) {
          const original = fresh();
          await learn(original, 0, cut);
          const copy = fresh();
          const saved = structuredClone(await snapshot(original));
          restoreState(copy.engine, entriesOf(copy), saved);
          expect(await snapshot(copy)).toEqual(saved);
          expect(await preconditioned(copy, 6)).toEqual(await preconditioned(original, 6));
          await learn(original, cut, STEPS);
          await learn(copy, cut, STEPS);
          expect(await snapshot(copy)).toEqual(await snapshot(original));
          expect(await preconditioned(copy, 6)).toEqual(await preconditioned(original, 6));
        }
      });

      test('a state does not depend on what it is restored over', async () => {
        const [original, copy] = [fresh(), fresh()];
        await learn(original, 0, 3);
        await learn(copy, 7, 12);
        restoreState(copy.engine, entriesOf(copy), await snapshot(original));
        await learn(original, 3, STEPS);
        await learn(copy, 3, STEPS);
        expect(await preconditioned(copy, 6)).toEqual(await preconditioned(original, 6));
      });
    });

    test.each([...new Set(engines.map(([, dtype]) => dtype))])(
      '%s: the same batches give the same bits, whenever reads arrive',
      async (dtype) => {
        const kinds = engines.filter((kind) => kind[1] === dtype);
        const [first, ...others] = await Promise.all(
          [...kinds, ...kinds].map(async ([, , engineOf]) => {
            const run = start(make(), engineOf(dtype), SHAPES);
            await learn(run, 0, STEPS);
            return { state: await snapshot(run), P: await preconditioned(run, 8) };
          }),
        );
        for (const other of others) expect(other).toEqual(first);
      },
    );
  });
}
