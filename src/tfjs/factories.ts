// The optimisers of this library for TensorFlow.js: `tf` first, then options in words.

import type { AdamOptions, PreconditionedOptions, SgdOptions } from '../optimize/aliases.js';
import type { EvaOptions } from '../precondition/eva.js';
import type { FoofOptions } from '../precondition/foof.js';
import type { KfacOptions } from '../precondition/kfac.js';
import type { NysactOptions } from '../precondition/nysact.js';
import { ADAM, ADAMW, type Definition, EVA, FOOF, KFAC, NYSACT, SGD } from './definitions.js';
import type { TfjsOptimizer } from './optimizer.js';
import { definedClass } from './register.js';
import { checkTensorFlow, type TensorFlow } from './tensorflow.js';

/**
 * NysAct for TensorFlow.js: SGD on P = G(Â + ρI)⁻¹ for every dense layer, with Â the Nyström
 * approximation of its activation second moment. Options and cost are those of `nysact` in the main
 * entry; see {@link makeOptimizer} for what is preconditioned.
 *
 * `model.save(…, { includeOptimizer: true })` saves options and state, and `tf.loadLayersModel` finds
 * them after `registerOptimizers(tf)`. Options that are functions cannot be saved so: then save the
 * model alone and what `exportState()` gives, and call `restoreState` after compiling.
 *
 * @example
 * model.compile({ optimizer: nysact(tf, { rank: 10, damping: 1 }), loss: 'meanSquaredError' });
 * @param tf TensorFlow.js itself, the copy that makes the model.
 * @throws RangeError on options out of range, TypeError where `tf` is missing.
 */
export function nysact(
  tf: TensorFlow,
  config: PreconditionedOptions & NysactOptions = {},
): TfjsOptimizer {
  return make('nysact', tf, NYSACT, config);
}

/**
 * FOOF for TensorFlow.js: SGD on P = G(Ā + ρI)⁻¹. For the rest see {@link nysact}.
 *
 * @throws RangeError on options out of range, TypeError where `tf` is missing.
 */
export function foof(
  tf: TensorFlow,
  config: PreconditionedOptions & FoofOptions = {},
): TfjsOptimizer {
  return make('foof', tf, FOOF, config);
}

/**
 * KFAC for TensorFlow.js: SGD on the Kronecker-factored natural gradient. See {@link nysact}.
 *
 * @throws RangeError on options out of range, TypeError where `tf` is missing.
 */
export function kfac(
  tf: TensorFlow,
  config: PreconditionedOptions & KfacOptions = {},
): TfjsOptimizer {
  return make('kfac', tf, KFAC, config);
}

/**
 * Eva for TensorFlow.js: SGD on KFAC with factors of rank one. See {@link nysact}.
 *
 * @throws RangeError on options out of range, TypeError where `tf` is missing.
 */
export function eva(
  tf: TensorFlow,
  config: PreconditionedOptions & EvaOptions = {},
): TfjsOptimizer {
  return make('eva', tf, EVA, config);
}

/**
 * SGD with momentum and weight decay for TensorFlow.js.
 *
 * @throws RangeError on options out of range, TypeError where `tf` is missing.
 */
export function sgd(tf: TensorFlow, config: SgdOptions = {}): TfjsOptimizer {
  return make('sgd', tf, SGD, config);
}

/**
 * Adam for TensorFlow.js.
 *
 * @throws RangeError on options out of range, TypeError where `tf` is missing.
 */
export function adam(tf: TensorFlow, config: AdamOptions = {}): TfjsOptimizer {
  return make('adam', tf, ADAM, config);
}

/**
 * AdamW, Adam with decoupled weight decay, for TensorFlow.js.
 *
 * @throws RangeError on options out of range, TypeError where `tf` is missing.
 */
export function adamw(tf: TensorFlow, config: AdamOptions = {}): TfjsOptimizer {
  return make('adamw', tf, ADAMW, config);
}

function make<Options extends object>(
  where: string,
  tf: TensorFlow,
  definition: Definition<Options>,
  config: Options,
): TfjsOptimizer {
  checkTensorFlow(where, tf);
  return new (definedClass(tf, definition))(config);
}
