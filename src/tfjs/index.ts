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

/** NysAct: SGD on P = G(Â + ρI)⁻¹ with the Nyström approximation Â. */
export function nysact(
  tf: TensorFlow,
  config: PreconditionedOptions & NysactOptions = {},
): TfjsOptimizer {
  return makeOptimizer(tf, nysactTransform(config), { className: 'nysact', config });
}

/** FOOF: SGD on P = G(Ā + ρI)⁻¹. */
export function foof(
  tf: TensorFlow,
  config: PreconditionedOptions & FoofOptions = {},
): TfjsOptimizer {
  return makeOptimizer(tf, foofTransform(config), { className: 'foof', config });
}

/** KFAC: SGD on the Kronecker-factored natural gradient. */
export function kfac(
  tf: TensorFlow,
  config: PreconditionedOptions & KfacOptions = {},
): TfjsOptimizer {
  return makeOptimizer(tf, kfacTransform(config), { className: 'kfac', config });
}

/** Eva: SGD on the rank-one Kronecker-factored gradient. */
export function eva(
  tf: TensorFlow,
  config: PreconditionedOptions & EvaOptions = {},
): TfjsOptimizer {
  return makeOptimizer(tf, evaTransform(config), { className: 'eva', config });
}

/** SGD with momentum and weight decay. */
export function sgd(tf: TensorFlow, config: SgdOptions = {}): TfjsOptimizer {
  return makeOptimizer(tf, sgdTransform(config), { className: 'sgd', config });
}

/** Adam. */
export function adam(tf: TensorFlow, config: AdamOptions = {}): TfjsOptimizer {
  return makeOptimizer(tf, adamTransform(config), { className: 'adam', config });
}

/** AdamW: Adam with decoupled weight decay. */
export function adamw(tf: TensorFlow, config: AdamOptions = {}): TfjsOptimizer {
  return makeOptimizer(tf, adamwTransform(config), { className: 'adamw', config });
}
