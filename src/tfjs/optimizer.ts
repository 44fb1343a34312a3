// A transform as a tf.Optimizer, for model.compile, minimize and applyGradients.

import type {
  layers,
  NamedTensorMap,
  Scalar,
  serialization,
  Tensor,
  Optimizer as TensorFlowOptimizer,
  Variable,
} from '@tensorflow/tfjs';
import {
  copyOfSaved,
  type PlainState,
  type RestoreOptions,
  STATE_VERSION,
} from '../backend/state.js';
import {
  checkFunction,
  checkInteger,
  checkNonNegative,
  checkType,
  isObject,
} from '../core/check.js';
import { DivergenceError } from '../core/errors.js';
import { guarded, type OptionsOf, optionList, text } from '../core/options.js';
import { savedRate, withRate } from '../optimize/learning-rate.js';
import { checkTransform, type StepNeeds, type Transform } from '../optimize/transform.js';
import type { Diagnostics } from '../precondition/layer.js';
import { BACKEND_OPTIONS, type TfjsBackend, tfjsBackend } from './backend.js';
import { type CapturedGradients, captureGradients, disposeCaptured } from './capture.js';
import { reportOn, type VariableReport } from './report.js';
import { inOrderOf, type NamedGradient, Session, variableOf } from './session.js';
import {
  checkLayers,
  checkTensorFlow,
  type NamedTensor,
  type TensorFlowCore,
} from './tensorflow.js';
import { checkNamedTensors, fromNamedTensors, toNamedTensors } from './weights.js';

/** A `tf.Optimizer` that can tell about its state. */
export interface TfjsOptimizer extends TensorFlowOptimizer {
  /**
   * η of the coming step. A number that is set takes the place of the schedule from then on, and is part
   * of the state. Setting throws RangeError unless it is finite and ≥ 0 in float32.
   */
  learningRate: number;
  /** Bytes of state; 0 before the first step. */
  readonly stateBytes: number;
  /** What the preconditioner's refreshes have found, by layer. */
  readonly diagnostics: readonly Diagnostics[];
  /**
   * What happens to each variable of a model: under which kind of layer its gradient is preconditioned,
   * or why it is not. After the first step it tells what was seen.
   *
   * @throws TypeError where `model` is no model, or TensorFlow.js came without layers.
   */
  report(model: layers.Layer): readonly VariableReport[];
  /** Resolves when no read is in flight: after it, a run with asynchronous reads is repeatable. */
  flush(): Promise<void>;
  /** The whole state as plain data, as it is at the moment of the call; no entries before the first step. */
  exportState(): Promise<PlainState>;
  /**
   * Continues bit for bit where {@link exportState} was called, also in another model of the same
   * architecture. Before the first step the state waits for it and is checked against the model then.
   *
   * @throws RangeError or TypeError where `saved` does not fit, or is of another run, unless `accept`
   *   names what may differ; nothing has changed then.
   */
  restoreState(saved: PlainState, options?: RestoreOptions): void;
  /**
   * One step with these gradients, found by name. Throws RangeError where they do not fit, or where the
   * step has to look at layers and the gradients were not computed by this optimizer's
   * `computeGradients`; nothing changes then.
   */
  applyGradients(gradients: NamedTensorMap | NamedTensor[]): void;
  /**
   * The whole state as the tensors that TensorFlow.js saves. They remain the optimiser's: they are
   * disposed of with it, and by the next call after a step.
   */
  getWeights(): Promise<NamedTensor[]>;
  /**
   * The options that were given, as TensorFlow.js saves them.
   *
   * @throws TypeError where one is a function (a schedule, a source of sketches), or the transform is
   *   one's own and came without a `config`: then save the model alone and what {@link exportState}
   *   gives, and restore both.
   */
  getConfig(): serialization.ConfigDict;
}

const OPTIMIZER_OPTIONS = /* @__PURE__ */ optionList({
  ...BACKEND_OPTIONS.entries,
  /** The class name in saved models. */
  className: text,
  /** What {@link makeOptimizer}'s transform was made from: `getConfig` gives it. */
  config: /* @__PURE__ */ guarded('an object', isObject),
});

/** How an optimiser presents itself to TensorFlow.js, and how its backend reads. */
export type MakeOptimizerOptions = OptionsOf<typeof OPTIMIZER_OPTIONS> & {
  readonly className: string;
};

/**
 * A transform as an optimiser of TensorFlow.js.
 *
 * Known layers that `model.fit` or `minimize` applies are preconditioned where the transform does so; all
 * other variables go through the rest of the chain, and `report` says which and why. Layers are looked at
 * only in the steps that need it. The backend is settled at the first step. Variables and layers that
 * appear later are taken in; one that is missing later is an error. `dispose` frees all state; a step
 * after it starts anew.
 *
 * Divergence is a DivergenceError. Where tensors lie in the host's memory, a step whose gradients are not
 * finite throws it and changes nothing; elsewhere a loss that is not finite makes the next step throw it.
 *
 * @param tf TensorFlow.js itself, the copy that made the model.
 * @throws TypeError where it is missing, or has no layers although the transform looks at them; and where
 *   the transform or the class name is missing.
 */
export function makeOptimizer(
  tf: TensorFlowCore,
  transform: Transform,
  options: MakeOptimizerOptions,
): TfjsOptimizer {
  const where = 'makeOptimizer';
  checkTensorFlow(where, tf);
  checkTransform(where, 'transform', transform);
  const { className } = OPTIMIZER_OPTIONS.read(where, options);
  checkType(where, 'className', className, className !== undefined, 'a string');
  return new (optimizerClass(tf))(transform, options);
}

/** What has become of a transform since its first step. */
interface Run {
  readonly backend: TfjsBackend;
  readonly session: Session;
}

/**
 * The class of what {@link makeOptimizer} makes; messages call it `name`. Its constructor throws
 * TypeError where TensorFlow.js has no layers although the transform looks at them.
 */
export function optimizerClass(
  tf: TensorFlowCore,
): new (
  transform: Transform,
  options: MakeOptimizerOptions,
  name?: string,
) => TfjsOptimizer {
  return class extends tf.Optimizer implements TfjsOptimizer {
    readonly #transform: Transform;
    readonly #options: MakeOptimizerOptions;
    readonly #name: string;
    #run: Run | undefined;
    /** State that waits for the first step. */
    #saved: { readonly state: PlainState; readonly options: RestoreOptions } | undefined;
    /** A learning rate that waits for the first step. */
    #rate: number | undefined;
    /** What the last computation of gradients saw; undefined where none has been made. */
    #captured: CapturedGradients | undefined;
    /** What went wrong in an earlier step of this run and was found out later. */
    #divergence: { error?: DivergenceError } = {};
    /** How often the state may have changed. */
    #changes = 0;
    /** What getWeights gave last, and after how many changes. */
    #given: { readonly changes: number; readonly weights: readonly NamedTensor[] } | undefined;

    constructor(transform: Transform, options: MakeOptimizerOptions, name = options.className) {
      super();
      this.#transform = transform;
      this.#options = options;
      this.#name = name;
      if (this.#preconditions) checkLayers(name, tf);
    }

    override get iterations(): number {
      return this.#run?.session.optimizer.steps ?? stepsOf(this.#saved?.state);
    }

    get learningRate(): number {
      if (this.#run !== undefined) return this.#run.session.optimizer.learningRate;
      const saved = this.#saved === undefined ? undefined : savedRate(this.#saved.state);
      return this.#rate ?? saved ?? this.#transform.schedule?.(this.iterations) ?? 0;
    }

    set learningRate(eta: number) {
      checkNonNegative(this.#name, 'learningRate', eta, 'float32');
      this.#changes += 1;
      if (this.#run === undefined) this.#rate = eta;
      else this.#run.session.optimizer.learningRate = eta;
    }

    get stateBytes(): number {
      return this.#run?.session.optimizer.stateBytes ?? 0;
    }

    get diagnostics(): readonly Diagnostics[] {
      return this.#run?.session.optimizer.diagnostics ?? [];
    }

    report(model: layers.Layer): readonly VariableReport[] {
      checkLayers('report', tf);
      const session = this.#run?.session;
      return reportOn(tf, model, {
        preconditions: this.#preconditions,
        kindOf: session === undefined ? undefined : (variable) => session.kindOf(variable),
      });
    }

    override minimize(f: () => Scalar, returnCost = false, varList?: Variable[]): Scalar | null {
      checkType('minimize', 'returnCost', returnCost, typeof returnCost === 'boolean', 'a boolean');
      const { value, grads } = this.computeGradients(f, varList);
      let keepCost = false;
      try {
        this.applyGradients(grads);
        this.#watch(value);
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
      checkLoss(tf, f, varList);
      this.#forget();
      if (!this.#looks) return tf.variableGrads(f, varList);
      this.#captured = captureGradients(tf, f, varList, this.#needs);
      const { value, grads } = this.#captured;
      return { value, grads };
    }

    override applyGradients(gradients: NamedTensorMap | NamedTensor[]): void {
      this.#changes += 1;
      try {
        const { error } = this.#divergence;
        this.#forgetDivergence();
        if (error !== undefined) throw error;
        const named = namedGradients(tf, gradients);
        this.#checkLooked();
        const blocks = this.#captured?.blocks ?? [];
        this.#run ??= this.#start(named);
        this.#run = grown(tf, this.#transform, this.#run, named, blocks);
        this.#run.session.step(named, blocks);
      } finally {
        this.#forget();
      }
    }

    async flush(): Promise<void> {
      await this.#run?.session.optimizer.flush();
    }

    async exportState(): Promise<PlainState> {
      if (this.#run !== undefined) return this.#run.session.optimizer.exportState();
      if (this.#saved === undefined) return noState();
      const state = copyOfSaved(this.#saved.state);
      return this.#rate === undefined ? state : withRate(state, this.#rate);
    }

    restoreState(saved: PlainState, options: RestoreOptions = {}): void {
      const state = copyOfSaved(saved);
      checkInteger('restoreState', 'steps', stepsOf(state));
      if (this.#run !== undefined) this.#run.session.optimizer.restoreState(state, options);
      else this.#saved = Object.keys(state.entries).length === 0 ? undefined : { state, options };
      this.#rate = undefined;
      this.#forgetDivergence();
      this.#changes += 1;
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
      const { className, config } = this.#options;
      return configDict(className, config);
    }

    override dispose(): void {
      this.#forget();
      this.#run?.backend.dispose();
      this.#run = undefined;
      this.#saved = undefined;
      this.#rate = undefined;
      this.#forgetDivergence();
      this.#changes += 1;
      this.#forgetGiven();
    }

    /** What the coming step has to be given: known without any state. */
    get #needs(): StepNeeds {
      const none = { inputs: false, outputGradients: false };
      return this.#transform.needs?.(this.iterations) ?? none;
    }

    /** Whether the transform ever looks at layers. */
    get #preconditions(): boolean {
      return this.#transform.needs !== undefined;
    }

    /** Whether the coming step looks at layers. The first one does in any case, to know them. */
    get #looks(): boolean {
      const { inputs, outputGradients } = this.#needs;
      return inputs || outputGradients || (this.#run === undefined && this.#preconditions);
    }

    /** A step that has to look at layers must have seen how its gradients were computed. */
    #checkLooked(): void {
      if (!this.#looks) return;
      if (this.#captured === undefined) {
        throw new RangeError(
          `${this.#name}: step ${this.iterations} looks at layers, but its gradients were computed elsewhere: compute them with this optimizer's computeGradients(f), or use minimize or model.fit`,
        );
      }
      if (this.#captured.applied === 0) {
        throw new RangeError(
          `${this.#name}: no layer of this copy of TensorFlow.js took part in computing the gradients, so there is nothing to precondition: make the model with the copy that was handed in, or use sgd`,
        );
      }
    }

    #start(gradients: readonly NamedGradient[]): Run {
      const backend = tfjsBackend(tf, { reading: this.#options.reading });
      try {
        const blocks = inOrderOf(gradients, this.#captured?.blocks ?? []);
        const session = new Session(tf, backend, this.#transform, gradients, blocks);
        if (this.#saved !== undefined) this.#restoreWaiting(session);
        if (this.#rate !== undefined) session.optimizer.learningRate = this.#rate;
        this.#saved = undefined;
        this.#rate = undefined;
        return { backend, session };
      } catch (error) {
        backend.dispose();
        throw error;
      }
    }

    #restoreWaiting(session: Session): void {
      if (this.#saved === undefined) return;
      try {
        session.optimizer.restoreState(this.#saved.state, this.#saved.options);
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause);
        throw new RangeError(
          `${this.#name}: the restored state is not of this model (${message}): train the same layers as when it was saved, or call dispose() to start anew`,
          { cause },
        );
      }
    }

    /** A loss that is not finite is told by a later step where it cannot be looked at now. */
    #watch(value: Scalar): void {
      if (this.#run?.backend.bound !== undefined) return;
      const step = this.iterations - 1;
      const divergence = this.#divergence;
      const loss = tf.keep(tf.clone(value));
      loss
        .data()
        .then(
          ([found]) => {
            if (Number.isFinite(found)) return;
            divergence.error ??= new DivergenceError(step, `the loss is ${found}`, undefined);
          },
          // The device is gone: its own error comes at the next call.
          () => {},
        )
        .finally(() => loss.dispose());
    }

    #forgetDivergence(): void {
      this.#divergence = {};
    }

    #forget(): void {
      disposeCaptured(this.#captured?.blocks ?? []);
      this.#captured = undefined;
    }

    #forgetGiven(): void {
      tf.dispose(this.#given?.weights.map(({ tensor }) => tensor) ?? []);
      this.#given = undefined;
    }
  };
}

/** The state before the first step. */
function noState(): PlainState {
  return { version: STATE_VERSION, run: {}, entries: {} };
}

/** The run, or one that goes on from there with variables and layers that have appeared since. */
function grown(
  tf: TensorFlowCore,
  transform: Transform,
  run: Run,
  gradients: readonly NamedGradient[],
  blocks: CapturedGradients['blocks'],
): Run {
  const { backend, session } = run;
  if (!session.grownBy(gradients, blocks)) return run;
  const all = inOrderOf(gradients, session.blocksWith(blocks));
  const next = new Session(tf, backend, transform, gradients, all);
  next.takeOver(session);
  session.optimizer.dispose();
  return { backend, session: next };
}

/** Both forms of gradients, without those that are missing. */
function namedGradients(
  tf: TensorFlowCore,
  gradients: NamedTensorMap | NamedTensor[],
): NamedGradient[] {
  const where = 'applyGradients';
  checkType(where, 'gradients', gradients, isObject(gradients), 'gradients by name');
  if (Array.isArray(gradients)) checkNamedTensors(where, 'gradients', gradients);
  const entries: readonly NamedGradient[] = Array.isArray(gradients)
    ? gradients.map(({ name, tensor }) => [name, tensor])
    : Object.entries(gradients);
  // TensorFlow.js gives null or undefined for a variable that the loss does not depend on.
  const given = entries.filter(([, gradient]) => gradient != null);
  const names = new Set<string>();
  for (const [name, gradient] of given) {
    checkType(where, `gradient '${name}'`, gradient, gradient instanceof tf.Tensor, 'a tensor');
    if (names.has(name)) {
      throw new RangeError(
        `${where}: gradient '${name}' is given twice, expected one of each variable`,
      );
    }
    names.add(name);
    checkFits(variableOf(tf, name), gradient);
  }
  return given;
}

/** A gradient must be as its variable is: what a first step takes settles what later ones take. */
function checkFits(variable: Variable, gradient: Tensor): void {
  const { name, shape } = variable;
  for (const [what, { dtype }] of [
    ['variable', variable],
    ['gradient', gradient],
  ] as const) {
    if (dtype === 'float32') continue;
    throw new TypeError(`applyGradients: ${what} '${name}' holds ${dtype}, expected float32`);
  }
  if (String(gradient.shape) === String(shape)) return;
  throw new RangeError(
    `applyGradients: gradient '${name}' is of shape [${gradient.shape.join(', ')}], expected [${shape.join(', ')}]`,
  );
}

/** The loss must be a function, and the variables some of the copy that was handed in. */
function checkLoss(tf: TensorFlowCore, f: unknown, varList: unknown): void {
  const where = 'computeGradients';
  checkFunction(where, 'f', f);
  // As TensorFlow.js has it, null stands for all variables too.
  if (varList === undefined || varList === null) return;
  const fits =
    Array.isArray(varList) &&
    varList.length > 0 &&
    varList.every((variable) => variable instanceof tf.Tensor && 'assign' in variable);
  checkType(where, 'varList', varList, fits, 'an array of variables');
}

function stepsOf(saved: PlainState | undefined): number {
  const steps = saved?.entries.steps;
  return typeof steps === 'number' ? steps : 0;
}

function isDisposed(weights: readonly NamedTensor[]): boolean {
  return weights.some(({ tensor }) => tensor.isDisposed);
}

function configDict(className: string, config: object | undefined): serialization.ConfigDict {
  if (config === undefined) {
    throw new TypeError(
      `${className}: a transform of your own has no options that a saved model could hold: give makeOptimizer a config, and registerOptimizer what makes the transform of it; or save the model without its optimizer, and separately what exportState() gives`,
    );
  }
  const dict: serialization.ConfigDict = {};
  const entries: readonly [string, unknown][] = Object.entries(config);
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new TypeError(
        `${className}: option ${name} is a ${typeof value}, which a saved model cannot hold: save the model without its optimizer, and separately what exportState() gives`,
      );
    }
    dict[name] = value;
  }
  return dict;
}
