// Training on a device: what refreshes do to NaN, what an optimiser gives back, and how training goes on
// after a lost context. To be run on devices of one kind.

import { describe, expect, test } from 'vitest';
import { engineFrom } from '../../../src/backend/compose.js';
import { upload } from '../../../src/backend/engine.js';
import { type GpuBackend, GpuContextLostError } from '../../../src/backend/gpujs/index.js';
import type { Slot } from '../../../src/backend/slot.js';
import { convert, type DenseMatrix } from '../../../src/core/matrix.js';
import { nysact } from '../../../src/optimize/aliases.js';
import { Optimizer } from '../../../src/optimize/optimizer.js';
import { foofPreconditioner } from '../../../src/precondition/foof.js';
import { freeObservation } from '../../../src/precondition/observation.js';
import {
  apply,
  observe,
  observed,
  only,
  randomBatch,
  randomGradient,
} from '../../precondition/runs.js';
import { build, type Matrix } from '../../support/matrices.js';
import type { Losable } from './loss.contract.js';

const single = (A: Matrix) => convert(A, 'float32');

const SIZE = { inputs: 6, outputs: 3 };

/** A training run on one device, with everything that lives on the host beside it. */
function training(backend: GpuBackend, initial: DenseMatrix<'float32'>) {
  const engine = engineFrom(backend);
  const optimizer = new Optimizer({
    engine,
    transform: nysact({ learningRate: 0.1, rank: 2, observeEvery: 1, refreshEvery: 2 }),
    parameters: [{ rows: 3, cols: 6 }],
    layers: [{ weight: 0 }],
  });
  const W: Slot<'float32'> = upload(engine, initial);
  const step = async () => {
    const G = upload(engine, convert(randomGradient(optimizer.steps, SIZE), 'float32'));
    const seen = observed(engine, randomBatch(optimizer.steps, 5, SIZE));
    optimizer.step([G], [W], [seen]);
    await optimizer.flush();
    freeObservation(engine, seen);
    engine.free(G);
  };
  return { engine, optimizer, W, step };
}

/** Declares the tests of one kind of device; `open` gives a new one each time. */
export function trainingLaws(name: string, open: () => Promise<Losable>): void {
  describe(`${name}: training`, () => {
    test(`NaN is found when a refresh reads, and the last good inverse stays`, async () => {
      const { backend } = await open();
      const engine = engineFrom(backend);
      const size = { inputs: 5, outputs: 3 };
      const layer = only(foofPreconditioner({ damping: 0.1 }), engine, size);
      const G = randomGradient(1, size);
      const learn = async (batch: ReturnType<typeof randomBatch>) => {
        observe(engine, layer, batch);
        layer.refresh();
        await layer.flush();
      };
      await learn(randomBatch(1, 6, size));
      const good = await apply(engine, layer, G);
      const { X, D } = randomBatch(2, 6, size);
      const slot = upload(engine, single(X));
      const zero = engine.allocate(6, 5);
      // NaN that the device itself makes, 0/0, as a forward pass on it may.
      engine.divideByRoot(1, zero, 1, zero, 0, slot);
      const rootWeights = upload(engine, single(build(6, 1, () => 1)));
      layer.observe({ X: slot, rootWeights, D: upload(engine, single(D)), rows: 6, examples: 6 });
      layer.refresh();
      await layer.flush();
      expect(layer.diagnostics.failures).toBe(1);
      expect(await apply(engine, layer, G)).toEqual(good);
      await learn(randomBatch(3, 6, size));
      expect(layer.diagnostics.failures).toBe(1);
      expect(await apply(engine, layer, G)).not.toEqual(good);
    });

    test('memory is given back by an optimiser and by whoever made slots', async () => {
      const { backend } = await open();
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

    test('a lost context costs nothing but the steps since the last export', async () => {
      const initial = convert(
        build(3, 6, (i, j) => i - j),
        'float32',
      );
      const undisturbed = await open();
      const whole = training(undisturbed.backend, initial);
      for (let k = 0; k < 7; k++) await whole.step();
      const expected = await whole.engine.read(whole.W);
      await undisturbed.backend.dispose();

      const first = await open();
      const before = training(first.backend, initial);
      for (let k = 0; k < 3; k++) await before.step();
      const saved = await before.optimizer.exportState();
      const weights = await before.engine.read(before.W);
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
      expect(await after.engine.read(after.W)).toEqual(expected);
      await second.backend.dispose();
    });
  });
}
