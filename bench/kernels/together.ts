// What two calibration loops reach together, each on a thread of its own.

import { Worker } from 'node:worker_threads';
import type { DType } from '../../src/core/dtype.js';
import type { KernelInfo } from '../../src/kernels/selection.js';
import { calibrator, type Rated } from './calibrator.js';

/** What the second thread is given. */
export interface Together {
  readonly words: SharedArrayBuffer;
  readonly variant: KernelInfo['variant'];
  readonly dtype: DType;
  /** Calls of the loop in one round. */
  readonly calls: number;
}

/** Words: the round that may run, and the one that has. */
export const GO = 0;
export const ROUNDS_DONE = 1;

/** Two loops at once: `flops` counts both. */
export interface Calibrators extends Rated {
  close(): Promise<number>;
}

/** Starts the second thread, and waits until it is warm. */
export function calibratorsTogether(
  variant: KernelInfo['variant'],
  dtype: DType,
  calls: number,
): Calibrators {
  const memory = new SharedArrayBuffer(8);
  const words = new Int32Array(memory);
  Atomics.store(words, ROUNDS_DONE, -1);
  const workerData: Together = { words: memory, variant, dtype, calls };
  const worker = new Worker(new URL('./calibrator.worker.js', import.meta.url), { workerData });
  const own = calibrator(variant, dtype);
  const waitFor = (round: number): void => {
    for (;;) {
      const done = Atomics.load(words, ROUNDS_DONE);
      if (done >= round) return;
      Atomics.wait(words, ROUNDS_DONE, done, 1000);
    }
  };
  waitFor(0);
  let round = 0;
  return {
    flops: 2 * calls * own.flops,
    run: () => {
      round += 1;
      Atomics.store(words, GO, round);
      Atomics.notify(words, GO);
      for (let k = 0; k < calls; k++) own.run();
      waitFor(round);
    },
    close: () => worker.terminate(),
  };
}
