// The memory of TensorFlow.js's wasm backend with guards, which show who writes where nothing is his.

import { afterAll, beforeAll, expect } from 'vitest';
import type { WasmMemory } from '../../src/kernels/wasm/platform.js';
import { asWasmBackend, type WasmBackend } from '../../src/tfjs-wasm/tensorflow.js';
import { tf } from './backend.js';

type Wasm = WasmBackend['wasm'];

/** What is guarded, and what the guards stand before. */
interface Guarded {
  readonly wasm: Wasm;
  readonly memory: WasmMemory;
  readonly own: Pick<Wasm, '_malloc' | '_free'>;
}

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
  const overrun: string[] = [];
  let guarded: Guarded | undefined;

  /** Notes and mends what was overwritten behind an allocation. */
  function look(memory: WasmMemory, address: number, bytes: number): void {
    const behind = new Uint8Array(memory.buffer).subarray(address + bytes).subarray(0, GUARD);
    const at = behind.findIndex((byte) => byte !== FILL);
    if (at >= 0) overrun.push(`${bytes} bytes, and ${at} behind them`);
    behind.fill(FILL);
  }

  beforeAll(async () => {
    await tf.setBackend('wasm');
    const { backend, memory } = asWasmBackend(
      'withGuards',
      tf.findBackend('wasm'),
      tf.version_core,
    );
    const { wasm } = backend;
    // At the first call, both replace themselves.
    wasm._free(wasm._malloc(1));
    const own = { _malloc: wasm._malloc.bind(wasm), _free: wasm._free.bind(wasm) };
    guarded = { wasm, memory, own };
    Object.assign(wasm, {
      _malloc(bytes: number) {
        const address = own._malloc(bytes + GUARD) >>> 0;
        new Uint8Array(memory.buffer).fill(FILL, address, address + bytes + GUARD);
        sizes.set(address, bytes);
        return address;
      },
      _free(address: number) {
        const bytes = sizes.get(address >>> 0);
        if (bytes !== undefined) look(memory, address >>> 0, bytes);
        sizes.delete(address >>> 0);
        own._free(address);
      },
    });
  });

  afterAll(() => {
    if (guarded !== undefined) Object.assign(guarded.wasm, guarded.own);
  });

  return () => {
    for (const [address, bytes] of sizes) {
      if (guarded !== undefined) look(guarded.memory, address, bytes);
    }
    expect(overrun.splice(0)).toEqual([]);
  };
}
