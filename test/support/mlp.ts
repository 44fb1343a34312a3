// A small multilayer perceptron with its gradients by hand: what the optimisers are tried on.

import {
  build,
  combine,
  gaussian,
  type Matrix,
  map,
  product,
  uniform,
  withOnes,
  zip,
} from './matrices.js';

/** Inputs, one row an example, and what the network should make of them. */
export interface Task {
  readonly inputs: Matrix;
  readonly targets: Matrix;
}

/** What one layer has seen in a pass. */
export interface Seen {
  /** Its inputs and a column of ones, m×p. */
  readonly X: Matrix;
  /** The gradient of the mean loss with respect to its pre-activations, m×q. */
  readonly D: Matrix;
}

/** One pass forth and back. */
export interface Pass {
  readonly loss: number;
  /** In the order of the parameters: weight (q×(p−1)) and bias (q×1) of every layer. */
  readonly gradients: readonly Matrix[];
  readonly layers: readonly Seen[];
}

/** Weights N(0, 1/features) and biases 0 for layers of the given widths, the inputs' first. */
export function initialParameters(widths: readonly number[], seed: number): Matrix[] {
  const random = uniform(seed);
  return widths.slice(1).flatMap((outputs, layer) => {
    const features = widths[layer];
    const W = map(gaussian(random, outputs, features), (x) => x / Math.sqrt(features));
    return [W, build(outputs, 1, () => 0)];
  });
}

/** Where each layer's weight and bias are among the parameters. */
export function layerParameters(widths: readonly number[]): { weight: number; bias: number }[] {
  return widths.slice(1).map((_, layer) => ({ weight: 2 * layer, bias: 2 * layer + 1 }));
}

/** Targets that a network of these widths can nearly meet, from inputs of unequal scale. */
export function teacherTask(widths: readonly number[], examples: number, seed: number): Task {
  const random = uniform(seed);
  const raw = gaussian(random, examples, widths[0]);
  const inputs = build(raw.rows, raw.cols, (i, j) => raw.at(i, j) / (1 + j / 2));
  const teacher = initialParameters(widths, seed + 1);
  const { outputs } = forward(teacher, inputs);
  const noise = gaussian(random, outputs.rows, outputs.cols);
  return { inputs, targets: combine(1, outputs, 0.01, noise) };
}

/**
 * The loss Σ‖y − ŷ‖²/2m of a network with tanh between its layers, and all of its gradients. With a
 * single layer this is linear least squares, a convex quadratic.
 */
export function pass(parameters: readonly Matrix[], { inputs, targets }: Task): Pass {
  const m = inputs.rows;
  const { activations, outputs } = forward(parameters, inputs);
  const residual = combine(1, outputs, -1, targets);
  const loss = residual.data.reduce((sum, x) => sum + x * x, 0) / (2 * m);

  const gradients: Matrix[] = [];
  const layers: Seen[] = [];
  let D = map(residual, (x) => x / m);
  for (let layer = activations.length - 1; layer >= 0; layer--) {
    const Z = activations[layer];
    const X = withOnes(Z);
    const G = product(D, 'T', X, 'N');
    layers.unshift({ X, D });
    gradients.unshift(
      build(G.rows, Z.cols, (i, j) => G.at(i, j)),
      build(G.rows, 1, (i) => G.at(i, Z.cols)),
    );
    // Z = tanh(pre-activations) of the layer below: its derivative is 1 − Z².
    D = zip(product(D, 'N', parameters[2 * layer], 'N'), Z, (d, z) => d * (1 - z * z));
  }
  return { loss, gradients, layers };
}

/** The inputs of every layer, and the outputs of the last. */
function forward(
  parameters: readonly Matrix[],
  inputs: Matrix,
): { activations: Matrix[]; outputs: Matrix } {
  const activations: Matrix[] = [];
  let outputs = inputs;
  for (let index = 0; index < parameters.length; index += 2) {
    const Z = index === 0 ? inputs : map(outputs, Math.tanh);
    const b = parameters[index + 1];
    activations.push(Z);
    const WZ = product(Z, 'N', parameters[index], 'T');
    outputs = build(WZ.rows, WZ.cols, (i, j) => WZ.at(i, j) + b.at(j, 0));
  }
  return { activations, outputs };
}
