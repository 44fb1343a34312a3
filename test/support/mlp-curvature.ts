// The Hessian of the perceptron of mlp.ts times vectors, by hand: the derivative of its pass along a direction.

import { build, combine, type Matrix, map, product, zip } from './matrices.js';
import type { Task } from './mlp.js';

const sum = (A: Matrix, B: Matrix): Matrix => combine(1, A, 1, B);

/** Hv of the loss of `pass`, parameter by parameter. Source: Pearlmutter 1994. */
export function hessianTimes(
  parameters: readonly Matrix[],
  { inputs, targets }: Task,
  vectors: readonly Matrix[],
): Matrix[] {
  const m = inputs.rows;
  const Z: Matrix[] = [];
  const RZ: Matrix[] = [];
  let outputs = inputs;
  let along = map(inputs, () => 0);
  for (let index = 0; index < parameters.length; index += 2) {
    if (index > 0) {
      outputs = map(outputs, Math.tanh);
      along = zip(along, outputs, (r, z) => r * (1 - z * z));
    }
    Z.push(outputs);
    RZ.push(along);
    const [W, b, V, v] = [
      ...parameters.slice(index, index + 2),
      ...vectors.slice(index, index + 2),
    ];
    const [ZW, ZV, RW] = [
      product(outputs, 'N', W, 'T'),
      product(outputs, 'N', V, 'T'),
      product(along, 'N', W, 'T'),
    ];
    outputs = build(ZW.rows, ZW.cols, (i, j) => ZW.at(i, j) + b.at(j, 0));
    along = build(ZW.rows, ZW.cols, (i, j) => ZV.at(i, j) + RW.at(i, j) + v.at(j, 0));
  }
  const products: Matrix[] = [];
  let D = map(combine(1, outputs, -1, targets), (x) => x / m);
  let RD = map(along, (x) => x / m);
  for (let layer = Z.length - 1; layer >= 0; layer--) {
    const [z, r, W, V] = [Z[layer], RZ[layer], parameters[2 * layer], vectors[2 * layer]];
    const ones = build(m, 1, () => 1);
    products.unshift(
      sum(product(RD, 'T', z, 'N'), product(D, 'T', r, 'N')),
      product(RD, 'T', ones, 'N'),
    );
    const back = product(D, 'N', W, 'N');
    const turned = zip(
      back,
      zip(z, r, (a, b) => -2 * a * b),
      (d, c) => d * c,
    );
    RD = sum(
      zip(sum(product(RD, 'N', W, 'N'), product(D, 'N', V, 'N')), z, (d, a) => d * (1 - a * a)),
      turned,
    );
    D = zip(back, z, (d, a) => d * (1 - a * a));
  }
  return products;
}
