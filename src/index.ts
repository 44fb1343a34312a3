// The public names, in the order of the data's way.

export type {
  AsyncBackend,
  Backend,
  BackendOperations,
  SyncBackend,
} from './backend/backend.js';
export { engineFrom } from './backend/compose.js';
export {
  type CpuBackend,
  type CpuEngine,
  cpuBackend,
  cpuEngine,
} from './backend/cpu.js';
export {
  type AsyncEngine,
  type Engine,
  type EngineOperations,
  readNow,
  type SpectralFactor,
  type SyncEngine,
  upload,
} from './backend/engine.js';
export { type SlotScope, withSlots } from './backend/scope.js';
export type {
  AsyncReads,
  BackendInfo,
  ElementwiseOperations,
  SketchOperand,
  Slot,
  SlotOperations,
  SyncReads,
} from './backend/slot.js';
export type { PlainMatrix, PlainState } from './backend/state.js';
export { type AsMatrixOptions, asMatrix, type MatrixInput } from './core/convert.js';
export { type DType, EPSILON, type TypedArrayOf } from './core/dtype.js';
export {
  NonFiniteError,
  NotConvergedError,
  NotPositiveDefiniteError,
  PreconditionerError,
} from './core/errors.js';
export { convert, DenseMatrix, identity, type Op, zeros } from './core/matrix.js';
export { fromMlMatrix, type MlMatrixLike, toMlMatrix } from './core/mlmatrix.js';
export {
  fillNormal,
  fillUniform,
  foldIn,
  permutation,
  type RandomKey,
  randomKey,
  sampleWithoutReplacement,
} from './core/random.js';
export {
  type ActivationOptions,
  type Activations,
  activations,
  flattenSequences,
  type OutputGradientOptions,
  type OutputGradients,
  outputGradients,
  type SequenceShape,
} from './covariance/activations.js';
export {
  type ConvolutionGeometry,
  type ConvolutionOutput,
  convolutionOutput,
  type ImageShape,
  type PerAxis,
} from './covariance/convolution.js';
export { extractPatches, outputGradientRows } from './covariance/patches.js';
export { gemm } from './kernels/gemm.js';
export { axpby, dot, frobeniusNorm, scale, transpose } from './kernels/level1.js';
export {
  initKernels,
  type KernelChoice,
  type KernelInfo,
  type KernelOptions,
  kernelInfo,
  openPool,
  type Pool,
  type PoolOptions,
  useKernels,
} from './kernels/selection.js';
export { syrk } from './kernels/syrk.js';
export { trsm } from './kernels/trsm.js';
export { cholesky, choleskyInPlace, solveCholesky, spdInverse } from './linalg/cholesky.js';
export { eigh, eigvalsh } from './linalg/eigh.js';
export { thinQr } from './linalg/qr.js';
export {
  type ActivationSketch,
  type ActivationSketchOptions,
  activationSketch,
  type NystromFactor,
  type PreconditionOptions,
} from './nystrom/activation-sketch.js';
export {
  type Eigenpairs,
  type NystromOptions,
  nystromEigenpairs,
  referenceEigenpairs,
} from './nystrom/factor.js';
export {
  applyLowRankInverse,
  effectiveDimension,
  type InverseOptions,
  type LowRankInverse,
  lowRankInverse,
} from './nystrom/inverse.js';
export {
  type AdamOptions,
  adam,
  adamw,
  eva,
  foof,
  kfac,
  nysact,
  type PreconditionedOptions,
  type SgdOptions,
  sgd,
} from './optimize/aliases.js';
export { Optimizer, type OptimizerOptions } from './optimize/optimizer.js';
export { constant, cosine, type Schedule, stepDecay, warmUp } from './optimize/schedules.js';
export {
  chain,
  type Needs,
  type ParameterShape,
  type Stage,
  type Step,
  stateless,
  type Transform,
  type TransformContext,
} from './optimize/transform.js';
export {
  addWeightDecay,
  clipByGlobalNorm,
  precondition,
  scaleByAdam,
  scaleByLearningRate,
  trace,
} from './optimize/transforms.js';
export {
  type CorrectedEvaOptions,
  type EvaOptions,
  evaPreconditioner,
  type ReferenceEvaOptions,
} from './precondition/eva.js';
export { type FoofOptions, foofPreconditioner } from './precondition/foof.js';
export { type KfacOptions, kfacPreconditioner } from './precondition/kfac.js';
export type {
  CadenceOptions,
  KlClip,
  LayerParameters,
  NetworkOptions,
} from './precondition/network.js';
export {
  type CorrectedNysactOptions,
  type NysactOptions,
  nysactPreconditioner,
  type ReferenceNysactOptions,
  type SketchSource,
} from './precondition/nysact.js';
export { freeObservation, observation } from './precondition/observation.js';
export type {
  Diagnostics,
  LayerPreconditioner,
  LayerShape,
  Observation,
  Preconditioner,
} from './precondition/preconditioner.js';
export {
  drawSketch,
  type GaussianSketch,
  type Sketch,
  type SketchKind,
  type SketchShape,
  type SubcolumnSketch,
} from './sketch/sketch.js';
