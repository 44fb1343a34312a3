// The optimisers of this library for TensorFlow.js: `tf` first, then options in words.

import type { AdamOptions, PreconditionedOptions, SgdOptions } from '../optimize/aliases.js';
import type { EvaOptions } from '../precondition/eva.js';
import type { FoofOptions } from '../precondition/foof.js';
import type { KfacOptions } from '../precondition/kfac.js';
import type { NysactOptions } from '../precondition/nysact.js';
import { ADAM, ADAMW, EVA, FOOF, KFAC, NYSACT, SGD } from './definitions.js';
import type { TfjsOptimizer } from './optimizer.js';
import { definedClass } from './register.js';
import type { TensorFlow } from './tensorflow.js';

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
 * @throws RangeError on options out of range.
 */
export function nysact(
  tf: TensorFlow,
  config: PreconditionedOptions & NysactOptions = {},
): TfjsOptimizer {
  return new (definedClass(tf, NYSACT))(config);
}

/** FOOF for TensorFlow.js: SGD on P = G(Ā + ρI)⁻¹. For the rest see {@link nysact}. */
export function foof(
  tf: TensorFlow,
  config: PreconditionedOptions & FoofOptions = {},
): TfjsOptimizer {
  return new (definedClass(tf, FOOF))(config);
}

/** KFAC for TensorFlow.js: SGD on the Kronecker-factored natural gradient. See {@link nysact}. */
export function kfac(
  tf: TensorFlow,
  config: PreconditionedOptions & KfacOptions = {},
): TfjsOptimizer {
  return new (definedClass(tf, KFAC))(config);
}

/** Eva for TensorFlow.js: SGD on KFAC with factors of rank one. See {@link nysact}. */
export function eva(
  tf: TensorFlow,
  config: PreconditionedOptions & EvaOptions = {},
): TfjsOptimizer {
  return new (definedClass(tf, EVA))(config);
}

/** SGD with momentum and weight decay for TensorFlow.js. Throws RangeError on bad options. */
export function sgd(tf: TensorFlow, config: SgdOptions = {}): TfjsOptimizer {
  return new (definedClass(tf, SGD))(config);
}

/** Adam for TensorFlow.js. Throws RangeError on bad options. */
export function adam(tf: TensorFlow, config: AdamOptions = {}): TfjsOptimizer {
  return new (definedClass(tf, ADAM))(config);
}

/** AdamW, Adam with decoupled weight decay, for TensorFlow.js. Throws RangeError on bad options. */
export function adamw(tf: TensorFlow, config: AdamOptions = {}): TfjsOptimizer {
  return new (definedClass(tf, ADAMW))(config);
}
