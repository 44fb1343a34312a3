// The learning rate of a run where it meets the ends of its dtype.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { DenseMatrix } from '../../src/core/matrix.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { sgd } from '../../src/optimize/optimizers.js';

/** The parameter 1 after one step with gradient 1 in float32. */
function after(learningRate: (step: number) => number): number {
  const backend = cpuBackend('float32');
  const one = () => backend.wrap(new DenseMatrix('float32', 1, 1, Float32Array.of(1)));
  const W = one();
  const transform = sgd({ learningRate });
  new Optimizer({ backend, transform, parameters: [{ rows: 1, cols: 1 }] }).step([one()], [W]);
  return backend.readSync(W).at(0, 0);
}

describe('a schedule in float32', () => {
  test('that has decayed below the smallest number moves nothing', () => {
    expect(after(() => 1e-50)).toBe(1);
    expect(after(() => 0.25)).toBe(0.75);
  });

  test.each([1e39, -1, -1e-50, Number.NaN])('that gives %s is refused', (eta) => {
    expect(() => after(() => eta)).toThrow(RangeError);
  });
});
