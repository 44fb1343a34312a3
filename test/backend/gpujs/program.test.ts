// Calls of one kernel: none begins while GPU.js still compiles for the first.

import { expect, test } from 'vitest';
import type { GpuInstance } from '../../../src/backend/gpujs/library.js';
import { Program } from '../../../src/backend/gpujs/program.js';
import { oneSource } from '../../../src/backend/gpujs/sources.js';

/** GPU.js whose kernels answer when they are told to. */
function held() {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const run = (operand: number) => {
    begun.push(operand);
    return new Promise<number>((resolve) => ends.push(() => resolve(operand)));
  };
  const gpu: GpuInstance = {
    mode: 'webgpu',
    createKernel: () => Object.assign(run, { kernel: {}, destroy: () => {} }),
    destroy: () => Promise.resolve(),
  };
  return { gpu, begun, ends };
}

test('later calls wait for the first, and then for nothing', async () => {
  const { gpu, begun, ends } = held();
  const program = new Program(gpu, oneSource(), true, false);
  const outcomes = [1, 2, 3].map((operand) => program.run([operand]));
  await Promise.resolve();
  expect(begun).toEqual([1]);
  ends[0]();
  await expect(outcomes[0]).resolves.toBe(1);
  await Promise.resolve();
  expect(begun).toEqual([1, 2, 3]);
  for (const end of ends) end();
  await expect(Promise.all(outcomes)).resolves.toEqual([1, 2, 3]);
});
