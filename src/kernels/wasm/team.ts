// Who computes: one thread, or several that share one memory.

import type { Exports } from './instance.js';

/** The kernels that can be handed to another thread, by number. */
export const SHARED_CALLS = ['product32', 'product64', 'solve32', 'solve64'] as const;

/** A kernel that another thread can run. */
export type SharedCall = (typeof SHARED_CALLS)[number];

/** One call of a kernel: its arguments, without the workspace: every thread has its own. */
export interface Call {
  readonly kernel: SharedCall;
  readonly operands: readonly number[];
}

/** One thread, or several on one memory. */
export interface Team {
  readonly size: number;
  /**
   * Runs at most `size` calls that write apart, each with its own workspace: that of call k begins at
   * work + k·stride. Returns when all are done.
   */
  run(calls: readonly Call[], work: number, stride: number): void;
}

/** Runs a call on the kernels of one instance. */
export function runCall(exports: Exports, { kernel, operands }: Call, work: number): void {
  const run: (...operands: number[]) => void = exports[kernel];
  run(...operands, work);
}

/** A team of the calling thread alone. */
export function alone(exports: Exports): Team {
  return {
    size: 1,
    run(calls, work) {
      for (const call of calls) runCall(exports, call, work);
    },
  };
}
