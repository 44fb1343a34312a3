// One run of training: the variables and known layers of a model, tied to an optimiser.

import type { Tensor, Variable } from '@tensorflow/tfjs';
import type { Slot } from '../backend/backend.js';
import { Optimizer } from '../optimize/optimizer.js';
import type { Transform } from '../optimize/transform.js';
import type { Observation } from '../precondition/observation.js';
import { type CapturedBlock, rowsOf, type WeightForm } from './captured.js';
import { centralDifference } from './central-difference.js';
import { matrixLayout, type WeightLayout } from './content.js';
import type { HeldLoss } from './held-loss.js';
import type { RowsHost } from './rows/host.js';
import type { TensorFlowCore } from './tensorflow.js';

type F32 = 'float32';

/** A gradient by the name of its variable. */
export type NamedGradient = readonly [name: string, gradient: Tensor];

/**
 * The optimiser of a list of variables. What it keeps is in the order of that list and of the blocks'
 * weights in it, so that names, which change when a model is loaded, play no part in its state.
 */
export class Session {
  readonly optimizer: Optimizer<F32>;
  readonly #host: RowsHost;
  readonly #transform: Transform;
  readonly #names: readonly string[];
  readonly #blocks: readonly CapturedBlock[];
  /** How variables hold their matrices, where it is told. */
  readonly #layouts: ReadonlyMap<string, WeightLayout>;
  readonly #forms: ReadonlyMap<string, WeightForm>;

  /** `forms` are those of the variables of which it is known. */
  constructor(
    host: RowsHost,
    transform: Transform,
    gradients: readonly NamedGradient[],
    captured: readonly CapturedBlock[],
    forms: ReadonlyMap<string, WeightForm>,
  ) {
    const { backend } = host;
    this.#host = host;
    this.#transform = transform;
    this.#names = gradients.map(([name]) => name);
    const index = (name: string): number => this.#names.indexOf(name);
    // What they saw is the caller's to dispose of.
    this.#blocks = inOrderOf(gradients, captured).map((block) => ({ ...block, uses: [] }));
    this.#forms = forms;
    this.#layouts = new Map(captured.map(({ weight, layout }) => [weight, layout]));
    const slots = gradients.map(([name, gradient]) => backend.adopt(gradient, this.#layout(name)));
    try {
      this.optimizer = new Optimizer({
        backend,
        transform,
        parameters: slots.map(({ rows, cols }, i) => {
          const [name, { shape }] = gradients[i];
          const form = forms.get(name);
          const positions = form === 'kernel' ? positionsOf(shape, this.#layout(name)) : undefined;
          return { rows, cols, name, positions, oneHot: form === 'table' };
        }),
        layers: this.#blocks.map(({ weight, bias, rows }) => ({
          weight: index(weight),
          bias: bias === undefined ? undefined : index(bias),
          rows,
        })),
      });
    } finally {
      for (const slot of slots) backend.free(slot);
    }
  }

  get backend(): RowsHost['backend'] {
    return this.#host.backend;
  }

  /** The names of the variables. */
  get variables(): readonly string[] {
    return this.#names;
  }

  /** The block whose weight a variable is, or whose bias, if it is of one. */
  blockOf(variable: string): CapturedBlock | undefined {
    return this.#blocks.find(({ weight, bias }) => weight === variable || bias === variable);
  }

  /**
   * What goes on from here with these: this session, or one that takes over from it where variables or blocks
   * are there that it does not know, beside all that it knows. Layers may be built during the first step.
   */
  grown(
    gradients: readonly NamedGradient[],
    captured: readonly CapturedBlock[],
    forms: ReadonlyMap<string, WeightForm>,
  ): Session {
    const appeared = this.#unknown(captured);
    const names = new Set(gradients.map(([name]) => name));
    const isNew = names.size > this.#names.length || appeared.length > 0;
    if (!isNew || !this.#names.every((name) => names.has(name))) return this;
    const blocks = [...this.#blocks, ...appeared];
    const next = new Session(
      this.#host,
      this.#transform,
      gradients,
      blocks,
      this.#formsWith(forms),
    );
    try {
      next.#takeOver(this);
    } catch (error) {
      next.optimizer.dispose();
      throw error;
    }
    this.optimizer.dispose();
    return next;
  }

  /** All that is known of variables: one that is there stays what it was taken for when it appeared. */
  #formsWith(forms: ReadonlyMap<string, WeightForm>): ReadonlyMap<string, WeightForm> {
    const names = new Set(this.#names);
    return new Map([...this.#forms, ...[...forms].filter(([name]) => !names.has(name))]);
  }

  /**
   * Goes on where `earlier` stands. Its order may be another: a model that is loaded gives its variables
   * in the order of its layers, whenever each began to be trained.
   */
  #takeOver(earlier: Session): void {
    this.optimizer.takeOver(earlier.optimizer, {
      parameters: this.#names.map((name) => placeAt(earlier.#names.indexOf(name))),
      layers: this.#blocks.map(({ weight }) =>
        placeAt(earlier.#blocks.findIndex((block) => block.weight === weight)),
      ),
    });
  }

  #layout(variable: string): WeightLayout {
    return this.#layouts.get(variable) ?? 'columns';
  }

  /**
   * Blocks that appear. A weight whose state is kept in another layout since it was trained without its
   * layer goes on without: the two could not be told apart where it is square.
   */
  #unknown(captured: readonly CapturedBlock[]): CapturedBlock[] {
    const weights = new Set(this.#blocks.map(({ weight }) => weight));
    const names = new Set(this.#names);
    return captured.filter(
      ({ weight, layout }) =>
        !weights.has(weight) && (!names.has(weight) || layout === this.#layout(weight)),
    );
  }

  /**
   * One step on all variables; none of them has changed if it throws. `losses` are those that the gradients
   * are of, where the step uses curvature.
   *
   * @throws RangeError where the gradients are of other variables than those of the first step, and
   *   where `Optimizer.step` does.
   */
  step(
    gradients: readonly NamedGradient[],
    captured: readonly CapturedBlock[],
    losses: readonly HeldLoss[] = [],
  ): void {
    const { tf, backend } = this.#host;
    const ordered = this.#inOrder(gradients);
    const variables = this.#names.map((name) => variableOf(tf, name));
    const seen = new Map(captured.map((block) => [block.weight, block]));
    const made: { dispose(): void }[] = [];
    const adopt = (tensor: Tensor, name: string): Slot<F32> => {
      const slot = backend.adopt(tensor, this.#layout(name));
      made.push({ dispose: () => backend.free(slot) });
      return slot;
    };
    try {
      const parameters = variables.map((variable) => adopt(variable, variable.name));
      const observations = this.#blocks.map(({ weight, bias }): Observation<F32> | undefined => {
        const block = seen.get(weight);
        if (block === undefined) return undefined;
        // The bias of the session: a step may show less of a layer than the first one did.
        const rows = rowsOf(this.#host, { ...block, bias }, made);
        return rows === undefined ? undefined : { ...rows, examples: block.examples };
      });
      this.optimizer.step(
        ordered.map(([name, gradient]) => adopt(gradient, name)),
        parameters,
        observations,
        losses.length === 0
          ? {}
          : {
              hessianProduct: (vectors, products) => {
                this.#multiplyHessian(losses, variables, vectors, products);
              },
            },
      );
      tf.tidy(() => {
        variables.forEach((variable, i) => {
          const value = this.#tensorOf(parameters[i], variable);
          // A reshaped tensor shares its data, and the wasm backend's fused kernels look at the shape
          // that the data were made with: what is not a matrix gets data of its own.
          variable.assign(
            variable.rank === 2 ? value : tf.mul<Tensor>(tf.reshape(value, variable.shape), 1),
          );
        });
      });
    } finally {
      for (const one of made) one.dispose();
    }
  }

  /** products ← H·vectors. */
  #multiplyHessian(
    losses: readonly HeldLoss[],
    variables: readonly Variable[],
    vectors: readonly Slot<F32>[],
    products: readonly Slot<F32>[],
  ): void {
    const { tf, backend } = this.#host;
    const found = tf.tidy(() => {
      const directions = vectors.map((slot, i) =>
        tf.reshape(this.#tensorOf(slot, variables[i]), variables[i].shape),
      );
      return centralDifference(tf, losses, variables, directions);
    });
    try {
      found.forEach((tensor, i) => {
        const slot = backend.adopt(tensor, this.#layout(variables[i].name));
        backend.axpby(1, slot, 0, products[i]);
        backend.free(slot);
      });
    } finally {
      tf.dispose(found);
    }
  }

  /** The matrix of a slot as its variable holds it, of two axes. */
  #tensorOf(slot: Slot<F32>, { name }: Variable): Tensor {
    return this.#host.backend.tensorOf(slot, matrixLayout(this.#layout(name)));
  }

  /** The gradients by name, in the order of the session. */
  #inOrder(gradients: readonly NamedGradient[]): NamedGradient[] {
    const byName = new Map(gradients);
    const ordered = this.#names.flatMap((name): NamedGradient[] => {
      const gradient = byName.get(name);
      return gradient === undefined ? [] : [[name, gradient]];
    });
    if (ordered.length === this.#names.length) return ordered;
    const missing = this.#names.filter((name) => !byName.has(name));
    throw new RangeError(
      `applyGradients: no gradients of ${missing.join(', ')}, expected those of all variables so far: ${this.#names.join(', ')}; train each set of variables with an optimizer of its own, or call dispose() to start anew with these`,
    );
  }
}

/** Blocks in the order of their weights among the gradients. */
function inOrderOf(
  gradients: readonly NamedGradient[],
  captured: readonly CapturedBlock[],
): CapturedBlock[] {
  const index = new Map(gradients.map(([name], i) => [name, i]));
  const at = ({ weight }: CapturedBlock): number => index.get(weight) ?? 0;
  return captured.toSorted((a, b) => at(a) - at(b));
}

/**
 * The positions of the kernel of a convolution: its axes before the last two, where its columns begin with them.
 * Of nothing else: what has as many axes, as a stack of matrices or a scale a pixel, has none.
 */
function positionsOf(shape: readonly number[], layout: WeightLayout): number | undefined {
  if (layout === 'rows') return undefined;
  return shape.slice(0, -2).reduce((product, length) => product * length, 1);
}

/** What a search gives, as the place of something that may be new. */
function placeAt(found: number): number | undefined {
  return found < 0 ? undefined : found;
}

/**
 * The variable of that name.
 *
 * @throws RangeError where there is none.
 */
export function variableOf(tf: TensorFlowCore, name: string): Variable {
  const variable = tf.engine().registeredVariables[name];
  if (variable !== undefined) return variable;
  throw new RangeError(`applyGradients: there is no variable '${name}'`);
}
