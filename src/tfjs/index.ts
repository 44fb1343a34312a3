// The public names of the TensorFlow.js host.

export { type TfjsBackend, type TfjsBackendOptions, tfjsBackend } from './backend.js';
export type { Layout, WeightLayout } from './content.js';
export type { Block as LayerBlock } from './layers/call.js';
export { registerKind } from './layers/index.js';
export type { Layer, LayerKind, TappedLayer } from './layers/kind.js';
export { type MakeOptimizerOptions, makeOptimizer } from './optimizer.js';
export {
  adahessian,
  adam,
  adamw,
  ekfac,
  eva,
  foof,
  kfac,
  mfac,
  muon,
  newtonMuon,
  nysact,
  nystromShampoo,
  type OptimizerDefinition,
  registerOptimizer,
  registerOptimizers,
  sgd,
  shampoo,
  sketchySgd,
  skfac,
  soap,
} from './optimizers.js';
export type { VariableReport } from './report.js';
export type { RowsHost } from './rows/host.js';
export { type Mask, positionRows } from './rows/masked.js';
export type { TapConvolutionOptions, Taps } from './taps.js';
export type { TensorFlow, TensorFlowCore } from './tensorflow.js';
export type { TfjsOptimizer } from './tfjs-optimizer.js';
