// Gradients that are computed apart from the step: by name, in any order, and captured where that matters.

import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { adam, kfac, nysact, sgd, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, crossEntropy, perceptron, weightsOf } from './models.js';

const OPTIONS = { observeEvery: 3, refreshEvery: 3, rank: 3 } as const;

/** How gradients are handed to a step. */
type Form = (grads: NamedTensorMap) => NamedTensorMap | { name: string; tensor: Tensor }[];

const FORMS: readonly (readonly [string, Form])[] = [
  ['a map', (grads) => grads],
  ['a list', (grads) => Object.entries(grads).map(([name, tensor]) => ({ name, tensor }))],
  ['a map in another order', (grads) => Object.fromEntries(Object.entries(grads).toReversed())],
  [
    'a list in an order that changes',
    (grads) =>
      Object.entries(grads)
        .map(([name, tensor]) => ({ name, tensor }))
        .toSorted((a, b) => (a.tensor.size % 7) - (b.tensor.size % 7)),
  ],
];

/** What is said where step k has to look at layers and cannot. */
function advice(step: number): string {
  return `nysact: step ${step} looks at layers, but its gradients were computed elsewhere: compute them with this optimizer's computeGradients(f), or use minimize or model.fit`;
}

/** The weights after six steps, of gradients computed by the optimiser and handed over in `form`. */
function trained(make: () => TfjsOptimizer, form: Form | undefined): number[][] {
  const [model, optimizer] = [perceptron(), make()];
  const data = clouds(20);
  const loss = crossEntropy(model, data);
  for (let k = 0; k < 6; k++) {
    if (form === undefined || k % 2 === 0) optimizer.minimize(loss);
    else {
      const { value, grads } = optimizer.computeGradients(loss);
      optimizer.applyGradients(form(grads));
      tf.dispose(grads);
      value.dispose();
    }
  }
  const weights = weightsOf(model);
  tf.dispose([data.x, data.y]);
  for (const one of [model, optimizer]) one.dispose();
  return weights;
}

onBackends(['wasm', 'cpu'], () => {
  test.each(FORMS)('gradients go by name: %s', (_, form) => {
    const makers = [
      () => nysact(tf, { ...OPTIONS, momentum: 0.9 }),
      () => kfac(tf, { observeEvery: 1, refreshEvery: 2 }),
      () => adam(tf),
      () => sgd(tf, { momentum: 0.9 }),
    ];
    for (const make of makers) {
      const expected = trained(make, undefined);
      expect(trained(make, form)).toEqual(expected);
    }
  });

  test('tf.variableGrads is enough at steps that do not look at layers, else it tells what captures', () => {
    const [model, optimizer] = [perceptron(), nysact(tf, OPTIONS)];
    const data = clouds(20);
    const loss = crossEntropy(model, data);
    const elsewhere = (): void => {
      const { value, grads } = tf.variableGrads(loss);
      try {
        optimizer.applyGradients(grads);
      } finally {
        tf.dispose(grads);
        value.dispose();
      }
    };
    const before = weightsOf(model);
    expect(elsewhere).toThrow(advice(0));
    expect(weightsOf(model)).toEqual(before);
    optimizer.minimize(loss);
    elsewhere();
    elsewhere();
    expect(optimizer.iterations).toBe(3);
    const stays = weightsOf(model);
    expect(elsewhere).toThrow(advice(3));
    expect(weightsOf(model)).toEqual(stays);
    expect(optimizer.iterations).toBe(3);
    // What was captured once stands for no later step.
    optimizer.minimize(loss);
    expect(optimizer.diagnostics.map(({ refreshes }) => refreshes)).toEqual([2, 2, 2]);
    tf.dispose([data.x, data.y]);
    for (const one of [model, optimizer]) one.dispose();
  });

  test('tf.variableGrads is enough for optimisers that look at no layers', () => {
    const results = [false, true].map((elsewhere) => {
      const [model, optimizer] = [perceptron(), adam(tf)];
      const data = clouds(20);
      const loss = crossEntropy(model, data);
      for (let k = 0; k < 4; k++) {
        if (!elsewhere) optimizer.minimize(loss);
        else {
          const { value, grads } = tf.variableGrads(loss);
          optimizer.applyGradients(grads);
          tf.dispose(grads);
          value.dispose();
        }
      }
      const weights = weightsOf(model);
      tf.dispose([data.x, data.y]);
      for (const one of [model, optimizer]) one.dispose();
      return weights;
    });
    expect(results[1]).toEqual(results[0]);
  });

  test('gradients that were changed on the way are those that the step takes', () => {
    const [model, optimizer] = [perceptron(), sgd(tf, { learningRate: 1 })];
    const data = clouds(20);
    const before = weightsOf(model);
    const { value, grads } = optimizer.computeGradients(crossEntropy(model, data));
    const zeros = Object.fromEntries(
      Object.entries(grads).map(([name, gradient]) => [name, tf.zerosLike(gradient)]),
    );
    optimizer.applyGradients(zeros);
    expect(weightsOf(model)).toEqual(before);
    tf.dispose([data.x, data.y, value]);
    tf.dispose(grads);
    tf.dispose(zeros);
    for (const one of [model, optimizer]) one.dispose();
  });

  test.each([
    [
      'of another shape',
      RangeError,
      /^applyGradients: gradient 'w' is of shape \[2\], expected \[\]$/,
    ],
    ['of integers', TypeError, /^applyGradients: gradient 'w' holds int32, expected float32$/],
    ['of no variable', RangeError, /^applyGradients: there is no variable 'unknown'$/],
    ['of integer variables', TypeError, /^applyGradients: variable 'k' holds int32, expected/],
    ['given twice', RangeError, /^applyGradients: gradient 'w' is given twice, expected/],
  ])('gradients %s are refused, and settle nothing', (what, error, message) => {
    const w = tf.variable(tf.scalar(2), true, 'w');
    const k = tf.variable(tf.scalar(2, 'int32'), true, 'k');
    const [one, two, three] = [tf.scalar(1), tf.ones([2]), tf.scalar(1, 'int32')];
    const bad: Readonly<Record<string, { name: string; tensor: Tensor }[]>> = {
      'of another shape': [{ name: 'w', tensor: two }],
      'of integers': [{ name: 'w', tensor: three }],
      'of no variable': [
        { name: 'w', tensor: one },
        { name: 'unknown', tensor: one },
      ],
      'of integer variables': [{ name: 'k', tensor: one }],
      'given twice': [
        { name: 'w', tensor: one },
        { name: 'w', tensor: one },
      ],
    };
    const optimizer = sgd(tf, { learningRate: 0.5 });
    for (const steps of [0, 1]) {
      const wrong = (): void => optimizer.applyGradients(bad[what]);
      expect(wrong).toThrow(error);
      expect(wrong).toThrow(message);
      expect(optimizer.iterations).toBe(steps);
      optimizer.applyGradients({ w: one });
    }
    expect(Array.from(w.dataSync())).toEqual([1]);
    tf.dispose([one, two, three]);
    for (const made of [w, k, optimizer]) made.dispose();
  });
});
