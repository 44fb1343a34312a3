// A worker that counts the bytes of typed arrays which one refresh and one application allocate.
// It has its own globals: the counting constructors must be there before the library is loaded.

import { parentPort, workerData } from 'node:worker_threads';
import type { Allocation, AllocationRequest } from './allocation.js';
import { countTypedArrays } from './counting.js';

const bytesOf = countTypedArrays(globalThis);
const { contenders } = await import('./contenders.js');
const { makeSubject } = await import('./measure.js');

const { runs, key }: AllocationRequest = workerData;
for (const { method, inputs } of runs) {
  for (const contender of contenders.filter(({ name }) => name === method)) {
    const { observe, refresh, apply } = makeSubject(contender, inputs, key);
    // What is allocated once and reused belongs to no call in particular. A workspace has its size
    // after two refreshes: the first finds out, and the second begins with it.
    for (let warmUp = 0; warmUp < 2; warmUp++) {
      refresh();
      apply();
      observe?.();
    }
    const allocation: Allocation = {
      method,
      inputs,
      refresh: bytesOf(refresh),
      apply: bytesOf(apply),
    };
    parentPort?.postMessage(allocation, []);
  }
}
