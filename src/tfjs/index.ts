// The optimisers of this library for TensorFlow.js: `tf` first, then options in words.

import {
  type AdamOptions,
  adam as adamTransform,
  adamw as adamwTransform,
  eva as evaTransform,
  foof as foofTransform,
  kfac as kfacTransform,
  nysact as nysactTransform,
  type PreconditionedOptions,
  type SgdOptions,
  sgd as sgdTransform,
} from '../optimize/aliases.js';
import type { EvaOptions } from '../precondition/eva.js';
import type { FoofOptions } from '../precondition/foof.js';
import type { KfacOptions } from '../precondition/kfac.js';
import type { NysactOptions } from '../precondition/nysact.js';
import { makeOptimizer, type TfjsOptimizer } from './optimizer.js';
import type { TensorFlow } from './tensorflow.js';

export type { AdamOptions, PreconditionedOptions, SgdOptions } from '../optimize/aliases.js';
export type { EvaOptions } from '../precondition/eva.js';
export type { FoofOptions } from '../precondition/foof.js';
export type { KfacOptions } from '../precondition/kfac.js';
export type { NysactOptions } from '../precondition/nysact.js';
export {
  type TfjsEngine,
  type TfjsEngineOptions,
  tfjsEngine,
} from './engine.js';
export type { TensorAccess } from './operations.js';
export { type MakeOptimizerOptions, makeOptimizer, type TfjsOptimizer } from './optimizer.js';
export type { Layout } from './slots.js';
export type { TensorFlow } from './tensorflow.js';

/**
 * NysAct for TensorFlow.js: SGD on P = G(Â + ρI)⁻¹ for every dense layer, with Â the Nyström
 * approximation of its activation second moment. Options and cost are those of `nysact` in the main
 * entry; see {@link makeOptimizer} for what is preconditioned.
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
  return makeOptimizer(tf, nysactTransform(config), { className: 'nysact', config });
}

/** FOOF for TensorFlow.js: SGD on P = G(Ā + ρI)⁻¹. For the rest see {@link nysact}. */
export function foof(
  tf: TensorFlow,
  config: PreconditionedOptions & FoofOptions = {},
): TfjsOptimizer {
  return makeOptimizer(tf, foofTransform(config), { className: 'foof', config });
}

/** KFAC for TensorFlow.js: SGD on the Kronecker-factored natural gradient. See {@link nysact}. */
export function kfac(
  tf: TensorFlow,
  config: PreconditionedOptions & KfacOptions = {},
): TfjsOptimizer {
  return makeOptimizer(tf, kfacTransform(config), { className: 'kfac', config });
}

/** Eva for TensorFlow.js: SGD on KFAC with factors of rank one. See {@link nysact}. */
export function eva(
  tf: TensorFlow,
  config: PreconditionedOptions & EvaOptions = {},
): TfjsOptimizer {
  return makeOptimizer(tf, evaTransform(config), { className: 'eva', config });
}

/** SGD with momentum and weight decay for TensorFlow.js. Throws RangeError on bad options. */
export function sgd(tf: TensorFlow, config: SgdOptions = {}): TfjsOptimizer {
  return makeOptimizer(tf, sgdTransform(config), { className: 'sgd', config });
}

/** Adam for TensorFlow.js. Throws RangeError on bad options. */
export function adam(tf: TensorFlow, config: AdamOptions = {}): TfjsOptimizer {
  return makeOptimizer(tf, adamTransform(config), { className: 'adam', config });
}

/** AdamW, Adam with decoupled weight decay, for TensorFlow.js. Throws RangeError on bad options. */
export function adamw(tf: TensorFlow, config: AdamOptions = {}): TfjsOptimizer {
  return makeOptimizer(tf, adamwTransform(config), { className: 'adamw', config });
}
