// Training that diverges says so: which variable, at which step, and what to lower.

import type { Scalar } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { DivergenceError } from '../../src/core/errors.js';
import { adam, kfac, nysact, sgd, type TfjsOptimizer } from '../../src/tfjs/index.js';
import type { TensorFlow } from '../../src/tfjs/tensorflow.js';
import { onBackends, tf } from './backends.js';
import { clouds, dense, meanSquare, weightsOf } from './models.js';

/** TensorFlow.js as it is on a device: nothing is looked at without waiting. */
const onDevice: TensorFlow = { ...tf, getBackend: () => 'webgl' };

const CASES: readonly (readonly [string, (module: TensorFlow) => TfjsOptimizer])[] = [
  ['sgd', (module) => sgd(module, { learningRate: 10 })],
  ['nysact', (module) => nysact(module, { learningRate: 10, damping: 1e-3 })],
];

function linear(): ReturnType<typeof tf.sequential> {
  return tf.sequential({ layers: [dense(4, 1, [6]), dense(2, 1)] });
}

/** Lets what is under way arrive. */
async function later(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Takes steps on features that nobody scaled until one throws. */
async function divergence(
  make: () => TfjsOptimizer,
): Promise<{ error: unknown; steps: number; finite: boolean }> {
  const [model, optimizer] = [linear(), make()];
  const { x, y } = clouds(16);
  const scaled = x.mul(100);
  const loss = (): Scalar => meanSquare(model, scaled)();
  let error: unknown;
  for (let k = 0; k < 200 && error === undefined; k++) {
    try {
      optimizer.minimize(loss);
      // What a device has found arrives between two steps.
      await later();
    } catch (reason) {
      error = reason;
    }
  }
  const steps = optimizer.iterations;
  const finite = weightsOf(model).flat().every(Number.isFinite);
  tf.dispose([x, y, scaled]);
  for (const one of [model, optimizer]) one.dispose();
  return { error, steps, finite };
}

onBackends(['wasm', 'cpu'], () => {
  describe.each(CASES)('%s', (_, make) => {
    test('refuses the step that would take the weights out of range, and names the variable', async () => {
      const { error, steps, finite } = await divergence(() => make(tf));
      expect(error).toBeInstanceOf(DivergenceError);
      expect(String(error)).toMatch(/dense_Dense\d+\/(kernel|bias)/);
      expect(String(error)).toMatch(
        /lower the learning rate, raise the damping, or scale the inputs/,
      );
      expect(String(error)).toContain(`step ${steps}`);
      expect(finite).toBe(true);
    });

    test('on a device the loss tells at a later step', async () => {
      const { error, steps } = await divergence(() => make(onDevice));
      expect(error).toBeInstanceOf(DivergenceError);
      expect(String(error)).toMatch(
        /the loss is (NaN|Infinity): training diverged at step \d+; lower the learning rate/,
      );
      expect(error).toHaveProperty('step', steps - 1);
    });
  });
});

onBackends(['wasm'], () => {
  test('a gradient that is not finite is told by its variable, and the step is not taken', () => {
    const w = tf.variable(tf.tensor1d([1, 2]), true, 'weights of one’s own');
    for (const make of [sgd, adam, kfac, nysact]) {
      const optimizer = make(tf);
      const loss = () => w.mul(Number.NaN).sum().asScalar();
      if (make === sgd || make === adam) {
        expect(() => optimizer.minimize(loss)).toThrow(
          /gradient of 'weights of one’s own' holds NaN at row 0.*: training diverged at step 0;/,
        );
      }
      expect(Array.from(w.dataSync())).toEqual([1, 2]);
      expect(optimizer.iterations).toBe(0);
      optimizer.dispose();
    }
    w.dispose();
  });

  test('a device that is some steps behind is heard all the same', async () => {
    const slow: TensorFlow = {
      ...onDevice,
      clone: (tensor) => {
        const copy = tf.clone(tensor);
        const data = copy.data.bind(copy);
        return Object.assign(copy, {
          async data() {
            for (let turn = 0; turn < 3; turn++) await later();
            return data();
          },
        });
      },
    };
    const { x, y } = clouds(9);
    const broken = x.mul(Number.NaN);
    const [model, optimizer] = [linear(), sgd(slow)];
    const steps = async () => {
      for (let step = 0; step < 9; step++) {
        optimizer.minimize(meanSquare(model, step === 1 ? broken : x));
        await later();
      }
    };
    await expect(steps()).rejects.toThrow('training diverged at step 1');
    for (let turn = 0; turn < 9; turn++) await later();
    tf.dispose([x, y, broken]);
    for (const one of [model, optimizer]) one.dispose();
  });

  test('what a device tells late is forgotten with the run that it was about', async () => {
    const { x, y } = clouds(9);
    const broken = x.mul(Number.NaN);
    const [model, optimizer] = [linear(), sgd(onDevice)];
    optimizer.minimize(meanSquare(model, x));
    const state = await optimizer.exportState();
    const weights = model.getWeights().map((weight) => weight.clone());
    for (const leave of [() => optimizer.dispose(), () => optimizer.restoreState(state)]) {
      optimizer.minimize(meanSquare(model, broken));
      leave();
      await later();
      model.setWeights(weights);
      optimizer.minimize(meanSquare(model, x));
      expect(weightsOf(model).flat().every(Number.isFinite)).toBe(true);
    }
    optimizer.minimize(meanSquare(model, broken));
    await later();
    expect(() => optimizer.minimize(meanSquare(model, x))).toThrow(DivergenceError);
    tf.dispose([x, y, broken, ...weights]);
    for (const one of [model, optimizer]) one.dispose();
  });
});
