// Has layers compute through a recorder for a while, whoever it is that calls them.

import type { Tensor } from '@tensorflow/tfjs';
import { isObject } from '../core/check.js';
import type { Output } from './layers/call.js';
import { layerTable } from './layers/index.js';
import type { Layer } from './layers/kind.js';
import { loopOf } from './layers/loops.js';
import type { Recorder } from './recorder.js';
import type { Mask } from './rows/masked.js';
import type { TensorFlow } from './tensorflow.js';

/** A method of layers that computes. */
type Method = (this: Layer, ...args: unknown[]) => Output;

/** What is done in the place of a method: `compute` is the method itself. */
type Around = (layer: Layer, args: readonly unknown[], compute: () => Output) => Output;

/** The marks of a loop over time, and the step that it computes next. */
interface Step {
  readonly marks: Tensor | undefined;
  next: number;
  readonly by: number;
}

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
  /** Where loops over time stand, by the layers that they compute. */
  readonly #steps = new Map<Layer, Step>();

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
    const table = layerTable(this.#tf);
    for (const prototype of table.loops) {
      this.#replace(prototype, 'call', (layer, args, compute) =>
        this.#looped(layer, args, compute),
      );
    }
    for (const prototype of table.prototypes) {
      this.#replace(prototype, 'call', (layer, args, compute) =>
        this.#watched(layer, args, compute),
      );
    }
  }

  /** Puts the methods back. */
  end(): void {
    for (const putBack of this.#putBack) putBack();
  }

  /** Computes the layer, looked at if it is of a known kind. */
  #watched(layer: Layer, [given, kwargs]: readonly unknown[], compute: () => Output): Output {
    const inputs = this.#tensors(given);
    if (inputs === undefined || this.#computing.has(layer)) return compute();
    const known = layerTable(this.#tf).find(layer);
    if (known === undefined) return compute();
    const mask = this.#mask(layer, kwargs);
    this.#computing.add(layer);
    try {
      return this.#recorder.watch(known, { inputs, mask }, compute);
    } finally {
      this.#computing.delete(layer);
    }
  }

  /** Computes a loop over time: what it computes is told the step of the mask. */
  #looped(layer: Layer, [, kwargs]: readonly unknown[], compute: () => Output): Output {
    const { layers, goBackwards } = loopOf(layer);
    const marks = this.#marks(kwargs);
    const [, steps = 1] = marks?.shape ?? [];
    for (const inner of layers) {
      this.#steps.set(inner, {
        marks,
        next: goBackwards ? steps - 1 : 0,
        by: goBackwards ? -1 : 1,
      });
    }
    try {
      return compute();
    } finally {
      for (const inner of layers) this.#steps.delete(inner);
    }
  }

  /** The mask of a layer. What a loop hands on to layers further inside is not of their positions. */
  #mask(layer: Layer, kwargs: unknown): Mask | undefined {
    const step = this.#steps.get(layer);
    const marks = step === undefined ? this.#marks(kwargs) : step.marks;
    if (marks === undefined) return undefined;
    if (step === undefined) return this.#steps.size > 0 ? undefined : { marks, step };
    const { next } = step;
    step.next += step.by;
    return { marks, step: next };
  }

  /** The mask among the arguments of a call. */
  #marks(kwargs: unknown): Tensor | undefined {
    const mask: unknown = isObject(kwargs) && 'mask' in kwargs ? kwargs.mask : undefined;
    return mask instanceof this.#tf.Tensor ? mask : undefined;
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
