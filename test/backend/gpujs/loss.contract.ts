// A lost context: a typed error from everything that needs the device, and training goes on elsewhere
// from what was exported last.

import { describe, expect, test } from 'vitest';
import { engineFrom } from '../../../src/backend/compose.js';
import { upload } from '../../../src/backend/engine.js';
import { type GpuBackend, GpuContextLostError } from '../../../src/backend/gpujs/index.js';
import type { Slot } from '../../../src/backend/slot.js';
import { convert, type DenseMatrix } from '../../../src/core/matrix.js';
import { nysact } from '../../../src/optimize/aliases.js';
import { Optimizer } from '../../../src/optimize/optimizer.js';
import { freeObservation } from '../../../src/precondition/observation.js';
import { observed, randomBatch, randomGradient } from '../../precondition/runs.js';
import { build } from '../../support/matrices.js';

/** A device on its own, and what loses it. */
export interface Losable {
  readonly backend: GpuBackend;
  readonly lose: () => void;
}

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

/** Declares the tests of one device; `open` gives a new one each time. */
export function lossLaws(name: string, open: () => Promise<Losable>): void {
  describe(`${name}: a lost context`, () => {
    test('is a typed error wherever the device is needed', async () => {
      const { backend, lose } = await open();
      const A = upload(
        backend,
        convert(
          build(2, 2, () => 1),
          'float32',
        ),
      );
      const C = backend.allocate(2, 2);
      await backend.read(A);
      lose();
      await expect((async () => backend.read(A))()).rejects.toThrow(GpuContextLostError);
      const { variant } = backend.info;
      for (const use of [
        () => backend.axpby(1, A, 0, C),
        () => backend.gemm(1, A, 'N', A, 'N', 0, C),
        () =>
          backend.write(
            A,
            convert(
              build(2, 2, () => 1),
              'float32',
            ),
          ),
      ]) {
        expect(use).toThrow(GpuContextLostError);
        expect(use).toThrow(
          `the GPU context (${variant}) is lost, and what its slots held: make a new backend and restore the state that was exported last`,
        );
      }
      await expect((async () => backend.read(C))()).rejects.toThrow(GpuContextLostError);
      // What only gives back needs no device.
      backend.free(A);
      await backend.dispose();
    });

    test('while work is under way is found by the next read', async () => {
      const { backend, lose } = await open();
      const A = upload(
        backend,
        convert(
          build(2, 2, () => 1),
          'float32',
        ),
      );
      await backend.read(A);
      const reading = (async () => {
        const C = backend.allocate(2, 2);
        backend.gemm(1, A, 'N', A, 'N', 0, C);
        lose();
        return backend.read(C);
      })();
      await expect(reading).rejects.toThrow(GpuContextLostError);
      await backend.dispose();
    });

    test('costs nothing but the steps since the last export', async () => {
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
