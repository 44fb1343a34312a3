// A transform as a tf.Optimizer, for model.compile, minimize and applyGradients.

import type { layers, NamedTensorMap, Scalar, serialization, Variable } from '@tensorflow/tfjs';
import { copyOfSaved, type PlainState, type RestoreOptions } from '../backend/saved-state.js';
import { checkInteger, checkNonNegative, checkType, isObject } from '../core/check.js';
import { guarded, type OptionsOf, optionList, text } from '../core/options.js';
import { checkTransform, needsOf, type StepNeeds, type Transform } from '../optimize/transform.js';
import type { Diagnostics } from '../precondition/layer.js';
import { BACKEND_OPTIONS, tfjsBackend } from './backend.js';
import { type CapturedGradients, captureGradients } from './capture.js';
import {
  type CapturedBlock,
  disposeCaptured,
  formsOf,
  joinedBlocks,
  type WeightForm,
  withMatrices,
} from './captured.js';
import { configDict } from './config.js';
import { checkLoss, namedGradients } from './gradients.js';
import { HeldLoss } from './held-loss.js';
import { LossWatch } from './loss-watch.js';
import { reportOn, reportOnTrained, type VariableReport } from './report.js';
import { type NamedGradient, Session } from './session.js';
import { OptimizerTaps, type Taps } from './taps.js';
import {
  checkLayers,
  checkTensorFlow,
  type NamedTensor,
  type TensorFlowCore,
} from './tensorflow.js';
import type { TfjsOptimizer } from './tfjs-optimizer.js';
import { stepsOf, Waiting } from './waiting.js';
import { fromNamedTensors, toNamedTensors } from './weights.js';

const OPTIMIZER_OPTIONS = /* @__PURE__ */ optionList({
  ...BACKEND_OPTIONS.entries,
  /** The class name in saved models. */
  className: text,
  /** What {@link makeOptimizer}'s transform was made from: `getConfig` gives it. */
  config: /* @__PURE__ */ guarded('an object', isObject),
});

/** How an optimiser presents itself to TensorFlow.js, and how its backend reads. @interface */
export type MakeOptimizerOptions = OptionsOf<typeof OPTIMIZER_OPTIONS> & {
  readonly className: string;
};

/**
 * A transform as an optimiser of TensorFlow.js.
 *
 * Known layers that `model.fit` or `minimize` applies are preconditioned where the transform does so; all
 * other variables go through the rest of the chain, and `report` says which and why. Where a transform looks at
 * gradients alone, every other variable of at least two axes is preconditioned too. Layers are looked at
 * only in the steps that need it. The backend is settled at the first step. Variables and layers that
 * appear later are taken in; one that is missing later is an error. `dispose` frees all state; a step
 * after it starts anew.
 *
 * Divergence is a DivergenceError. Where tensors lie in the host's memory, a step whose gradients are not
 * finite throws it and changes nothing; elsewhere a loss that is not finite makes the next step throw it.
 *
 * @param tf TensorFlow.js itself, the copy that made the model.
 * @throws TypeError where it, the transform or the class name is missing.
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

/**
 * The class of what {@link makeOptimizer} makes; messages call it `name`.
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
    readonly #taps = new OptimizerTaps(tf);
    /** What has become of the transform since its first step. */
    #session: Session | undefined;
    #waiting = new Waiting();
    /** What every computation of gradients has seen since the last step. */
    #captured: CapturedGradients[] = [];
    /** The losses that the coming step multiplies the Hessian of. */
    #held: HeldLoss[] = [];
    /** The losses of this run that are still to be looked at. */
    #losses = new LossWatch();
    /** How often the state may have changed. */
    #changes = 0;
    /** What getWeights gave last, and after how many changes. */
    #given: { readonly changes: number; readonly weights: readonly NamedTensor[] } | undefined;

    constructor(transform: Transform, options: MakeOptimizerOptions, name = options.className) {
      super();
      this.#transform = transform;
      this.#options = options;
      this.#name = name;
    }

    override get iterations(): number {
      return this.#session?.optimizer.steps ?? this.#waiting.steps;
    }

    get learningRate(): number {
      if (this.#session !== undefined) return this.#session.optimizer.learningRate;
      return this.#waiting.learningRate ?? this.#transform.schedule?.(this.iterations) ?? 0;
    }

    set learningRate(eta: number) {
      checkNonNegative(this.#name, 'learningRate', eta, 'float32');
      this.#changes += 1;
      (this.#session?.optimizer ?? this.#waiting).learningRate = eta;
    }

    get tap(): Taps {
      return this.#taps;
    }

    get stateBytes(): number {
      return this.#session?.optimizer.stateBytes ?? 0;
    }

    get diagnostics(): readonly Diagnostics[] {
      return this.#session?.optimizer.diagnostics ?? [];
    }

    report(model?: layers.Layer): readonly VariableReport[] {
      const context = {
        preconditions: this.#preconditions,
        takesMatrices: this.#takesMatrices,
        curvature: this.#transform.curvature !== undefined,
        session: this.#session,
        diagnostics: this.diagnostics,
      };
      if (model === undefined) return reportOnTrained(tf, context);
      checkLayers('report', tf);
      return reportOn(tf, model, context);
    }

    override minimize(f: () => Scalar, returnCost = false, varList?: Variable[]): Scalar | null {
      checkType('minimize', 'returnCost', returnCost, typeof returnCost === 'boolean', 'a boolean');
      // The step is of this loss alone: what was computed before it, and not applied, was skipped.
      this.#forget();
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
      const { curvature } = this.#needs;
      const held = new HeldLoss(tf, f);
      const computed = this.#gradients(curvature ? () => held.first() : f, varList);
      if (curvature) this.#held.push(held);
      return computed;
    }

    override applyGradients(gradients: NamedTensorMap | NamedTensor[]): void {
      this.#changes += 1;
      try {
        this.#losses.check();
        const named = namedGradients(tf, gradients);
        this.#checkLooked();
        const captured = joinedBlocks(this.#captured.map((one) => one.blocks));
        const forms = formsOf(captured);
        const blocks = this.#blocksOf(named, captured);
        this.#session ??= this.#start(named, blocks, forms);
        this.#session = this.#session.grown(named, blocks, forms);
        this.#session.step(named, blocks, this.#held);
      } finally {
        this.#forget();
      }
    }

    async flush(): Promise<void> {
      await this.#session?.optimizer.flush();
    }

    async exportState(): Promise<PlainState> {
      return (this.#session?.optimizer ?? this.#waiting).exportState();
    }

    restoreState(saved: PlainState, options: RestoreOptions = {}): void {
      const state = copyOfSaved(saved);
      checkInteger('restoreState', 'steps', stepsOf(state));
      if (this.#session === undefined) this.#waiting.restore(state, options);
      else this.#session.optimizer.restoreState(state, options);
      this.#losses = new LossWatch();
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
      this.#session?.backend.dispose();
      this.#session = undefined;
      this.#waiting = new Waiting();
      this.#losses = new LossWatch();
      this.#changes += 1;
      this.#forgetGiven();
    }

    #gradients(f: () => Scalar, varList?: Variable[]): { value: Scalar; grads: NamedTensorMap } {
      if (!this.#looks) return tf.variableGrads(f, varList);
      const captured = captureGradients(tf, f, varList, this.#needs, this.#taps);
      this.#captured.push(captured);
      const { value, grads } = captured;
      return { value, grads };
    }

    /** What the coming step has to be given: known without any state. */
    get #needs(): StepNeeds {
      return needsOf(this.#transform, this.iterations);
    }

    /** Whether the transform ever looks at layers. */
    get #preconditions(): boolean {
      return this.#transform.needs !== undefined;
    }

    /** Whether the transform does to any matrix what it does to the weights of layers. */
    get #takesMatrices(): boolean {
      return this.#transform.matrices === true;
    }

    /** Whether gradients are all that it ever looks at, of layers as of other matrices. */
    get #takesGradients(): boolean {
      const { inputs, outputGradients } = needsOf(this.#transform, 0);
      return this.#preconditions && this.#takesMatrices && !inputs && !outputGradients;
    }

    /** Whether the coming step has to look at layers. The first one does in any case, to know them. */
    get #mustLook(): boolean {
      const { inputs, outputGradients } = this.#needs;
      return inputs || outputGradients || (this.#session === undefined && this.#preconditions);
    }

    /**
     * Whether it looks at them: curvature may be averaged in kernels, which layers and taps tell. Those that join
     * later have to be known at once too, as they are where the run is resumed.
     */
    get #looks(): boolean {
      return this.#mustLook || this.#transform.curvature !== undefined;
    }

    /** What is preconditioned of what took part. */
    #blocksOf(
      gradients: readonly NamedGradient[],
      captured: readonly CapturedBlock[],
    ): readonly CapturedBlock[] {
      if (!this.#preconditions) return [];
      return this.#takesGradients ? withMatrices(gradients, captured) : captured;
    }

    /** A step that has to look at layers must have seen how its gradients were computed. */
    #checkLooked(): void {
      if (this.#needs.curvature && this.#held.length === 0) {
        throw new RangeError(
          `${this.#name}: step ${this.iterations} uses curvature, but its gradients were computed elsewhere: compute them with this optimizer's computeGradients(f), or use minimize or model.fit`,
        );
      }
      if (!this.#mustLook || this.#takesGradients) return;
      if (this.#captured.length === 0) {
        throw new RangeError(
          `${this.#name}: step ${this.iterations} looks at layers, but its gradients were computed elsewhere: compute them with this optimizer's computeGradients(f), or use minimize or model.fit`,
        );
      }
      if (!this.#captured.some(({ tookPart }) => tookPart)) {
        throw new RangeError(
          `${this.#name}: no layer of this copy of TensorFlow.js took part in computing the gradients, and no tap, so there is nothing to precondition: make the model with the copy that was handed in, compute without layers through optimizer.tap, or use sgd`,
        );
      }
    }

    #start(
      gradients: readonly NamedGradient[],
      captured: readonly CapturedBlock[],
      forms: ReadonlyMap<string, WeightForm>,
    ): Session {
      const backend = tfjsBackend(tf, { reading: this.#options.reading });
      try {
        const session = new Session({ tf, backend }, this.#transform, gradients, captured, forms);
        this.#waiting.putInto(session.optimizer, this.#name);
        this.#waiting = new Waiting();
        return session;
      } catch (error) {
        backend.dispose();
        throw error;
      }
    }

    /** A loss that is not finite is told by a later step where it cannot be looked at now. */
    #watch(loss: Scalar): void {
      if (this.#session?.backend.bound !== undefined) return;
      this.#losses.add(tf, loss, this.iterations - 1);
    }

    #forget(): void {
      for (const { blocks } of this.#captured) disposeCaptured(blocks);
      this.#captured = [];
      this.#held = [];
    }

    #forgetGiven(): void {
      tf.dispose(this.#given?.weights.map(({ tensor }) => tensor) ?? []);
      this.#given = undefined;
    }
  };
}

function isDisposed(weights: readonly NamedTensor[]): boolean {
  return weights.some(({ tensor }) => tensor.isDisposed);
}
