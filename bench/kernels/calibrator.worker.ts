// A second thread that runs the calibration loop in time with the first.

import { workerData } from 'node:worker_threads';
import { calibrator } from './calibrator.js';
import { GO, ROUNDS_DONE, type Together } from './together.js';

const { words: memory, variant, dtype, calls }: Together = workerData;
const words = new Int32Array(memory);
const { run } = calibrator(variant, dtype);
for (let k = 0; k < 20 * calls; k++) run();
for (let round = 1; ; round++) {
  Atomics.store(words, ROUNDS_DONE, round - 1);
  Atomics.notify(words, ROUNDS_DONE);
  while (Atomics.load(words, GO) < round) Atomics.wait(words, GO, round - 1);
  for (let k = 0; k < calls; k++) run();
}
