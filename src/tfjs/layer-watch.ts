// Has layers compute through a recorder for a while, whoever it is that calls them.

import type { Tensor } from '@tensorflow/tfjs';
import type { Output } from './layers/call.js';
import { layerTable } from './layers/index.js';
import type { Layer } from './layers/kind.js';
import type { Recorder } from './recorder.js';
import type { TensorFlow } from './tensorflow.js';

/** A method of layers that computes. */
type Method = (this: Layer, ...args: unknown[]) => Output;

/** What is done in the place of a method: `compute` is the method itself. */
type Around = (layer: Layer, args: readonly unknown[], compute: () => Output) => Output;

/**
 * Replaces `call` of every known class of layers, and `apply` of all layers to count them, from `begin` to
 * `end`.
 */
export class LayerWatch {
  /** How many layers were applied, known or not. */
  applied = 0;
  readonly #tf: TensorFlow;
  readonly #recorder: Recorder;
  readonly #putBack: (() => void)[] = [];
  /** Layers that are computing: a class may compute through the one that it extends. */
  readonly #computing = new Set<Layer>();

  constructor(tf: TensorFlow, recorder: Recorder) {
    this.#tf = tf;
    this.#recorder = recorder;
  }

  /**
   * Replaces the methods.
   *
   * @throws TypeError where there is none of such a name; then `end` puts back what was replaced.
   */
  begin(): void {
    this.#replace(this.#tf.layers.Layer.prototype, 'apply', (_, [inputs], compute) => {
      if (this.#tensors(inputs) !== undefined) this.applied += 1;
      return compute();
    });
    for (const prototype of layerTable(this.#tf).prototypes) {
      this.#replace(prototype, 'call', (layer, [inputs], compute) =>
        this.#watched(layer, inputs, compute),
      );
    }
  }

  /** Puts the methods back. */
  end(): void {
    for (const putBack of this.#putBack) putBack();
  }

  /** Computes the layer, looked at if it is of a known kind. */
  #watched(layer: Layer, inputs: unknown, compute: () => Output): Output {
    const tensors = this.#tensors(inputs);
    if (tensors === undefined || this.#computing.has(layer)) return compute();
    const known = layerTable(this.#tf).find(layer);
    if (known === undefined) return compute();
    this.#computing.add(layer);
    try {
      return this.#recorder.watch(known, tensors, compute);
    } finally {
      this.#computing.delete(layer);
    }
  }

  /** What enters a layer while the loss is computed; undefined where it is no computation on tensors. */
  #tensors(inputs: unknown): readonly Tensor[] | undefined {
    if (!this.#recorder.isForward) return undefined;
    const { Tensor: TensorClass } = this.#tf;
    const list: unknown[] = Array.isArray(inputs) ? inputs : [inputs];
    const tensors = list.filter((input): input is Tensor => input instanceof TensorClass);
    return tensors.length === list.length && list.length > 0 ? tensors : undefined;
  }

  #replace(prototype: Layer, name: 'apply' | 'call', around: Around): void {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    const original: Method | undefined = descriptor?.value;
    if (descriptor === undefined || original === undefined) {
      throw new TypeError(`captureGradients: tf.layers has no ${name} where it is expected`);
    }
    this.#putBack.push(() => Object.defineProperty(prototype, name, descriptor));
    Object.defineProperty(prototype, name, {
      ...descriptor,
      value(this: Layer, ...args: unknown[]) {
        return around(this, args, () => original.apply(this, args));
      },
    });
  }
}
