// Least squares in a training loop of one's own: gradient descent against NysAct, where the features
// differ in scale.

import { cpuBackend, type DenseMatrix, denseRows, nysact, Optimizer, sgd, zeros } from 'nysact';
import { axpby, frobeniusNorm, gemm } from 'nysact/linalg';
import { fillNormal, foldIn, randomKey } from 'nysact/random';
import type { Transform } from 'nysact/transforms';

const [examples, features, outputs] = [256, 40, 3];
const steps = 100;

/** A matrix of independent normal numbers. */
function gaussian(draw: number, rows: number, cols: number): DenseMatrix<'float64'> {
  const A = zeros('float64', rows, cols);
  fillNormal(foldIn(randomKey(1), draw), A.data);
  return A;
}

const X = gaussian(0, examples, features);
for (let i = 0; i < examples; i++) {
  for (let j = 0; j < features; j++) X.set(i, j, X.at(i, j) / (j + 1)); // the last: 1/40 of the first
}
const Y = zeros('float64', examples, outputs);
gemm(1, X, 'N', gaussian(1, outputs, features), 'T', 0, Y); // what is to be found: some XWᵀ

/** The loss ‖XWᵀ − Y‖²F/2m before every step from W = 0, and after the last. */
function train(transform: Transform): number[] {
  const backend = cpuBackend('float64');
  const [W, G] = [zeros('float64', outputs, features), zeros('float64', outputs, features)];
  const [weight, gradient] = [backend.wrap(W), backend.wrap(G)]; // the same memory, as the backend sees it
  const rows = denseRows(backend, X); // what enters the layer: here it is the same at every step
  const optimizer = new Optimizer({
    backend,
    transform,
    parameters: [weight],
    layers: [{ weight: 0 }],
  });
  const E = zeros('float64', examples, outputs);
  const losses: number[] = [];
  for (let step = 0; ; step++) {
    gemm(1, X, 'N', W, 'T', 0, E);
    axpby(-1, Y, 1, E);
    losses.push(frobeniusNorm(E) ** 2 / (2 * examples));
    if (step === steps) break;
    gemm(1 / examples, E, 'T', X, 'N', 0, G); // ∂loss/∂W
    optimizer.step([gradient], [weight], [{ X: rows }]);
  }
  optimizer.dispose();
  rows.dispose();
  return losses;
}

/** The losses by optimiser. */
export const losses = {
  'gradient descent': train(sgd({ learningRate: 1 })), // 2 diverges: the largest eigenvalue is about 1
  NysAct: train(nysact({ learningRate: 0.5, rank: 10, damping: 0.02 })),
};

console.table(
  [0, 1, 10, 50, steps].map((step) => ({
    step,
    'gradient descent': losses['gradient descent'][step].toExponential(2),
    NysAct: losses.NysAct[step].toExponential(2),
  })),
);
