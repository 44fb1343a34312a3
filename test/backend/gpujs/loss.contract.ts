// A lost context is a typed error of everything that needs the device.

import { describe, expect, test } from 'vitest';
import { upload } from '../../../src/backend/backend.js';
import { type GpuBackend, GpuContextLostError } from '../../../src/backend/gpujs/index.js';
import { convert } from '../../../src/core/matrix.js';
import { build } from '../../support/matrices.js';

/** A device on its own, and what loses it. */
export interface Losable {
  readonly backend: GpuBackend;
  readonly lose: () => void;
}

const ones = convert(
  build(2, 2, () => 1),
  'float32',
);

/** Declares the tests of one device; `open` gives a new one each time. */
export function lossLaws(name: string, open: () => Promise<Losable>): void {
  describe(`${name}: a lost context`, () => {
    test('is a typed error wherever the device is needed', async () => {
      const { backend, lose } = await open();
      const A = upload(backend, ones);
      const C = backend.allocate(2, 2);
      await backend.read(A);
      lose();
      await expect((async () => backend.read(A))()).rejects.toThrow(GpuContextLostError);
      const { variant } = backend.info;
      for (const use of [
        () => backend.axpby(1, A, 0, C),
        () => backend.gemm(1, A, 'N', A, 'N', 0, C),
        () => backend.write(A, ones),
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
      const A = upload(backend, ones);
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
  });
}
