// The contract that every method keeps, on backends that read at once and those that do not.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import type { LayerShape, Method } from '../../src/precondition/method.js';
import { NetworkPreconditioner } from '../../src/precondition/network.js';
import { slotRows } from '../../src/rows/dense.js';
import { asyncBackend, placeRounded } from '../support/backends.js';
import { build, combine, distance, filled, inner, type Matrix, norm } from '../support/matrices.js';
import {
  apply,
  type Batch,
  learn,
  observe,
  observed,
  preconditioned,
  putBack,
  randomBatch,
  randomGradient,
  snapshot,
  start,
} from './runs.js';

/** What the contract must know of a method. */
export interface Expectations {
  /** ρ, or α where it is α times the curvature, as each refresh says. */
  readonly damping: number;
  /** Whether ρ is found at refreshes. */
  readonly isRelative?: boolean;
  /** Whether P is as large as G/√ρ, and not as G/ρ. */
  readonly isRoot?: boolean;
  /** P/G before the first refresh: 1/ρ, unless said; 0 where ρ is not known. */
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

/** A kind of backend: its name, what it computes in, and a new one. */
export type BackendKind = readonly [string, DType, (dtype: DType) => Backend];

/** The host's, in both dtypes, read at once and later. */
const HOST: readonly BackendKind[] = (['float64', 'float32'] as const).flatMap((dtype) => [
  [`${dtype}, reads at once`, dtype, cpuBackend],
  [`${dtype}, reads later`, dtype, asyncBackend],
]);

/** Batches with little in them. */
const DEGENERATE: readonly [string, Batch][] = [
  ['no activation', { X: filled(M, p, 0), D: randomBatch(1, M, SHAPES[0]).D }],
  ['no gradient', { X: randomBatch(1, M, SHAPES[0]).X, D: filled(M, q, 0) }],
  ['nothing at all', { X: filled(M, p, 0), D: filled(M, q, 0) }],
  ['constant activations', { X: filled(M, p, 1), D: filled(M, q, 0.1) }],
  ['equal rows', { X: build(M, p, (_, j) => j - 2), D: build(M, q, (_, j) => (j + 1) / M) }],
  ['a single example', randomBatch(2, 1, SHAPES[0])],
];

/** The first layer as a network of its own: what a step is checked by. */
const network = (on: Backend, method: Method) =>
  new NetworkPreconditioner(on, method, [{ rows: q, cols: p }], [{ name: 'first', weight: 0 }]);

/** The laws of a {@link Method}, on every kind of backend: those of the host, unless said. */
export function preconditionerContract(
  name: string,
  make: () => Method,
  {
    damping,
    isRelative = false,
    isRoot = false,
    initialScale = isRelative ? 0 : 1 / damping,
  }: Expectations,
  backends: readonly BackendKind[] = HOST,
): void {
  /** (B ⊗ A + ρI)⁻¹ and its kin are at most 1/ρ, and their roots 1/√ρ; the published FOOF starts at I. */
  const largest = (layer?: LayerPreconditioner<DType>) => {
    const { damping: found } = layer?.diagnostics.found ?? {};
    const rho = typeof found === 'number' ? found : damping;
    return Math.max(1 / (isRoot ? Math.sqrt(rho) : rho), initialScale);
  };

  describe(name, () => {
    test('says how far P can be from G', () => {
      const method = make();
      for (const { flat, gain } of method.layers(SHAPES, 'float64')) {
        const unbounded = isRoot ? 1e6 : 1e12;
        expect([flat, gain]).toEqual([initialScale, isRelative ? unbounded : largest()]);
      }
      expect(method.description).toMatchObject({ method: expect.any(String) });
    });

    describe.each(backends)('%s', (_, dtype, backendOf) => {
      const tolerance = (G: Matrix, layer?: LayerPreconditioner<DType>) =>
        C_APPLY * (p + q) * EPSILON[dtype] * largest(layer) * norm(G);
      const fresh = () => start(make(), backendOf(dtype), SHAPES);
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
        const { backend, layers } = await learnt();
        const factor = fc.integer({ min: -48, max: 48 }).map((n) => n / 16);
        await fc.assert(
          fc.asyncProperty(fc.nat(), factor, factor, async (seed, alpha, beta) => {
            const G = randomGradient(seed, SHAPES[0]);
            const H = randomGradient(seed + 1, SHAPES[0]);
            const P = await apply(backend, layers[0], combine(alpha, G, beta, H));
            const PG = await apply(backend, layers[0], G);
            const PH = await apply(backend, layers[0], H);
            const bound =
              Math.abs(alpha) * tolerance(G, layers[0]) + Math.abs(beta) * tolerance(H, layers[0]);
            expect(distance(P, combine(alpha, PG, beta, PH))).toBeLessThanOrEqual(2 * bound);
          }),
          { numRuns: 5 },
        );
      });

      test('G ↦ P is self-adjoint, positive definite and at most 1/ρ', async () => {
        const { backend, layers } = await learnt();
        await fc.assert(
          fc.asyncProperty(fc.nat(), async (seed) => {
            const [G, H] = [randomGradient(seed, SHAPES[0]), randomGradient(seed + 1, SHAPES[0])];
            const PG = await apply(backend, layers[0], G);
            const PH = await apply(backend, layers[0], H);
            const bound = 2 * tolerance(G, layers[0]) * norm(H);
            expect(Math.abs(inner(PG, H) - inner(G, PH))).toBeLessThanOrEqual(bound);
            expect(inner(PG, G)).toBeGreaterThan(0);
            const most = largest(layers[0]) * norm(G);
            expect(norm(PG)).toBeLessThanOrEqual(most + tolerance(G, layers[0]));
          }),
          { numRuns: 5 },
        );
      });

      test('what was observed matters', async () => {
        const run = await learnt();
        const [P] = await preconditioned(run, 3);
        const G = randomGradient(3, SHAPES[0]);
        const flat = combine(largest(run.layers[0]), G, 0, G);
        expect(distance(P, flat)).toBeGreaterThan(0.01 * norm(G));
      });

      test.each(DEGENERATE)('P is finite and a descent direction after %s', async (__, batch) => {
        const { backend, layers } = fresh();
        const [layer] = layers;
        for (let step = 0; step < 3; step++) {
          observe(backend, layer, batch);
          layer.refresh();
          await layer.flush();
        }
        const G = randomGradient(4, SHAPES[0]);
        const P = await apply(backend, layer, G);
        expect(P.data.every(Number.isFinite)).toBe(true);
        // Where there is nothing to be relative to, a layer waits.
        const waits = isRelative && layer.diagnostics.refreshes === 0;
        expect(inner(P, G)).toBeGreaterThan(waits ? -1 : 0);
        const most = waits ? 0 : largest(layer) * norm(G) + tolerance(G, layer);
        expect(norm(P)).toBeLessThanOrEqual(most);
        expect(layer.diagnostics.failures).toBe(0);
      });

      test('a gradient that does not fit is refused, with nothing changed', async () => {
        const run = await learnt();
        const { backend, layers } = run;
        const before = await snapshot(run);
        const G = placeRounded(backend, filled(q, p, 1));
        const wide = backend.allocate(q, p + 1);
        expect(() => layers[0].precondition(wide, wide)).toThrow(RangeError);
        expect(() => layers[0].precondition(wide, backend.allocate(q, p + 1))).toThrow(RangeError);
        const P = placeRounded(backend, filled(q, p - 1, 7));
        expect(() => layers[0].precondition(G, P)).toThrow(RangeError);
        expect(() => layers[0].precondition(G, G)).toThrow(RangeError);
        expect(await backend.read(P)).toEqual(convert(filled(q, p - 1, 7), dtype));
        expect(await backend.read(G)).toEqual(convert(filled(q, p, 1), dtype));
        expect(await snapshot(run)).toEqual(before);
      });

      test('an observation that does not fit is refused', () => {
        const backend = backendOf(dtype);
        const alone = network(backend, make());
        const good = observed(backend, randomBatch(5, M, SHAPES[0]));
        const batch = (rows: number, inputs: number, outputs: number) =>
          observed(backend, randomBatch(5, rows, { inputs, outputs }));
        const check = (part: object) =>
          alone.check({ index: 0, observations: [{ ...good, ...part }], clip: undefined });
        const weighted = { ...randomBatch(5, M, SHAPES[0]), weights: [1, 2, 1, 1, 1, 1] };
        const notFinite = [
          { X: slotRows(backend, placeRounded(backend, filled(M, p, Number.NaN))) },
          { D: slotRows(backend, placeRounded(backend, filled(M, q, Number.POSITIVE_INFINITY))) },
        ];
        const bad: readonly object[] = [
          { X: batch(M, p - 1, q).X },
          { X: batch(M + 1, p, q).X },
          { X: observed(backend, weighted).X },
          { D: batch(M, p, q + 1).D },
          { D: batch(M - 1, p, q).D },
          // On a device nobody looks before a refresh reads.
          ...(backend.bound === undefined ? [] : notFinite),
          ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY].map((examples) => ({ examples })),
        ];
        for (const part of bad) expect(() => check(part)).toThrow(RangeError);
        expect(() => check(bad[0])).toThrow(
          `observe: layer 'first': X is ${M}×${p - 1}, expected ${M}×${p}`,
        );
        const foreign = observed(backendOf(dtype), randomBatch(5, M, SHAPES[0]));
        for (const X of [foreign.X, good.X.backend, undefined, null, 'rows']) {
          expect(() => check({ X })).toThrow(TypeError);
        }
        check({});
      });

      test('D is required where it is looked at, and nowhere else', () => {
        const backend = backendOf(dtype);
        const { X } = observed(backend, randomBatch(5, M, SHAPES[0]));
        const check = () =>
          network(backend, make()).check({ index: 0, observations: [{ X }], clip: undefined });
        if (make().needs.outputGradients === true) {
          expect(check).toThrow(
            "observe: layer 'first' came without D, expected the gradients of the pre-activations",
          );
        } else check();
      });

      test('is what it says it needs that it looks at', () => {
        const { inputs, outputGradients, gradients } = make().needs;
        const { backend, layers } = fresh();
        const { X, D } = observed(backend, randomBatch(5, M, SHAPES[0]));
        const G = placeRounded(backend, randomGradient(5, SHAPES[0]));
        const needed = {
          ...(inputs === true ? { X } : {}),
          ...(outputGradients === true ? { D } : {}),
          ...(gradients === true ? { G } : {}),
        };
        for (const part of Object.keys(needed)) {
          const parts = { ...needed, [part]: undefined, examples: M };
          expect(() => layers[0].observe(parts), part).toThrow(/^observe: [XDG], .* is missing$/);
        }
        start(make(), backend, SHAPES).layers[0].observe({ ...needed, examples: M });
      });

      test('an exported state, restored, continues bit for bit', async () => {
        for (const cut of [0, 1, 2, 3]) {
          const original = fresh();
          await learn(original, 0, cut);
          const copy = fresh();
          const saved = structuredClone(await snapshot(original));
          putBack(copy, saved);
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
        putBack(copy, await snapshot(original));
        await learn(original, 3, STEPS);
        await learn(copy, 3, STEPS);
        expect(await preconditioned(copy, 6)).toEqual(await preconditioned(original, 6));
      });
    });

    test.each([...new Set(backends.map(([, dtype]) => dtype))])(
      '%s: the same batches give the same bits, whenever reads arrive',
      async (dtype) => {
        const kinds = backends.filter((kind) => kind[1] === dtype);
        const [first, ...others] = await Promise.all(
          [...kinds, ...kinds].map(async ([, , backendOf]) => {
            const run = start(make(), backendOf(dtype), SHAPES);
            await learn(run, 0, STEPS);
            return { state: await snapshot(run), P: await preconditioned(run, 8) };
          }),
        );
        for (const other of others) expect(other).toEqual(first);
      },
    );
  });
}
