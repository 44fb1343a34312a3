// What dense layers took in, and what came back to them, during one computation of gradients.

import type {
  LayerVariable,
  layers,
  NamedTensorMap,
  Scalar,
  Tensor,
  Tensor2D,
  Variable,
} from '@tensorflow/tfjs';
import { checkLayers, type TensorFlowCore } from './tensorflow.js';

type Layer = layers.Layer;

/** What to capture beside the layers themselves. */
export interface CaptureOptions {
  readonly inputs: boolean;
  readonly outputGradients: boolean;
}

/** One dense layer that took part, known by the names of its variables. */
export interface CapturedLayer {
  readonly name: string;
  readonly kernel: string;
  /** Undefined where the layer has no bias, or none that is trained. */
  readonly bias: string | undefined;
  /** What entered the layer: m×in, a row for each example (and position, where the rank is > 2). */
  readonly X?: Tensor2D;
  /** Gradients of the mean loss with respect to the pre-activations: m×out, row by row as X. */
  readonly D?: Tensor2D;
  /** Examples in the batch. */
  readonly examples: number;
}

/** Gradients, and the layers whose kernel is among them in the order of their first use. */
export interface CapturedGradients {
  readonly value: Scalar;
  readonly grads: NamedTensorMap;
  readonly layers: readonly CapturedLayer[];
}

/**
 * `tf.variableGrads(f, variables)`, with what the dense layers of tf.layers saw on the way.
 *
 * For its duration every layer is applied through a recorder; the pre-activation gradients are
 * tapped in front of the activation, through an identity with a gradient of its own. For each layer
 * XᵀD is the gradient of its kernel. A layer that is applied several times in one pass has the rows
 * of all its uses one below the other, as its gradient is the sum over them. Frozen kernels are
 * left out, and layers that are called by other means than `apply` (inside a TimeDistributed or a
 * recurrent layer) are not seen.
 *
 * X and D are the caller's to dispose of. Where `f` throws, nothing stays patched or captured.
 *
 * @throws TypeError where `tf` has no layers, or they have no method `apply`; what `f` or
 *   `tf.variableGrads` throws.
 */
export function captureGradients(
  tf: TensorFlowCore,
  f: () => Scalar,
  variables: Variable[] | undefined,
  options: CaptureOptions,
): CapturedGradients {
  checkLayers('captureGradients', tf);
  const recorder = new Recorder(tf, options);
  const { prototype } = tf.layers.Layer;
  const { apply } = Object.getOwnPropertyDescriptors(prototype);
  const original = apply.value;
  if (original === undefined) throw new TypeError('captureGradients: tf.layers.Layer has no apply');
  prototype.apply = function (this: Layer, ...args: Parameters<Layer['apply']>) {
    return recorder.record(this, args[0], () => original.apply(this, args));
  };
  try {
    const { value, grads } = tf.variableGrads(f, variables);
    return { value, grads, layers: recorder.layers(grads) };
  } finally {
    Object.defineProperty(prototype, 'apply', apply);
    recorder.dispose();
  }
}

/** Disposes of what {@link captureGradients} captured, not of the gradients. */
export function disposeCaptured(captured: readonly CapturedLayer[]): void {
  for (const { X, D } of captured) {
    X?.dispose();
    D?.dispose();
  }
}

/** The part of a layer's activation that a layer uses. */
interface Activation {
  getClassName(): string;
  apply(x: Tensor): Tensor;
}

interface DenseLayer extends Layer {
  readonly kernel: LayerVariable;
  readonly bias: LayerVariable | null;
  activation: Activation;
}

function isDense(layer: Layer): layer is DenseLayer {
  return layer.getClassName() === 'Dense' && 'kernel' in layer && 'activation' in layer;
}

/** One application of a layer. */
interface Use {
  readonly examples: number;
  /** Captured always: it costs nothing. */
  readonly X: Tensor;
  /** Undefined as long as no gradient has come back. */
  D: Tensor | undefined;
}

class Recorder {
  readonly #tf: TensorFlowCore;
  readonly #options: CaptureOptions;
  readonly #uses = new Map<DenseLayer, Use[]>();

  constructor(tf: TensorFlowCore, options: CaptureOptions) {
    this.#tf = tf;
    this.#options = options;
  }

  record<Result>(layer: Layer, inputs: Parameters<Layer['apply']>[0], apply: () => Result): Result {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    if (!(isDense(layer) && input instanceof this.#tf.Tensor)) return apply();
    const use: Use = { examples: input.shape[0], X: this.#keep(input), D: undefined };
    this.#uses.set(layer, [...(this.#uses.get(layer) ?? []), use]);
    return this.#options.outputGradients ? this.#tapped(layer, use, apply) : apply();
  }

  /** The layers that have a gradient; what they saw is no longer the recorder's. */
  layers(grads: NamedTensorMap): CapturedLayer[] {
    const trained = (variable: LayerVariable | null): string | undefined =>
      variable !== null && grads[variable.name] instanceof this.#tf.Tensor
        ? variable.name
        : undefined;
    const found: CapturedLayer[] = [];
    for (const [layer, uses] of this.#uses) {
      const kernel = trained(layer.kernel);
      if (kernel === undefined) continue;
      const { inputs, outputGradients } = this.#options;
      found.push({
        name: layer.name,
        kernel,
        bias: trained(layer.bias),
        examples: uses[0].examples,
        ...(inputs ? { X: this.#stack(uses.map(({ X }) => X)) } : {}),
        ...(outputGradients
          ? { D: this.#stack(uses.map((use) => this.#gradient(layer, use))) }
          : {}),
      });
    }
    return found;
  }

  dispose(): void {
    for (const uses of this.#uses.values()) {
      for (const { X, D } of uses) {
        X.dispose();
        D?.dispose();
      }
    }
  }

  /** D of one use: zeros where its output does not reach the loss. */
  #gradient(layer: DenseLayer, use: Use): Tensor {
    const shape = [...use.X.shape.slice(0, -1), lastAxis(layer.kernel.read())];
    use.D ??= this.#tf.keep(this.#tf.zeros(shape));
    return use.D;
  }

  /** Applies the layer with an activation that the fused kernels do not know, so that it is called. */
  #tapped<Result>(layer: DenseLayer, use: Use, apply: () => Result): Result {
    const { activation } = layer;
    const tap = (x: Tensor): Tensor =>
      this.#tf.customGrad(() => ({
        value: this.#tf.clone(x),
        gradFunc: (dy: Tensor) => {
          use.D = this.#keep(dy);
          return this.#tf.clone(dy);
        },
      }))(x);
    layer.activation = {
      getClassName: () => 'tapped',
      apply: (x) => activation.apply(tap(x)),
    };
    try {
      return apply();
    } finally {
      layer.activation = activation;
    }
  }

  /** A handle that outlives the pass. Reshaping waits, as the tape would keep what it reshapes. */
  #keep(tensor: Tensor): Tensor {
    return this.#tf.keep(this.#tf.clone(tensor));
  }

  /** All uses, one below the other: the last axis is the columns, all others are rows. */
  #stack(parts: readonly Tensor[]): Tensor2D {
    const { cast, concat, keep, reshape, tidy } = this.#tf;
    const stacked = tidy(() => {
      const rows = parts.map((part) =>
        reshape<Tensor2D['rankType']>(cast(part, 'float32'), [-1, lastAxis(part)]),
      );
      return rows.length === 1 ? rows[0] : concat(rows, 0);
    });
    return keep(stacked);
  }
}

function lastAxis(tensor: Tensor): number {
  return tensor.shape[tensor.rank - 1];
}
