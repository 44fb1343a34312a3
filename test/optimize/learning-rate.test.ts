// The learning rate of a run where it meets the ends of its dtype.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { DenseMatrix } from '../../src/core/matrix.js';
import { descend } from '../../src/optimize/descend.js';
import { savedRate, withRate } from '../../src/optimize/learning-rate.js';
import { momentum } from '../../src/optimize/momentum.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { sgd } from '../../src/optimize/optimizers.js';
import { chain } from '../../src/optimize/transform.js';

/** The parameter 1 after one step with gradient 1 in float32. */
function stepped(learningRate: (step: number) => number): number {
  const backend = cpuBackend('float32');
  const one = () => backend.wrap(new DenseMatrix('float32', 1, 1, Float32Array.of(1)));
  const W = one();
  const transform = sgd({ learningRate });
  new Optimizer({ backend, transform, parameters: [{ rows: 1, cols: 1 }] }).step([one()], [W]);
  return backend.readSync(W).at(0, 0);
}

test('is found in a saved state however deep its chain is', async () => {
  const backend = cpuBackend('float64');
  const parameters = [{ rows: 1, cols: 1 }];
  for (const transform of [
    descend(0.5),
    chain(momentum(0.5), descend(0.5)),
    chain(momentum(0.5), chain(momentum(0.25), chain(momentum(0.75), descend(0.5)))),
  ]) {
    const optimizer = new Optimizer({ backend, transform, parameters });
    const saved = await optimizer.exportState();
    expect(savedRate(saved)).toBeUndefined();
    const set = withRate(saved, 0.125);
    expect(savedRate(set)).toBe(0.125);
    optimizer.restoreState(set);
    expect(optimizer.learningRate).toBe(0.125);
  }
});

describe('a schedule in float32', () => {
  test('that has decayed below the smallest number moves nothing', () => {
    expect(stepped(() => 1e-50)).toBe(1);
    expect(stepped(() => 0.25)).toBe(0.75);
  });

  test.each([1e39, -1, -1e-50, Number.NaN])('that gives %s is refused', (eta) => {
    expect(() => stepped(() => eta)).toThrow(RangeError);
  });
});
