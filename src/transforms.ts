// The entry nysact/transforms: the links that optimisers are chained from, and schedules.

export {
  Cell,
  type Description,
  type PlainEntry,
  type PlainMatrix,
  type RestoreOptions,
  type StateEntry,
} from './backend/state.js';
export type {
  AdamOptions,
  AdamwOptions,
  PreconditionedOptions,
  SgdOptions,
} from './optimize/optimizers.js';
export { refuseOverflow } from './optimize/refuse-overflow.js';
export { constant, cosine, type Schedule, stepDecay, warmUp } from './optimize/schedules.js';
export {
  chain,
  type ParameterShape,
  type Stage,
  type Step,
  type StepNeeds,
  stateless,
  type Transform,
  type TransformContext,
  writable,
} from './optimize/transform.js';
export {
  addWeightDecay,
  clipByGlobalNorm,
  type DecayFilter,
  descend,
  type KlClip,
  momentum,
  type PreconditionOptions,
  precondition,
  scaleByAdam,
} from './optimize/transforms.js';
export type { CadenceOptions } from './precondition/network.js';
