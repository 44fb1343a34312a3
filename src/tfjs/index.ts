// The public names of the TensorFlow.js host.

export { type TfjsBackend, type TfjsBackendOptions, tfjsBackend } from './backend.js';
export type { Layout } from './content.js';
export { type MakeOptimizerOptions, makeOptimizer, type TfjsOptimizer } from './optimizer.js';
export {
  adam,
  adamw,
  eva,
  foof,
  kfac,
  nysact,
  type OptimizerDefinition,
  registerOptimizer,
  registerOptimizers,
  sgd,
} from './optimizers.js';
export type { VariableReport } from './report.js';
export type { TapConvolutionOptions, Taps } from './taps.js';
export type { TensorFlow, TensorFlowCore } from './tensorflow.js';
