// The entry nysact/transforms: the links that optimisers are chained from, and schedules.

export type {
  Description,
  PlainEntry,
  PlainMatrix,
  RestoreOptions,
} from './backend/saved-state.js';
export {
  Cell,
  type IndexState,
  type MatrixState,
  type Pending,
  type RestoreGuard,
  type Sized,
  type StateEntry,
  type StatePart,
} from './backend/state.js';
export { type ScaleByAdahessianOptions, scaleByAdahessian } from './optimize/adahessian.js';
export { type ScaleByAdamOptions, scaleByAdam } from './optimize/adam.js';
export { clipByGlobalNorm } from './optimize/clip.js';
export { descend } from './optimize/descend.js';
export { graft } from './optimize/graft.js';
export { type ScaleByMfacOptions, scaleByMfac } from './optimize/mfac.js';
export { momentum } from './optimize/momentum.js';
export type { MuonOptions, NewtonMuonOptions } from './optimize/muon.js';
export type {
  AdamOptions,
  AdamwOptions,
  EvaOptimizerOptions,
  FoofOptimizerOptions,
  KfacOptimizerOptions,
  NysactOptimizerOptions,
  SgdOptions,
} from './optimize/optimizers.js';
export { type OrthogonalizeOptions, orthogonalize } from './optimize/orthogonalize.js';
export type { PresetOptions } from './optimize/paper-settings.js';
export type { ParameterFilter } from './optimize/parameter-filter.js';
export { type Group, partition } from './optimize/partition.js';
export { type KlClip, type PreconditionOptions, precondition } from './optimize/precondition.js';
export type { LayeredOptions, PreconditionedOptions } from './optimize/preconditioned.js';
export { refuseOverflow } from './optimize/refuse-overflow.js';
export { scaleBy } from './optimize/scale.js';
export { constant, cosine, type Schedule, stepDecay, warmUp } from './optimize/schedules.js';
export type {
  NystromShampooOptimizerOptions,
  ShampooOptimizerOptions,
} from './optimize/shampoo.js';
export { type SketchedHessianOptions, scaleBySketchedHessian } from './optimize/sketchy-sgd.js';
export { type ScaleBySoapOptions, scaleBySoap } from './optimize/soap.js';
export type {
  AdahessianOptions,
  EkfacOptimizerOptions,
  MfacOptions,
  SketchySgdOptions,
  SkfacOptimizerOptions,
  SoapOptions,
} from './optimize/systems.js';
export {
  chain,
  type LayerNeeds,
  type Parameter,
  type ParameterShape,
  type Stage,
  type Step,
  type StepNeeds,
  stateless,
  type Transform,
  type TransformContext,
  writable,
} from './optimize/transform.js';
export { addWeightDecay, type WeightDecayOptions } from './optimize/weight-decay.js';
export type { CadenceOptions } from './precondition/network.js';
