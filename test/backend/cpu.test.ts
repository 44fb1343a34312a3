// The backend of the host keeps the contract of backends.

import { expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { kernelInfo } from '../../src/kernels/selection.js';
import { backendContract } from './backend.contract.js';

backendContract('cpuBackend, float64', () => cpuBackend('float64'));
backendContract('cpuBackend, float32', () => cpuBackend('float32'));

test('messages name routine, argument, what came and what was expected', () => {
  const backend = cpuBackend('float64');
  const A = backend.allocate(2, 3);
  const C = backend.allocate(2, 2);
  const foreign = cpuBackend('float64').allocate(2, 3);
  expect(() => backend.gemm(1, A, 'N', A, 'N', 0, C)).toThrow(
    new RangeError('gemm: B is 2×3, expected 3×3'),
  );
  expect(() => backend.gemm(1, A, 'N', foreign, 'T', 0, C)).toThrow(
    new TypeError(
      `gemm: B belongs to another backend, expected a slot of this one (cpu, ${backend.info.variant})`,
    ),
  );
  expect(() => backend.multiply(1, A, A, 0, A)).toThrow(
    new RangeError('multiply: C is the slot of A too, expected an output that is no other operand'),
  );
  backend.free(A);
  expect(() => backend.syrk(1, A, 0, C)).toThrow(
    new TypeError('syrk: A was freed, expected a slot in use'),
  );
});

test('an unknown dtype is refused', () => {
  const dtype: DType = JSON.parse('"float16"');
  expect(() => cpuBackend(dtype)).toThrow(
    new RangeError("cpuBackend: dtype is 'float16', expected 'float32' or 'float64'"),
  );
});

test('info says what runs', () => {
  const { info } = cpuBackend('float32');
  const chosen = kernelInfo();
  expect(info).toEqual({
    name: 'cpu',
    variant: `${chosen.kind}-${chosen.variant}`,
    threads: 1,
  });
});
