// One run of training: the variables and dense layers of a model, tied to an optimiser.

import type { Tensor, Tensor2D, Variable } from '@tensorflow/tfjs';
import type { Slot } from '../backend/slot.js';
import { Optimizer } from '../optimize/optimizer.js';
import type { Transform } from '../optimize/transform.js';
import type { Observation } from '../precondition/preconditioner.js';
import type { CapturedLayer } from './capture.js';
import type { TfjsEngine } from './engine.js';
import type { TensorFlow } from './tensorflow.js';

type F32 = 'float32';

/** A gradient by the name of its variable. */
export type NamedGradient = readonly [name: string, gradient: Tensor];

/**
 * The optimiser of a fixed list of variables. What it keeps is in the order of that list and of the
 * layers' kernels in it, so that names, which change when a model is loaded, play no part.
 */
export class Session {
  readonly optimizer: Optimizer<F32>;
  readonly #tf: TensorFlow;
  readonly #engine: TfjsEngine;
  readonly #names: readonly string[];
  readonly #layers: readonly CapturedLayer[];

  constructor(
    tf: TensorFlow,
    engine: TfjsEngine,
    transform: Transform,
    gradients: readonly NamedGradient[],
    captured: readonly CapturedLayer[],
  ) {
    this.#tf = tf;
    this.#engine = engine;
    this.#names = gradients.map(([name]) => name);
    const index = (name: string): number => this.#names.indexOf(name);
    this.#layers = captured.toSorted((a, b) => index(a.kernel) - index(b.kernel));
    const slots = gradients.map(([, gradient]) => engine.adopt(gradient, 'columns'));
    try {
      this.optimizer = new Optimizer({
        engine,
        transform,
        parameters: slots,
        layers: this.#layers.map(({ name, kernel, bias }) => ({
          name,
          weight: index(kernel),
          ...(bias === undefined ? {} : { bias: index(bias) }),
        })),
      });
    } finally {
      for (const slot of slots) engine.free(slot);
    }
  }

  /**
   * One step on all variables; none of them has changed where it throws.
   *
   * @throws RangeError where the gradients are of other variables than those of the first step, and
   *   where `Optimizer.step` does.
   */
  step(gradients: readonly NamedGradient[], captured: readonly CapturedLayer[]): void {
    this.#checkNames(gradients.map(([name]) => name));
    const variables = this.#names.map((name) => variableOf(this.#tf, name));
    const engine = this.#engine;
    const slots: Slot<F32>[] = [];
    const adopt = (tensor: Tensor, layout: 'rows' | 'columns'): Slot<F32> => {
      const slot = engine.adopt(tensor, layout);
      slots.push(slot);
      return slot;
    };
    try {
      const parameters = variables.map((variable) => adopt(variable, 'columns'));
      const observations = this.#layers.map(({ kernel }) =>
        this.#observation(
          captured.find((layer) => layer.kernel === kernel),
          adopt,
        ),
      );
      this.optimizer.step(
        gradients.map(([, gradient]) => adopt(gradient, 'columns')),
        parameters,
        observations,
      );
      this.#tf.tidy(() => {
        variables.forEach((variable, i) => {
          const value = engine.tensorOf(parameters[i], 'columns');
          // A reshaped tensor shares its data, and the wasm backend's fused kernels look at the shape
          // that the data were made with: what is not a matrix gets data of its own.
          variable.assign(
            variable.rank === 2 ? value : value.reshape(variable.shape).mul<Tensor>(1),
          );
        });
      });
    } finally {
      for (const slot of slots) engine.free(slot);
    }
  }

  #observation(
    layer: CapturedLayer | undefined,
    adopt: (tensor: Tensor, layout: 'rows') => Slot<F32>,
  ): Observation<F32> | undefined {
    if (layer?.X === undefined) return undefined;
    const { X, D, bias, examples } = layer;
    const [rows] = X.shape;
    const ones = this.#tf.ones<Tensor2D['rankType']>([rows, 1]);
    const joined = bias === undefined ? X : this.#tf.concat([X, ones], 1);
    const observation = {
      X: adopt(joined, 'rows'),
      rootWeights: adopt(ones, 'rows'),
      rows,
      examples,
      ...(D === undefined ? {} : { D: adopt(D, 'rows') }),
    };
    ones.dispose();
    if (joined !== X) joined.dispose();
    return observation;
  }

  #checkNames(names: readonly string[]): void {
    const expected = this.#names;
    if (names.length === expected.length && names.every((name, i) => name === expected[i])) return;
    throw new RangeError(
      `applyGradients: gradients of [${names.join(', ')}], expected those of the first step: [${expected.join(', ')}]`,
    );
  }
}

function variableOf(tf: TensorFlow, name: string): Variable {
  const variable = tf.engine().registeredVariables[name];
  if (variable !== undefined) return variable;
  throw new RangeError(`applyGradients: there is no variable '${name}'`);
}
