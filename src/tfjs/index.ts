// The public names of the TensorFlow.js host.

export type { AdamOptions, PreconditionedOptions, SgdOptions } from '../optimize/aliases.js';
export type { EvaOptions } from '../precondition/eva.js';
export type { FoofOptions } from '../precondition/foof.js';
export type { KfacOptions } from '../precondition/kfac.js';
export type { NysactOptions } from '../precondition/nysact.js';
export { type TfjsBackend, type TfjsBackendOptions, tfjsBackend } from './backend.js';
export type { Layout } from './content.js';
export { adam, adamw, eva, foof, kfac, nysact, sgd } from './factories.js';
export { type MakeOptimizerOptions, makeOptimizer, type TfjsOptimizer } from './optimizer.js';
export { registerOptimizers } from './register.js';
export type { TensorFlow, TensorFlowCore } from './tensorflow.js';
