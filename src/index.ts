// What most people import; the subpaths carry the rest.

export {
  type Backend,
  type BackendInfo,
  type Slot,
  upload,
} from './backend/backend.js';
export { type CpuBackend, cpuBackend } from './backend/cpu.js';
export type { Primitives } from './backend/primitives.js';
export type { PlainState } from './backend/saved-state.js';
export { type SlotScope, withSlots } from './backend/scope.js';
export { backendFrom } from './backend/slot-backend.js';
export { asMatrix, type MatrixInput } from './core/convert.js';
export type { DType } from './core/dtype.js';
export {
  DivergenceError,
  InaccurateInverseError,
  NonFiniteError,
  NotConvergedError,
  NotPositiveDefiniteError,
  PreconditionerError,
} from './core/errors.js';
export { DenseMatrix, type Op, zeros } from './core/matrix.js';
export {
  initKernels,
  type KernelInfo,
  kernelInfo,
  openPool,
  type Pool,
  useKernels,
} from './kernels/selection.js';
export { activationSketch } from './nystrom/activation-sketch.js';
export type { HessianProduct } from './optimize/hessian-product.js';
export { muon, newtonMuon } from './optimize/muon.js';
export { Optimizer, type OptimizerOptions, type StepOptions } from './optimize/optimizer.js';
export { adam, adamw, eva, foof, kfac, nysact, sgd } from './optimize/optimizers.js';
export { paperSettings } from './optimize/paper-settings.js';
export { preconditionedBy } from './optimize/preconditioned.js';
export { nystromShampoo, shampoo } from './optimize/shampoo.js';
export { adahessian, ekfac, mfac, sketchySgd, skfac, soap } from './optimize/systems.js';
export type { Diagnostics } from './precondition/layer.js';
export type { Method } from './precondition/method.js';
export type { LayerParameters } from './precondition/network.js';
export type { Observation } from './precondition/observation.js';
export { denseRows, slotRows } from './rows/dense.js';
export type { Rows } from './rows/rows.js';
