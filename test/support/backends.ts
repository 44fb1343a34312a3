// The host's backend in other guises: read asynchronously, and with its allocations counted.

import type { AsyncBackend, SyncBackend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';

/** The host's backend with reads that take a few turns of the event loop to arrive. */
export function asyncBackend<D extends DType>(dtype: D): AsyncBackend<D> {
  const backend = cpuBackend(dtype);
  return {
    ...backend,
    reading: 'async',
    read: async (A) => {
      const content = backend.read(A);
      await new Promise((resolve) => setImmediate(resolve));
      return content;
    },
  };
}

/** What a {@link countingBackend} has handed out: slots, and the elements in them. */
export interface SlotCount {
  live: number;
  allocated: number;
  elements: number;
  largest: number;
}

/** The host's backend, with the slots and elements that it has handed out. */
export function countingBackend<D extends DType>(
  dtype: D,
): SyncBackend<D> & { readonly count: SlotCount } {
  const backend: SyncBackend<D> = { ...cpuBackend(dtype) };
  // So that engines compose it, with scratch that is counted.
  delete backend.sketchMoment;
  const count = { live: 0, allocated: 0, elements: 0, largest: 0 };
  return {
    ...backend,
    count,
    allocate(rows, cols) {
      count.live++;
      count.allocated++;
      count.elements += rows * cols;
      count.largest = Math.max(count.largest, rows * cols);
      return backend.allocate(rows, cols);
    },
    free(A) {
      backend.free(A);
      count.live--;
    },
  };
}

/** A backend behind a gate. */
export interface GatedBackend<D extends DType> {
  readonly backend: AsyncBackend<D>;
  /** Reads that are made from now on wait for the release that this returns. */
  readonly close: () => () => void;
  /** Reads that are made from now on do not wait. */
  readonly open: () => void;
}

/** The host's backend with reads that can be held back. */
export function gatedBackend<D extends DType>(dtype: D): GatedBackend<D> {
  const backend = cpuBackend(dtype);
  let gate = Promise.resolve();
  return {
    backend: {
      ...backend,
      reading: 'async',
      async read(A) {
        const content = backend.read(A);
        await gate;
        return content;
      },
    },
    close: () => {
      const releases: (() => void)[] = [];
      gate = new Promise((resolve) => {
        releases.push(resolve);
      });
      return () => {
        for (const release of releases) release();
      };
    },
    open: () => {
      gate = Promise.resolve();
    },
  };
}
