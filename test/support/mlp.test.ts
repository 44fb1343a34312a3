// The perceptron that the optimisers are tried on has the gradients that differences say.

import { describe, expect, test } from 'vitest';
import { distance, norm, product } from './matrices.js';
import { initialParameters, pass, teacherTask } from './mlp.js';

const STEP = 1e-5;

describe.each([[[4, 2]], [[4, 5, 2]], [[3, 4, 3, 2]]])('a network of widths %j', (widths) => {
  const task = teacherTask(widths, 7, 11);
  const parameters = initialParameters(widths, 3);
  const { gradients, layers } = pass(parameters, task);

  test('has the gradients that central differences of its loss have', () => {
    parameters.forEach((theta, index) => {
      theta.data.forEach((value, k) => {
        const lossAt = (x: number): number => {
          const moved = parameters.map((other) => other.clone());
          moved[index].data[k] = x;
          return pass(moved, task).loss;
        };
        const slope = (lossAt(value + STEP) - lossAt(value - STEP)) / (2 * STEP);
        // The differences are off by O(STEP²) and by rounding, O(eps/STEP).
        expect(Math.abs(gradients[index].data[k] - slope)).toBeLessThanOrEqual(1e-9);
      });
    });
  });

  test('has layers with DᵀX = [W-gradient, b-gradient]', () => {
    layers.forEach(({ X, D }, layer) => {
      const G = product(D, 'T', X, 'N');
      const [W, b] = gradients.slice(2 * layer, 2 * layer + 2);
      expect(distance(G.view(0, 0, W.rows, W.cols), W)).toBeLessThanOrEqual(1e-14 * norm(G));
      expect(distance(G.view(0, W.cols, W.rows, 1), b)).toBeLessThanOrEqual(1e-14 * norm(G));
    });
  });
});
