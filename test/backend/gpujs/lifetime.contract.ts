// Memory on a device: flat over thousands of operations, given back by whoever took it.

import { describe, expect, test } from 'vitest';
import { engineFrom } from '../../../src/backend/compose.js';
import { upload } from '../../../src/backend/engine.js';
import type { GpuBackend, GpuOptions } from '../../../src/backend/gpujs/index.js';
import { withSlots } from '../../../src/backend/scope.js';
import { convert } from '../../../src/core/matrix.js';
import { nysact } from '../../../src/optimize/aliases.js';
import { Optimizer } from '../../../src/optimize/optimizer.js';
import { freeObservation } from '../../../src/precondition/observation.js';
import { observed, randomBatch, randomGradient } from '../../precondition/runs.js';
import { gaussian, type Matrix, uniform } from '../../support/matrices.js';

/** A device on its own, and the textures or buffers that exist on it, whoever holds them. */
export interface Counted {
  readonly backend: GpuBackend;
  readonly existing: () => number;
}

const single = (A: Matrix) => convert(A, 'float32');

/** Rounds of ten operations or so each. */
const ROUNDS = 250;

/** Declares the tests of one device; `open` gives a new one each time. */
export function lifetimeLaws(
  name: string,
  open: (options: Pick<GpuOptions, 'kernels'>) => Promise<Counted>,
): void {
  describe(`${name}: memory`, () => {
    test('is flat over thousands of operations', async () => {
      const { backend, existing } = await open({});
      const engine = engineFrom(backend);
      const [m, p, q, r] = [6, 9, 4, 3];
      const random = uniform(1);
      const X = upload(engine, single(gaussian(random, m, p)));
      const S = upload(engine, single(gaussian(random, p, r)));
      const G = upload(engine, single(gaussian(random, q, p)));
      const [C, A] = [engine.allocate(p, r), engine.allocate(p, p)];
      const [P, s] = [engine.allocate(q, p), engine.allocate(1, 1)];
      const value = single(gaussian(random, q, p));
      const round = () => {
        engine.write(G, value);
        engine.sketchMoment(X, { kind: 'dense', S }, 0.1, 0.9, C);
        engine.secondMoment(X, 0.1, 0.9, A);
        engine.applyLowRankInverse(G, S, 1, P);
        engine.innerProduct(1, P, G, 0, s);
        engine.clip(s, 1, P);
        engine.axpby(1, P, 0.5, G);
        withSlots(engine, ({ allocate }) => {
          engine.axpby(1, G, 0, allocate(q, p));
        });
      };
      const now = async () => {
        await backend.settled();
        return { existing: existing(), ...backend.memory() };
      };
      for (let k = 0; k < 5; k++) round();
      await engine.read(C);
      const before = await now();
      for (let k = 0; k < ROUNDS; k++) round();
      await engine.read(C);
      expect(await now()).toEqual(before);
      await backend.dispose();
      expect(backend.memory()).toMatchObject({ textures: 0, bytes: 0 });
    });

    test('is given back by an optimiser and by whoever made slots', async () => {
      const { backend } = await open({});
      const engine = engineFrom(backend);
      const size = { inputs: 6, outputs: 3 };
      const optimizer = new Optimizer({
        engine,
        transform: nysact({ learningRate: 0.1, rank: 2, observeEvery: 1, refreshEvery: 2 }),
        parameters: [{ rows: 3, cols: 6 }],
        layers: [{ weight: 0 }],
      });
      const W = upload(engine, single(randomGradient(1, size)));
      await backend.settled();
      for (let step = 0; step < 6; step++) {
        const G = upload(engine, single(randomGradient(step, size)));
        const seen = observed(engine, randomBatch(step, 5, size));
        optimizer.step([G], [W], [seen]);
        await optimizer.flush();
        freeObservation(engine, seen);
        engine.free(G);
      }
      optimizer.dispose();
      engine.free(W);
      await backend.settled();
      // What is left is the engine's scratch for the next call: XS is 5×2, GV is 3×2.
      expect(backend.memory()).toMatchObject({ textures: 2, bytes: 4 * (5 * 2 + 3 * 2) });
      await backend.dispose();
    });

    test('of kernels is bounded, and what they computed survives them', async () => {
      const { backend, existing } = await open({ kernels: 8 });
      const sum = async (n: number) => {
        const A = upload(backend, single(gaussian(uniform(n), 1, n)));
        const C = backend.allocate(1, n);
        backend.axpby(2, A, 0, C);
        const value = await backend.read(C);
        const expected = single(gaussian(uniform(n), 1, n)).data.map((x) => 2 * x);
        expect(value.data).toEqual(expected);
        return [A, C];
      };
      const kept = await sum(100);
      const settle = async () => {
        await backend.settled();
        return existing();
      };
      for (let n = 1; n <= 10; n++) for (const slot of await sum(n)) backend.free(slot);
      const before = await settle();
      for (let n = 11; n <= 40; n++) for (const slot of await sum(n)) backend.free(slot);
      // Kernels of other shapes hold textures of their own, but no more of them.
      expect(await settle()).toBeLessThanOrEqual(before);
      expect(backend.memory().kernels).toBeLessThanOrEqual(8);
      const expected = single(gaussian(uniform(100), 1, 100)).data;
      expect((await backend.read(kept[0])).data).toEqual(expected);
      await backend.dispose();
    });
  });
}
