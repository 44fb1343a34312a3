// What every optimiser of TensorFlow.js is here.

import type {
  layers,
  NamedTensorMap,
  Scalar,
  serialization,
  Optimizer as TensorFlowOptimizer,
  Variable,
} from '@tensorflow/tfjs';
import type { PlainState, RestoreOptions } from '../backend/saved-state.js';
import type { Diagnostics } from '../precondition/layer.js';
import type { VariableReport } from './report.js';
import type { Taps } from './taps.js';
import type { NamedTensor } from './tensorflow.js';

/** A `tf.Optimizer` that can tell about its state. */
export interface TfjsOptimizer extends TensorFlowOptimizer {
  /**
   * η of the coming step. A number that is set takes the place of the schedule from then on, and is part
   * of the state. Setting throws RangeError unless it is finite and ≥ 0 in float32.
   */
  learningRate: number;
  /** Bytes of state; 0 before the first step. */
  readonly stateBytes: number;
  /** How each layer is preconditioned, and what its refreshes have found. */
  readonly diagnostics: readonly Diagnostics[];
  /** Operations that are looked at, for models without layers. */
  readonly tap: Taps;
  /**
   * What happens to each variable of a model: under which kind of layer its gradient is preconditioned,
   * or why it is not. After the first step it tells what was seen, with p, q, the rank and the bytes.
   * Without a model: of each variable that was trained so far, those that taps use among them.
   *
   * @throws TypeError where `model` is no model, or TensorFlow.js came without layers.
   */
  report(model?: layers.Layer): readonly VariableReport[];
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
   * The gradients of a mean loss, and what its layers and taps saw, which the next step looks at. Several
   * calls before a step are micro-batches of one batch, of any sizes: what they saw is joined, and kept
   * until that step. The step is that of the whole batch where it is given the mean of the gradients,
   * each weighted by its examples. Throws what `f` throws; then nothing of that call is kept. `minimize` is a
   * step of its own loss, and forgets what was computed before it and not applied.
   *
   * Where the step uses curvature, `f` is computed again in `applyGradients`, twice for each product with the
   * Hessian: what it uses must still be there. Of several micro-batches the curvature is the plain mean.
   */
  computeGradients(f: () => Scalar, varList?: Variable[]): { value: Scalar; grads: NamedTensorMap };
  /**
   * One step with these gradients, found by name. Throws RangeError where they do not fit, or where the
   * step has to look at layers, or uses curvature, and the gradients were not computed by this optimizer's
   * `computeGradients`; and TypeError where the loss throws when it is computed again. Nothing changes then.
   *
   * Products of the Hessian are Hv ≈ (∇f(w + εv) − ∇f(w − εv))/2ε with ε = 2⁻⁸(1 + ‖w‖)/‖v‖, of the same
   * batch: random operations without a seed draw the same numbers, and weights and the moving statistics of
   * normalisations are put back bit for bit. States of stateful recurrent layers are not held.
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
