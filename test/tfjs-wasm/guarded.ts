// The memory of TensorFlow.js's wasm backend with guards, which show who writes where nothing is his.

import { afterAll, beforeAll, expect } from 'vitest';
import { asWasmBackend } from '../../src/tfjs-wasm/tensorflow.js';
import { tf } from './backend.js';

/** Bytes behind every allocation. */
const GUARD = 256;
/** What fills them, and every new allocation: four of it make a NaN. */
const FILL = 0xff;

/**
 * Declares that memory is guarded while the tests of this file run: every allocation begins as NaNs, and what
 * lies behind it must stay. Gives what checks that.
 */
export function withGuards(): () => void {
  const sizes = new Map<number, number>();
  let takeBack = () => {};
  let memory = (): Uint8Array => new Uint8Array();

  function check(address: number, bytes: number): void {
    const behind = memory().subarray(address + bytes, address + bytes + GUARD);
    expect(behind.findIndex((byte) => byte !== FILL)).toBe(-1);
  }

  beforeAll(async () => {
    await tf.setBackend('wasm');
    const { wasm } = asWasmBackend('withGuards', tf.findBackend('wasm'), tf.version_core);
    // At their first calls the two replace themselves, and whoever stands in their place.
    wasm._free(wasm._malloc(1));
    const { _malloc, _free } = wasm;
    memory = () => new Uint8Array(wasm.asm.memory.buffer);
    Object.assign(wasm, {
      _malloc(bytes: number) {
        const address = _malloc(bytes + GUARD) >>> 0;
        memory().fill(FILL, address, address + bytes + GUARD);
        sizes.set(address, bytes);
        return address;
      },
      _free(address: number) {
        const bytes = sizes.get(address >>> 0);
        if (bytes !== undefined) check(address >>> 0, bytes);
        sizes.delete(address >>> 0);
        _free(address);
      },
    });
    takeBack = () => Object.assign(wasm, { _malloc, _free });
  });

  afterAll(() => {
    takeBack();
  });

  return () => {
    for (const [address, bytes] of sizes) check(address, bytes);
  };
}
