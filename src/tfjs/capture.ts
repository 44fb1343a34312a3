// What layers took in, and what came back to them, during one computation of gradients.

import type { NamedTensorMap, Scalar, Variable } from '@tensorflow/tfjs';
import type { LayerNeeds } from '../optimize/transform.js';
import type { CapturedBlock } from './captured.js';
import { LayerWatch } from './layer-watch.js';
import { Recorder } from './recorder.js';
import { hasLayers, type TensorFlowCore } from './tensorflow.js';

/** Gradients, and the blocks whose weight is among them in the order of their first use. */
export interface CapturedGradients {
  readonly value: Scalar;
  readonly grads: NamedTensorMap;
  readonly blocks: readonly CapturedBlock[];
  /** Whether any layer took part, known or not, or any tap. */
  readonly tookPart: boolean;
}

/**
 * `tf.variableGrads(f, variables)`, with what `taps` and the known layers of tf.layers saw on the way.
 *
 * For its duration every known class of layers computes through a recorder, which taps the output by an
 * identity with a gradient of its own, in front of the activation where D is asked for. It is the method
 * `call` of the classes that is replaced, so whoever computes a layer is seen: `apply`, a model, a wrapper
 * or a loop over time. The tap tells which uses reach the loss: only these count, and only the outermost
 * backward pass. What a loss computes beside (the prediction of a target, the gradient of something else)
 * leaves no trace. For each block XᵀD is the gradient of its weight, or DᵀX where that is how the weight
 * lies. A weight that is used several times has the rows of all its uses one below the other, as its
 * gradient is the sum over them; layers that share it are one block. Frozen weights are left out.
 *
 * What was captured is the caller's to dispose of. If `f` throws, nothing stays patched or captured.
 *
 * @throws TypeError where layers have no method `apply` or `call`; what `f` or
 *   `tf.variableGrads` throws.
 */
export function captureGradients(
  tf: TensorFlowCore,
  f: () => Scalar,
  variables: Variable[] | undefined,
  needs: LayerNeeds,
  taps: { recorder: Recorder | undefined } = { recorder: undefined },
): CapturedGradients {
  const recorder = new Recorder(tf, needs);
  const layers = hasLayers(tf) ? new LayerWatch(tf, recorder) : undefined;
  // A loss may have gradients computed itself.
  const { recorder: outer } = taps;
  try {
    taps.recorder = recorder;
    layers?.begin();
    const forward = (): Scalar => {
      const value = f();
      recorder.forwardIsDone();
      return value;
    };
    const { value, grads } = tf.variableGrads(forward, variables);
    const tookPart = recorder.watched > 0 || (layers !== undefined && layers.applied > 0);
    return { value, grads, blocks: recorder.blocks(grads), tookPart };
  } finally {
    taps.recorder = outer;
    layers?.end();
    recorder.dispose();
  }
}
