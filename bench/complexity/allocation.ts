// The bytes that one refresh and one application allocate, counted in a worker.

import { Worker } from 'node:worker_threads';
import type { RandomKey } from '../../src/core/random.js';

/** One contender at one p. */
export interface Run {
  readonly method: string;
  readonly inputs: number;
}

/** What the worker is given. */
export interface AllocationRequest {
  readonly runs: readonly Run[];
  readonly key: RandomKey;
}

/** Bytes of the typed arrays that one refresh, and one application, allocate in all. */
export interface Allocation extends Run {
  readonly refresh: number;
  readonly apply: number;
}

/** The allocations of every run, in order; `onAllocation` is told of each as it is known. */
export async function countAllocations(
  request: AllocationRequest,
  onAllocation: (allocation: Allocation) => void,
): Promise<Allocation[]> {
  const worker = new Worker(new URL('./allocation.worker.js', import.meta.url), {
    workerData: request,
  });
  const allocations: Allocation[] = [];
  worker.on('message', (allocation: Allocation) => {
    allocations.push(allocation);
    onAllocation(allocation);
  });
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
  if (allocations.length === request.runs.length) return allocations;
  throw new RangeError(
    `countAllocations: ${allocations.length} allocations for ${request.runs.length} runs`,
  );
}
