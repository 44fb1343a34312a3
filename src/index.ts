// What most people import; the subpaths carry the rest.

export {
  type Backend,
  type BackendInfo,
  place,
  type Slot,
  type Take,
  upload,
} from './backend/backend.js';
export { type CpuBackend, cpuBackend } from './backend/cpu.js';
export { backendFrom, type Primitives } from './backend/primitives.js';
export { type SlotScope, withSlots } from './backend/scope.js';
export type {
  Description,
  PlainEntry,
  PlainMatrix,
  PlainState,
  RestoreOptions,
} from './backend/state.js';
export { type AsMatrixOptions, asMatrix, type MatrixInput } from './core/convert.js';
export { type DType, EPSILON, type TypedArrayOf } from './core/dtype.js';
export {
  DivergenceError,
  InaccurateInverseError,
  NonFiniteError,
  NotConvergedError,
  NotPositiveDefiniteError,
  PreconditionerError,
} from './core/errors.js';
export { convert, DenseMatrix, identity, type Op, zeros } from './core/matrix.js';
export type { MlMatrixLike } from './core/mlmatrix.js';
export type { RandomKey } from './core/random.js';
export { Workspace } from './core/workspace.js';
export {
  type KernelChoice,
  type KernelInfo,
  type KernelOptions,
  openPool,
  type Pool,
  type PoolOptions,
  useKernels,
} from './kernels/selection.js';
export {
  type ActivationSketch,
  type ActivationSketchOptions,
  activationSketch,
  type NystromFactor,
  type PreconditionOptions as FactorPreconditionOptions,
} from './nystrom/activation-sketch.js';
export { Optimizer, type OptimizerOptions } from './optimize/optimizer.js';
export {
  type AdamOptions,
  type AdamwOptions,
  adam,
  adamw,
  eva,
  foof,
  kfac,
  nysact,
  type PreconditionedOptions,
  preconditionedBy,
  type SgdOptions,
  sgd,
} from './optimize/optimizers.js';
export { paperSettings } from './optimize/paper-settings.js';
export { type EvaOptions, evaMethod } from './precondition/eva.js';
export { type FoofOptions, foofMethod } from './precondition/foof.js';
export { type KfacOptions, kfacMethod } from './precondition/kfac.js';
export type { Diagnostics } from './precondition/layer.js';
export {
  type Curvature,
  curvature,
  type Found,
  type LayerShape,
  type Method,
  type Needs,
  type RefreshContext,
} from './precondition/method.js';
export type { CadenceOptions, LayerParameters } from './precondition/network.js';
export { type NysactOptions, nysactMethod, type SketchSource } from './precondition/nysact.js';
export type { Observation } from './precondition/observation.js';
export {
  type Batch,
  movingAverage,
  type Seen,
  type Statistic,
} from './rows/accumulator.js';
export type {
  ConvolutionGeometry,
  ConvolutionOutput,
  ImageShape,
  PerAxis,
} from './rows/convolution.js';
export {
  type DenseRowsOptions,
  denseRows,
  type SlotRowsOptions,
  slotRows,
} from './rows/dense.js';
export { type OneHotRowsOptions, oneHotRows } from './rows/one-hot.js';
export {
  type ImageRowsOptions,
  imageRows,
  type PatchRowsOptions,
  patchRows,
} from './rows/patches.js';
export type { Rows } from './rows/rows.js';
export { flattenSequences, type SequenceShape } from './rows/sequences.js';
