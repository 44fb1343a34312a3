// A slot: a matrix of known shape whose content belongs to one backend or engine.

import type { DType } from '../core/dtype.js';

/**
 * A handle on a matrix that lives where its owner keeps it (host memory, a texture, a tensor).
 * The owner may replace what a slot holds, never its shape. Only the owner can use it: handing it
 * to another backend or engine throws a TypeError.
 */
export interface Slot<D extends DType = DType> {
  readonly owner: object;
  readonly dtype: D;
  readonly rows: number;
  readonly cols: number;
}

/** Whether reading answers at once or with a Promise. Everything else is enqueued in order. */
export type Reading = 'sync' | 'async';

/** What really runs: reported by every backend and engine, so that results can name it. */
export interface BackendInfo {
  /** For example `cpu` or `tfjs`. */
  readonly name: string;
  /** What executes the kernels, for example `typescript` or `wasm`. */
  readonly variant: string;
  readonly threads: number;
}
