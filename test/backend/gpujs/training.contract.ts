// Training on a device: what refreshes do to NaN, what an optimiser gives back, and how training goes on
// after a lost context. To be run on devices of one kind.

import { describe, expect, test } from 'vitest';
import { type Slot, upload } from '../../../src/backend/backend.js';
import { type GpuBackend, GpuContextLostError } from '../../../src/backend/gpujs/index.js';
import { convert, type DenseMatrix } from '../../../src/core/matrix.js';
import { Optimizer } from '../../../src/optimize/optimizer.js';
import { nysact } from '../../../src/optimize/optimizers.js';
import { foofMethod } from '../../../src/precondition/foof.js';
import { denseRows, slotRows } from '../../../src/rows/dense.js';
import {
  apply,
  observe,
  observed,
  only,
  randomBatch,
  randomGradient,
  release,
} from '../../precondition/runs.js';
import { build, type Matrix } from '../../support/matrices.js';
import type { Losable } from './loss.contract.js';

const single = (A: Matrix) => convert(A, 'float32');

const SIZE = { inputs: 6, outputs: 3 };

/** A training run on one device, with everything that lives on the host beside it. */
function training(backend: GpuBackend, initial: DenseMatrix<'float32'>) {
  const optimizer = new Optimizer({
    backend,
    transform: nysact({ learningRate: 0.1, rank: 2, observeEvery: 1, refreshEvery: 2 }),
    parameters: [{ rows: 3, cols: 6 }],
    layers: [{ weight: 0 }],
  });
  const W: Slot<'float32'> = upload(backend, initial);
  const step = async () => {
    const G = upload(backend, convert(randomGradient(optimizer.steps, SIZE), 'float32'));
    const seen = observed(backend, randomBatch(optimizer.steps, 5, SIZE));
    optimizer.step([G], [W], [seen]);
    await optimizer.flush();
    release(seen);
    backend.free(G);
  };
  return { backend, optimizer, W, step };
}

/** Declares the tests of one kind of device; `open` gives a new one each time. */
export function trainingLaws(name: string, open: () => Promise<Losable>): void {
  describe(`${name}: training`, () => {
    test(`NaN is found when a refresh reads, and the last good inverse stays`, async () => {
      const { backend } = await open();
      const size = { inputs: 5, outputs: 3 };
      const layer = only(foofMethod({ damping: 0.1 }), backend, size);
      const G = randomGradient(1, size);
      const learn = async (batch: ReturnType<typeof randomBatch>) => {
        observe(backend, layer, batch);
        layer.refresh();
        await layer.flush();
      };
      await learn(randomBatch(1, 6, size));
      const good = await apply(backend, layer, G);
      const { X, D } = randomBatch(2, 6, size);
      const slot = upload(backend, single(X));
      const zero = backend.allocate(6, 5);
      // NaN that the device itself makes, 0/0, as a forward pass on it may.
      backend.divideByRoot(1, zero, 1, zero, 0, slot);
      layer.observe({ X: slotRows(backend, slot), D: denseRows(backend, D), examples: 6 });
      layer.refresh();
      await layer.flush();
      expect(layer.diagnostics.failures).toBe(1);
      expect(await apply(backend, layer, G)).toEqual(good);
      await learn(randomBatch(3, 6, size));
      expect(layer.diagnostics.failures).toBe(1);
      expect(await apply(backend, layer, G)).not.toEqual(good);
    });

    test('memory is given back by an optimiser and by whoever made slots', async () => {
      const { backend } = await open();
      const size = { inputs: 6, outputs: 3 };
      const optimizer = new Optimizer({
        backend,
        transform: nysact({ learningRate: 0.1, rank: 2, observeEvery: 1, refreshEvery: 2 }),
        parameters: [{ rows: 3, cols: 6 }],
        layers: [{ weight: 0 }],
      });
      const W = upload(backend, single(randomGradient(1, size)));
      await backend.settled();
      for (let step = 0; step < 6; step++) {
        const G = upload(backend, single(randomGradient(step, size)));
        const seen = observed(backend, randomBatch(step, 5, size));
        optimizer.step([G], [W], [seen]);
        await optimizer.flush();
        release(seen);
        backend.free(G);
      }
      optimizer.dispose();
      backend.free(W);
      await backend.settled();
      // What is left is the engine's scratch for the next call: XS is 5×2, GV is 3×2, and a number that is
      // added to the trace.
      expect(backend.memory()).toMatchObject({ textures: 3, bytes: 4 * (5 * 2 + 3 * 2 + 1) });
      await backend.dispose();
    });

    test('a lost context costs nothing but the steps since the last export', async () => {
      const initial = convert(
        build(3, 6, (i, j) => i - j),
        'float32',
      );
      const undisturbed = await open();
      const whole = training(undisturbed.backend, initial);
      for (let k = 0; k < 7; k++) await whole.step();
      const expected = await whole.backend.read(whole.W);
      await undisturbed.backend.dispose();

      const first = await open();
      const before = training(first.backend, initial);
      for (let k = 0; k < 3; k++) await before.step();
      const saved = await before.optimizer.exportState();
      const weights = await before.backend.read(before.W);
      await before.step();
      first.lose();
      await expect(before.step()).rejects.toThrow(GpuContextLostError);
      // The host keeps what it has; a device that answers later may have taken the step on trust.
      expect([4, 5]).toContain(before.optimizer.steps);
      await first.backend.dispose();

      const second = await open();
      const after = training(second.backend, weights);
      after.optimizer.restoreState(saved);
      while (after.optimizer.steps < 7) await after.step();
      expect(await after.backend.read(after.W)).toEqual(expected);
      await second.backend.dispose();
    });
  });
}
