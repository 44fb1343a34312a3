// The host's backend in other guises: made anew of its own operations, with some of them changed.

import { type Backend, type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { Primitives } from '../../src/backend/primitives.js';
import { backendFrom } from '../../src/backend/slot-backend.js';
import type { DType } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';

/** A new slot with `A`, rounded to the backend's dtype. */
export function placeRounded<D extends DType>(backend: Backend<D>, A: DenseMatrix): Slot<D> {
  return upload(backend, convert(A, backend.dtype));
}

/** The operations of a backend as the primitives of another: no fused form, and no optional one. */
export function primitivesOf<D extends DType>(backend: Backend<D>): Primitives<D, Slot<D>> {
  return {
    dtype: backend.dtype,
    info: backend.info,
    allocate: (rows, cols) => backend.allocate(rows, cols),
    write: (A, value) => backend.write(A, value),
    free: (A) => backend.free(A),
    read: (A) => backend.read(A),
    gemm: (...operands) => backend.gemm(...operands),
    syrk: (...operands) => backend.syrk(...operands),
    axpby: (...operands) => backend.axpby(...operands),
    multiply: (...operands) => backend.multiply(...operands),
    divide: (...operands) => backend.divide(...operands),
    divideByRoot: (...operands) => backend.divideByRoot(...operands),
    dot: (...operands) => backend.dot(...operands),
    clip: (...operands) => backend.clip(...operands),
    joinColumns: (...operands) => backend.joinColumns(...operands),
    sliceColumns: (...operands) => backend.sliceColumns(...operands),
    gatherColumns: (...operands) => backend.gatherColumns(...operands),
  };
}

/** The fused forms of a backend, for the same bits as it. */
function fusedOf<D extends DType>(backend: Backend<D>): Pick<Primitives<D, Slot<D>>, 'fused'> {
  return { fused: { sketchMoment: (...operands) => backend.sketchMoment(...operands) } };
}

/** The host's backend with reads that take so many turns of the event loop to arrive. */
export function asyncBackend<D extends DType>(dtype: D, turns = 1): Backend<D> {
  const backend = cpuBackend(dtype);
  return backendFrom({
    ...primitivesOf(backend),
    ...fusedOf(backend),
    bound: (A) => backend.bound(A),
    async read(A) {
      const content = backend.readSync(A);
      for (let turn = 0; turn < turns; turn++) await new Promise((done) => setImmediate(done));
      return content;
    },
  });
}

/** What a {@link countingBackend} has handed out: slots, and the elements in them. */
export interface SlotCount {
  live: number;
  allocated: number;
  elements: number;
  largest: number;
}

/** The host's backend, composing what it can, and what it has handed out, scratch included. */
export function countingBackend<D extends DType>(
  dtype: D,
): Backend<D> & { readonly count: SlotCount } {
  const backend = cpuBackend(dtype);
  const count = { live: 0, allocated: 0, elements: 0, largest: 0 };
  const counting = backendFrom({
    ...primitivesOf(backend),
    readSync: (A) => backend.readSync(A),
    bound: (A) => backend.bound(A),
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
  });
  return Object.assign(counting, { count });
}

/** A backend behind a gate. */
export interface GatedBackend<D extends DType> {
  readonly backend: Backend<D>;
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
    backend: backendFrom({
      ...primitivesOf(backend),
      ...fusedOf(backend),
      bound: (A) => backend.bound(A),
      async read(A) {
        const content = backend.readSync(A);
        await gate;
        return content;
      },
    }),
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
