// TensorFlow.js with our kernels on its wasm backend, and its cpu backend beside it.

import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect } from 'vitest';
import { type RegisteredKernels, registerKernels } from '../../src/tfjs-wasm/index.js';

export { tf };

/** Declares that our kernels are registered while the tests of this file run. */
export function withKernels(): void {
  let kernels: RegisteredKernels | undefined;
  beforeAll(async () => {
    await tf.setBackend('wasm');
    kernels = await registerKernels(tf);
  });
  afterAll(() => {
    kernels?.restore();
  });
}

/** Plain numbers and a shape, which either backend makes a tensor of. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What `compute` makes of the values on one backend; leaves no tensor behind, nor memory of one. */
export function computeOn(
  backend: 'wasm' | 'cpu',
  values: readonly Values[],
  compute: (...tensors: Tensor[]) => Tensor | Tensor[],
): Values[] {
  tf.setBackend(backend);
  const kept = () => [tf.memory().numTensors, tf.backend().numDataIds()];
  const before = kept();
  const results = tf.tidy(() => {
    const tensors = values.map(({ shape, data }) => tf.tensor(data, [...shape]));
    return [compute(...tensors)].flat().map((result) => ({
      shape: result.shape,
      data: Float32Array.from(result.dataSync()),
    }));
  });
  expect(kept()).toEqual(before);
  tf.setBackend('wasm');
  return results;
}

/**
 * Both backends agree: |a − b| ≤ tolerance·scale in every element, where `scale` bounds Σ|xy| of the sums
 * behind it.
 */
export function expectAgreement(
  values: readonly Values[],
  compute: (...tensors: Tensor[]) => Tensor | Tensor[],
  tolerance: number,
): void {
  const [ours, theirs] = (['wasm', 'cpu'] as const).map((backend) =>
    computeOn(backend, values, compute),
  );
  ours.forEach(({ shape, data }, i) => {
    expect(shape).toEqual(theirs[i].shape);
    let worst = 0;
    data.forEach((value, j) => {
      const error = Math.abs(value - theirs[i].data[j]);
      worst = error <= worst ? worst : error;
    });
    expect(worst).toBeLessThanOrEqual(tolerance);
  });
}
