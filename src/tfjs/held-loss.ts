// A loss that can be computed again as it was: with the same random numbers, and without what it tells a model.

import type { Scalar } from '@tensorflow/tfjs';
import { isObject } from '../core/check.js';
import { hasLayers, type TensorFlowCore } from './tensorflow.js';

/** A model that `fit` trains, and the metrics that every computation of its loss appends to. */
interface Trained {
  metricsTensors: unknown[];
}

/**
 * A loss, and the random numbers that its first computation drew. TensorFlow.js seeds every random operation
 * without a seed (dropout, noise) by `Math.random`, which is replaced while the loss is computed.
 */
export class HeldLoss {
  readonly #tf: TensorFlowCore;
  readonly #f: () => Scalar;
  readonly #draws: number[] = [];
  readonly #models = new Set<Trained>();

  constructor(tf: TensorFlowCore, f: () => Scalar) {
    this.#tf = tf;
    this.#f = f;
  }

  /** Computes the loss, and keeps what it draws. */
  first(): Scalar {
    const { random } = Math;
    const putBack = this.#watchModels();
    try {
      Math.random = () => {
        const x = random.call(Math);
        this.#draws.push(x);
        return x;
      };
      return this.#f();
    } finally {
      Math.random = random;
      putBack();
    }
  }

  /**
   * Computes the loss with the same draws, and no metrics.
   *
   * @throws RangeError where it draws more of them; TypeError where it throws itself, which it did not before.
   */
  again(): Scalar {
    const { random } = Math;
    const metrics = [...this.#models].map((model) => [model, model.metricsTensors] as const);
    let next = 0;
    try {
      for (const [model] of metrics) model.metricsTensors = [];
      Math.random = () => {
        const x = this.#draws[next++];
        if (x !== undefined) return x;
        throw new RangeError(
          `applyGradients: the loss draws more than ${this.#draws.length} random numbers when it is computed again, expected the same as before`,
        );
      };
      return this.#f();
    } catch (cause) {
      throw next > this.#draws.length ? cause : new TypeError(brokenWords(cause), { cause });
    } finally {
      Math.random = random;
      for (const [model, tensors] of metrics) model.metricsTensors = tensors;
    }
  }

  /** A loss of `fit` asks its model for penalties, which is how the model is known. */
  #watchModels(): () => void {
    if (!hasLayers(this.#tf)) return () => {};
    const prototype: object = Object.getPrototypeOf(this.#tf.LayersModel.prototype);
    const descriptor = Object.getOwnPropertyDescriptor(prototype, NAME);
    const original: ((this: unknown) => Scalar[]) | undefined = descriptor?.value;
    if (descriptor === undefined || original === undefined) {
      throw new TypeError(`computeGradients: tf.LayersModel has no ${NAME} where it is expected`);
    }
    const models = this.#models;
    Object.defineProperty(prototype, NAME, {
      ...descriptor,
      value(this: unknown) {
        if (isTrained(this)) models.add(this);
        return original.call(this);
      },
    });
    return () => Object.defineProperty(prototype, NAME, descriptor);
  }
}

/** What is wrong with a loss that throws when it is computed again. */
function brokenWords(cause: unknown): string {
  const found = cause instanceof Error ? cause.message : String(cause);
  return `applyGradients: the loss threw when it was computed again for a product with the Hessian (${found}), expected it to work until then: what it uses, its inputs for one, must live until applyGradients`;
}

const NAME = 'calculateLosses';

function isTrained(value: unknown): value is Trained {
  return isObject(value) && 'metricsTensors' in value && Array.isArray(value.metricsTensors);
}
