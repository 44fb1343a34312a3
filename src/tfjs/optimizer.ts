// A transform as a tf.Optimizer, for model.compile, minimize and applyGradients.

import type {
  NamedTensorMap,
  Scalar,
  serialization,
  Optimizer as TensorFlowOptimizer,
  Variable,
} from '@tensorflow/tfjs';
import { checkSaved, type PlainState } from '../backend/state.js';
import type { Needs, Transform } from '../optimize/transform.js';
import type { Diagnostics } from '../precondition/preconditioner.js';
import { type CapturedLayer, captureGradients, disposeCaptured } from './capture.js';
import { type TfjsEngine, type TfjsEngineOptions, tfjsEngine } from './engine.js';
import { type NamedGradient, Session } from './session.js';
import { checkTensorFlow, type NamedTensor, type TensorFlow } from './tensorflow.js';
import { fromNamedTensors, toNamedTensors } from './weights.js';

/** A `tf.Optimizer` that can tell about its state. */
export interface TfjsOptimizer extends TensorFlowOptimizer {
  /** Bytes of state; 0 before the first step. */
  readonly stateBytes: number;
  /** What the preconditioner's refreshes have found, by layer. */
  readonly diagnostics: readonly (Diagnostics & { readonly layer: string })[];
  /** Resolves when no read is in flight: after it, a run on an asynchronous engine is repeatable. */
  flush(): Promise<void>;
  /** The whole state as plain data; empty before the first step. */
  exportState(): Promise<PlainState>;
  /**
   * Continues bit for bit where {@link exportState} was called, also in another model of the same
   * architecture. Before the first step the state waits for it and is checked then.
   *
   * @throws RangeError or TypeError where `saved` does not fit; nothing has changed then.
   */
  restoreState(saved: PlainState): void;
  /** One step with these gradients. Throws RangeError where they do not fit; nothing changes then. */
  applyGradients(gradients: NamedTensorMap | NamedTensor[]): void;
  /**
   * The whole state as the tensors that TensorFlow.js saves. They remain the optimiser's: they are
   * disposed of with it, and by the next call after a step.
   */
  getWeights(): Promise<NamedTensor[]>;
  /**
   * The options that were given, as TensorFlow.js saves them.
   *
   * @throws TypeError where one is a function (a schedule, a source of sketches): then save the model
   *   alone and what {@link exportState} gives, and restore both.
   */
  getConfig(): serialization.ConfigDict;
}

/** How an optimiser presents itself to TensorFlow.js, and how its engine reads. */
export interface MakeOptimizerOptions extends TfjsEngineOptions {
  /** The class name in saved models. */
  readonly className: string;
  /** What {@link makeOptimizer}'s transform was made from: `getConfig` gives it. */
  readonly config?: object;
}

/**
 * A transform as an optimiser of TensorFlow.js.
 *
 * Dense layers that `model.fit` or `minimize` applies are preconditioned where the transform does
 * so; all other variables go through the rest of the chain. Layers are looked at only in the steps
 * that need it. The list of variables and layers is settled at the first step, as is the backend.
 * `dispose` frees all state; a step after it starts anew.
 *
 * @param tf TensorFlow.js itself, the copy that made the model.
 * @throws TypeError where it is missing.
 */
export function makeOptimizer(
  tf: TensorFlow,
  transform: Transform,
  options: MakeOptimizerOptions,
): TfjsOptimizer {
  checkTensorFlow('makeOptimizer', tf);
  return new (optimizerClass(tf))(transform, options);
}

/**
 * The class of what {@link makeOptimizer} makes.
 *
 * @throws Nothing itself. The first step of an instance throws RangeError where the transform needs
 *   layers and none took part.
 */
export function optimizerClass(
  tf: TensorFlow,
): new (
  transform: Transform,
  options: MakeOptimizerOptions,
) => TfjsOptimizer {
  return class extends tf.Optimizer implements TfjsOptimizer {
    readonly #transform: Transform;
    readonly #options: MakeOptimizerOptions;
    #run: { readonly engine: TfjsEngine; readonly session: Session } | undefined;
    /** State that waits for the first step. */
    #saved: PlainState | undefined;
    /** What the last computation of gradients saw; undefined where none has been made. */
    #captured: readonly CapturedLayer[] | undefined;
    /** How often the state may have changed. */
    #changes = 0;
    /** What getWeights gave last, and after how many changes. */
    #given: { readonly changes: number; readonly weights: readonly NamedTensor[] } | undefined;

    constructor(transform: Transform, options: MakeOptimizerOptions) {
      super();
      this.#transform = transform;
      this.#options = options;
    }

    override get iterations(): number {
      return this.#run?.session.optimizer.steps ?? stepsOf(this.#saved);
    }

    get stateBytes(): number {
      return this.#run?.session.optimizer.stateBytes ?? 0;
    }

    get diagnostics(): TfjsOptimizer['diagnostics'] {
      return this.#run?.session.optimizer.diagnostics ?? [];
    }

    override minimize(f: () => Scalar, returnCost = false, varList?: Variable[]): Scalar | null {
      const { value, grads } = this.computeGradients(f, varList);
      let keepCost = false;
      try {
        this.applyGradients(grads);
        keepCost = returnCost;
      } finally {
        tf.dispose(grads);
        if (!keepCost) value.dispose();
      }
      return keepCost ? value : null;
    }

    override computeGradients(
      f: () => Scalar,
      varList?: Variable[],
    ): { value: Scalar; grads: NamedTensorMap } {
      this.#forget();
      const needs = this.#needs();
      // The first step must see the layers in any case, to know them.
      if (this.#run !== undefined && !needs.inputs) return tf.variableGrads(f, varList);
      const { value, grads, layers } = captureGradients(tf, f, varList, needs);
      this.#captured = layers;
      return { value, grads };
    }

    override applyGradients(gradients: NamedTensorMap | NamedTensor[]): void {
      this.#changes += 1;
      try {
        const named = namedGradients(gradients);
        this.#run ??= this.#start(named);
        this.#run.session.step(named, this.#captured ?? []);
      } finally {
        this.#forget();
      }
    }

    async flush(): Promise<void> {
      await this.#run?.session.optimizer.flush();
    }

    async exportState(): Promise<PlainState> {
      return this.#run?.session.optimizer.exportState() ?? this.#saved ?? {};
    }

    restoreState(saved: PlainState): void {
      checkSaved(saved);
      this.#changes += 1;
      if (this.#run !== undefined) this.#run.session.optimizer.restoreState(saved);
      else this.#saved = Object.keys(saved).length === 0 ? undefined : saved;
    }

    override async getWeights(): Promise<NamedTensor[]> {
      const changes = this.#changes;
      const state = await this.exportState();
      // TensorFlow.js disposes of nothing that it saves, and several saves may be under way at once.
      if (this.#given?.changes !== changes || isDisposed(this.#given.weights)) {
        this.#forgetGiven();
        this.#given = { changes, weights: toNamedTensors(tf, state) };
      }
      return [...this.#given.weights];
    }

    override async setWeights(weightValues: NamedTensor[]): Promise<void> {
      this.restoreState(await fromNamedTensors(weightValues));
    }

    override getClassName(): string {
      return this.#options.className;
    }

    override getConfig(): serialization.ConfigDict {
      const { className, config = {} } = this.#options;
      return configDict(className, config);
    }

    override dispose(): void {
      this.#forget();
      this.#run?.engine.dispose();
      this.#run = undefined;
      this.#saved = undefined;
      this.#changes += 1;
      this.#forgetGiven();
    }

    /** What the coming step has to capture, known before there is a session. */
    #needs(): Needs {
      if (this.#run !== undefined) return this.#run.session.optimizer.needs;
      const engine = tfjsEngine(tf);
      try {
        const parameters = [{ rows: 1, cols: 1 }];
        const stage = this.#transform.init({ engine, parameters, layers: [{ weight: 0 }] });
        return stage.needs?.(this.iterations) ?? { inputs: false, outputGradients: false };
      } finally {
        engine.dispose();
      }
    }

    #start(gradients: readonly NamedGradient[]): { engine: TfjsEngine; session: Session } {
      const captured = this.#captured ?? [];
      if (captured.length === 0 && this.#needs().inputs) {
        throw new RangeError(
          `${this.#options.className}: no dense layer of this copy of TensorFlow.js took part in computing the gradients, so there is nothing to precondition (use model.fit or minimize)`,
        );
      }
      const engine = tfjsEngine(tf, this.#options);
      try {
        const session = new Session(tf, engine, this.#transform, gradients, captured);
        if (this.#saved !== undefined) session.optimizer.restoreState(this.#saved);
        this.#saved = undefined;
        return { engine, session };
      } catch (error) {
        engine.dispose();
        throw error;
      }
    }

    #forget(): void {
      disposeCaptured(this.#captured ?? []);
      this.#captured = undefined;
    }

    #forgetGiven(): void {
      tf.dispose(this.#given?.weights.map(({ tensor }) => tensor) ?? []);
      this.#given = undefined;
    }
  };
}

/** Both forms of gradients, without those that are missing. */
function namedGradients(gradients: NamedTensorMap | NamedTensor[]): NamedGradient[] {
  const entries: readonly NamedGradient[] = Array.isArray(gradients)
    ? gradients.map(({ name, tensor }) => [name, tensor])
    : Object.entries(gradients);
  // TensorFlow.js gives null or undefined for a variable that the loss does not depend on.
  return entries.filter(([, gradient]) => gradient != null);
}

function stepsOf(saved: PlainState | undefined): number {
  const steps = saved?.steps;
  return typeof steps === 'number' ? steps : 0;
}

function isDisposed(weights: readonly NamedTensor[]): boolean {
  return weights.some(({ tensor }) => tensor.isDisposed);
}

function configDict(className: string, config: object): serialization.ConfigDict {
  const dict: serialization.ConfigDict = {};
  const entries: readonly [string, unknown][] = Object.entries(config);
  for (const [name, value] of entries) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new TypeError(
        `${className}: option ${name} is a ${typeof value}, which a saved model cannot hold: save the model without its optimizer, and separately what exportState() gives`,
      );
    }
    dict[name] = value;
  }
  return dict;
}
