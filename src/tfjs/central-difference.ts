// Products of the Hessian with vectors by central differences of gradients.

import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import type { HeldLoss } from './held-loss.js';
import type { TensorFlowCore } from './tensorflow.js';

/** u^(1/3), with u = 2⁻²⁴, the rounding of float32. */
const STEP = 2 ** -8;

/** Below every norm that float32 squares. */
const TINY = 2 ** -60;

/**
 * Hv ≈ (∇f(w + εv) − ∇f(w − εv))/2ε of the mean of `losses`, with
 * ```
 * ε = u^(1/3)·(1 + ‖w‖)/‖v‖,   u = 2⁻²⁴
 * ```
 * The difference errs by rounding, about u‖∇f‖/ε, and by what the third derivative adds, about ε²/6 times it.
 * The sum of u/ε and ε² is least at ε of the order of u^(1/3), 0.0039 of the length of the weights, where it
 * is of the order of u^(2/3) = 1.5e-5. ‖w‖ is over the weights that move, those where v is not 0, so that a small
 * block beside large weights is not moved by their size. Nothing is read.
 *
 * TensorFlow.js's own second derivatives are not used: it has none of convolutions, and wrong ones of tanh and
 * sigmoid. The losses draw the random numbers that they drew before, and every variable, trained or not, is put
 * back as it was bit for bit, also where a loss throws.
 *
 * @param vectors One a variable, of its shape.
 * @returns One tensor a variable, which the caller disposes of.
 */
export function centralDifference(
  tf: TensorFlowCore,
  losses: readonly HeldLoss[],
  variables: readonly Variable[],
  vectors: readonly Tensor[],
): Tensor[] {
  return tf.tidy(() => {
    const all = Object.values(tf.engine().registeredVariables);
    const held = all.map((variable) => [variable, tf.clone(variable)] as const);
    const putBack = (): void => {
      for (const [variable, value] of held) if (!variable.isDisposed) variable.assign(value);
    };
    const moved = variables.map((w, i) =>
      tf.mul(w, tf.cast(tf.notEqual(vectors[i], 0), 'float32')),
    );
    const length = tf.add(norm(tf, moved), 1);
    const epsilon = tf.div(tf.mul(length, STEP), tf.maximum(norm(tf, vectors), TINY));
    const steps = vectors.map((v) => tf.mul(v, epsilon));
    const gradientsAt = (move: (w: Tensor, step: Tensor) => Tensor): Tensor[] => {
      putBack();
      variables.forEach((variable, i) => {
        variable.assign(move(variable, steps[i]));
      });
      return mean(
        tf,
        losses.map((loss) => gradientsOf(tf, () => loss.again(), variables)),
      );
    };
    try {
      const after = gradientsAt((w, step) => tf.add(w, step));
      const before = gradientsAt((w, step) => tf.sub(w, step));
      return after.map((g, i) => tf.div(tf.sub(g, before[i]), tf.mul(epsilon, 2)));
    } finally {
      putBack();
    }
  });
}

/** The length of all tensors as one vector. */
function norm(tf: TensorFlowCore, tensors: readonly Tensor[]): Tensor {
  const squares = tensors.map((one) => tf.sum(tf.square(one)));
  return tf.sqrt(squares.reduce<Tensor>((sum, one) => tf.add(sum, one), tf.zeros([])));
}

/** One gradient a variable: 0 where the loss does not depend on it. */
function gradientsOf(
  tf: TensorFlowCore,
  f: () => Scalar,
  variables: readonly Variable[],
): Tensor[] {
  const { grads } = tf.variableGrads(f, [...variables]);
  return variables.map(({ name, shape }) => grads[name] ?? tf.zeros(shape));
}

/** The mean of several lists of tensors. */
function mean(tf: TensorFlowCore, lists: readonly Tensor[][]): Tensor[] {
  if (lists.length === 1) return lists[0];
  return lists[0].map((first, i) => {
    const sum = lists.slice(1).reduce<Tensor>((total, list) => tf.add(total, list[i]), first);
    return tf.div(sum, lists.length);
  });
}
