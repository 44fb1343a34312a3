// Memory on a device: flat over thousands of operations, given back by whoever took it.

import { describe, expect, test } from 'vitest';
import { upload } from '../../../src/backend/backend.js';
import type { GpuBackend, GpuOptions } from '../../../src/backend/gpujs/index.js';
import { withSlots } from '../../../src/backend/scope.js';
import { convert } from '../../../src/core/matrix.js';
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
      const [m, p, q, r] = [6, 9, 4, 3];
      const random = uniform(1);
      const X = upload(backend, single(gaussian(random, m, p)));
      const S = upload(backend, single(gaussian(random, p, r)));
      const G = upload(backend, single(gaussian(random, q, p)));
      const [C, A] = [backend.allocate(p, r), backend.allocate(p, p)];
      const [P, s] = [backend.allocate(q, p), backend.allocate(1, 1)];
      const value = single(gaussian(random, q, p));
      const round = () => {
        backend.write(G, value);
        backend.sketchMoment(X, { kind: 'dense', S }, 0.1, 0.9, C);
        backend.syrk(0.1, X, 0.9, A);
        backend.borrow((take) => {
          const GS = take(q, r);
          backend.gemm(1, G, 'N', S, 'N', 0, GS);
          backend.axpby(1, G, 0, P);
          backend.gemm(-1, GS, 'N', S, 'T', 1, P);
        });
        backend.dot(1, P, G, 0, s);
        backend.clip(s, 1, P);
        backend.axpby(1, P, 0.5, G);
        withSlots(backend, ({ allocate }) => {
          backend.axpby(1, G, 0, allocate(q, p));
        });
      };
      const now = async () => {
        await backend.settled();
        return { existing: existing(), ...backend.memory() };
      };
      for (let k = 0; k < 5; k++) round();
      await backend.read(C);
      const before = await now();
      for (let k = 0; k < ROUNDS; k++) round();
      await backend.read(C);
      expect(await now()).toEqual(before);
      await backend.dispose();
      expect(backend.memory()).toMatchObject({ textures: 0, bytes: 0 });
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
