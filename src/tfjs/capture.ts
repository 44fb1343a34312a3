// What layers took in, and what came back to them, during one computation of gradients.

import type { NamedTensorMap, Scalar, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs';
import type { StepNeeds } from '../optimize/transform.js';
import { type KnownLayer, type LayerTable, layerTable } from './layers/index.js';
import type { ActivatedLayer, Layer } from './layers/kind.js';
import { checkLayers, type TensorFlow, type TensorFlowCore } from './tensorflow.js';

/** One block of weights that took part, known by the names of its variables. */
export interface CapturedBlock {
  /** The name of its kind of layer. */
  readonly kind: string;
  readonly weight: string;
  /** Undefined where the layer has no bias, or none that is trained. */
  readonly bias: string | undefined;
  /** What entered the layer: m×in, a row for each example (and position, where the rank is > 2). */
  readonly X: Tensor2D | undefined;
  /** Gradients of the mean loss with respect to the pre-activations: m×out, row by row as X. */
  readonly D: Tensor2D | undefined;
  /** Examples in the batch. */
  readonly examples: number;
}

/** Gradients, and the blocks whose weight is among them in the order of their first use. */
export interface CapturedGradients {
  readonly value: Scalar;
  readonly grads: NamedTensorMap;
  readonly blocks: readonly CapturedBlock[];
  /** Layers that were applied, known or not. */
  readonly applied: number;
}

/**
 * `tf.variableGrads(f, variables)`, with what the known layers of tf.layers saw on the way.
 *
 * For its duration every layer is applied through a recorder, which taps the output by an identity with a
 * gradient of its own, in front of the activation where D is asked for. The tap tells which uses reach the
 * loss: only these count, and only the outermost backward pass. What a loss computes beside (the
 * prediction of a target, the gradient of something else) leaves no trace. For each block XᵀD is the
 * gradient of its weight. A weight that is used several times has the rows of all its uses one below the
 * other, as its gradient is the sum over them; layers that share it are one block. Frozen weights are
 * left out, and layers that are called by other means than `apply` (inside a TimeDistributed or a
 * recurrent layer) are not seen.
 *
 * X and D are the caller's to dispose of. If `f` throws, nothing stays patched or captured.
 *
 * @throws TypeError where `tf` has no layers, or they have no method `apply`; what `f` or
 *   `tf.variableGrads` throws.
 */
export function captureGradients(
  tf: TensorFlowCore,
  f: () => Scalar,
  variables: Variable[] | undefined,
  needs: StepNeeds,
): CapturedGradients {
  checkLayers('captureGradients', tf);
  const recorder = new Recorder(tf, needs);
  const { prototype } = tf.layers.Layer;
  const { apply } = Object.getOwnPropertyDescriptors(prototype);
  const original = apply.value;
  if (original === undefined) throw new TypeError('captureGradients: tf.layers.Layer has no apply');
  prototype.apply = function (this: Layer, ...args: Parameters<Layer['apply']>) {
    return recorder.record(this, args[0], () => original.apply(this, args));
  };
  try {
    const forward = (): Scalar => {
      const value = f();
      recorder.forwardIsDone();
      return value;
    };
    const { value, grads } = tf.variableGrads(forward, variables);
    return { value, grads, blocks: recorder.blocks(grads), applied: recorder.applied };
  } finally {
    Object.defineProperty(prototype, 'apply', apply);
    recorder.dispose();
  }
}

/** Disposes of what {@link captureGradients} captured, not of the gradients. */
export function disposeCaptured(captured: readonly CapturedBlock[]): void {
  for (const { X, D } of captured) {
    X?.dispose();
    D?.dispose();
  }
}

/** What a layer gives. */
type Output = ReturnType<Layer['apply']>;

/** One application of a layer. */
interface Use {
  readonly known: KnownLayer;
  readonly X: Tensor;
  /** Whether its output reaches the loss. */
  reached: boolean;
  /** Undefined where nobody asks for it, or nothing has come back. */
  D: Tensor | undefined;
}

class Recorder {
  /** How many layers were applied, known or not. */
  applied = 0;
  readonly #tf: TensorFlow;
  readonly #needs: StepNeeds;
  readonly #table: LayerTable;
  readonly #uses: Use[] = [];
  #isForward = true;

  constructor(tf: TensorFlow, needs: StepNeeds) {
    this.#tf = tf;
    this.#needs = needs;
    this.#table = layerTable(tf);
  }

  /** From now on gradients are those of the loss: before, they are of something that it computes. */
  forwardIsDone(): void {
    this.#isForward = false;
  }

  record(layer: Layer, inputs: Parameters<Layer['apply']>[0], apply: () => Output): Output {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    if (!this.#isForward || !(input instanceof this.#tf.Tensor)) return apply();
    this.applied += 1;
    const known = this.#table.find(layer);
    if (known === undefined) return apply();
    const use: Use = { known, X: this.#keep(input), reached: false, D: undefined };
    this.#uses.push(use);
    return this.#tapped(known.layer, use, apply);
  }

  /** The blocks that have a gradient; what they saw is no longer the recorder's. */
  blocks(grads: NamedTensorMap): CapturedBlock[] {
    const uses = new Map<string, Use[]>();
    for (const use of this.#uses) {
      const weight = use.known.kind.block(use.known.layer)?.weight.name;
      if (!use.reached || weight === undefined || !this.#isTrained(grads, weight)) continue;
      uses.set(weight, [...(uses.get(weight) ?? []), use]);
    }
    return [...uses].map(([weight, ofWeight]) => this.#block(weight, ofWeight, grads));
  }

  dispose(): void {
    for (const { X, D } of this.#uses) {
      X.dispose();
      D?.dispose();
    }
  }

  #block(weight: string, uses: readonly Use[], grads: NamedTensorMap): CapturedBlock {
    const { inputs, outputGradients } = this.#needs;
    const [{ known, X }] = uses;
    const biases = new Set(uses.map((use) => use.known.kind.block(use.known.layer)?.bias?.name));
    const [bias] = biases;
    // Where layers share a weight but not the bias, no column of ones stands for all their rows.
    const shared = biases.size === 1 && bias !== undefined && this.#isTrained(grads, bias);
    return {
      kind: known.kind.name,
      weight,
      bias: shared ? bias : undefined,
      examples: X.shape[0],
      X: inputs
        ? this.#stack(
            uses.map(
              ({ known: { kind, layer }, X: x }) =>
                () =>
                  kind.rows(this.#tf, layer, x),
            ),
          )
        : undefined,
      D: outputGradients
        ? this.#stack(
            uses.flatMap(({ known: { kind, layer }, D: dy }) =>
              dy === undefined ? [] : [() => kind.gradientRows(this.#tf, layer, dy)],
            ),
          )
        : undefined,
    };
  }

  #isTrained(grads: NamedTensorMap, name: string): boolean {
    return grads[name] instanceof this.#tf.Tensor;
  }

  /**
   * Applies the layer with a tap on it. Only D needs the tap in front of the activation, which then is
   * none that the fused kernels know: that costs time, and a sum and its bias round differently apart.
   * Elsewhere, and behind a linear activation, the output is tapped.
   */
  #tapped(layer: ActivatedLayer, use: Use, apply: () => Output): Output {
    const { activation } = layer;
    if (!this.#needs.outputGradients || activation.getClassName() === 'linear') {
      const output = apply();
      return output instanceof this.#tf.Tensor ? this.#tap(use, output) : output;
    }
    layer.activation = {
      getClassName: () => 'tapped',
      apply: (x) => activation.apply(this.#tap(use, x)),
    };
    try {
      return apply();
    } finally {
      layer.activation = activation;
    }
  }

  /** The identity, with a gradient that is looked at. */
  #tap(use: Use, x: Tensor): Tensor {
    return this.#tf.customGrad(() => ({
      value: this.#tf.clone(x),
      gradFunc: (dy: Tensor) => {
        this.#comeBack(use, dy);
        return this.#tf.clone(dy);
      },
    }))(x);
  }

  #comeBack(use: Use, dy: Tensor): void {
    if (this.#isForward) return;
    use.reached = true;
    if (this.#needs.outputGradients) use.D ??= this.#keep(dy);
  }

  /** A handle that outlives the pass. Reshaping waits, as the tape would keep what it reshapes. */
  #keep(tensor: Tensor): Tensor {
    return this.#tf.keep(this.#tf.clone(tensor));
  }

  /** The rows of all uses, one below the other. */
  #stack(parts: readonly (() => Tensor2D)[]): Tensor2D {
    const stacked = this.#tf.tidy(() => {
      const rows = parts.map((part) => part());
      return rows.length === 1 ? rows[0] : this.#tf.concat(rows, 0);
    });
    return this.#tf.keep(stacked);
  }
}
