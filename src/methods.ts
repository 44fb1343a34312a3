// The entry nysact/methods: the methods as values, and what a method of one's own is made of.

export type { Take } from './backend/backend.js';
export type { Description } from './backend/saved-state.js';
export type { RelativeDamping } from './precondition/damping.js';
export { type EkfacLayerOptions, type EkfacOptions, ekfacMethod } from './precondition/ekfac.js';
export { type EvaLayerOptions, type EvaOptions, evaMethod } from './precondition/eva.js';
export { type FoofLayerOptions, type FoofOptions, foofMethod } from './precondition/foof.js';
export { type KfacLayerOptions, type KfacOptions, kfacMethod } from './precondition/kfac.js';
export {
  type Curvature,
  curvature,
  type Factorised,
  type Found,
  type Held,
  type InversePart,
  type InverseParts,
  type LastWindow,
  type LayerShape,
  type Made,
  type Needs,
  type RefreshContext,
  type Sketching,
} from './precondition/method.js';
export {
  type NysactLayerOptions,
  type NysactOptions,
  nysactMethod,
} from './precondition/nysact.js';
export {
  type NystromShampooLayerOptions,
  type NystromShampooOptions,
  nystromShampooMethod,
} from './precondition/nystrom-shampoo.js';
export type { Overrides } from './precondition/overrides.js';
export type { RankFromData } from './precondition/rank.js';
export {
  type ShampooLayerOptions,
  type ShampooOptions,
  shampooMethod,
} from './precondition/shampoo.js';
export type { SketchSource } from './precondition/sketching.js';
export { type SkfacLayerOptions, type SkfacOptions, skfacMethod } from './precondition/skfac.js';
export {
  type Averages,
  type Averaging,
  type Batch,
  movingAverage,
  type Opening,
  type Seen,
  type Statistic,
} from './rows/accumulator.js';
export type { Average } from './rows/moving-average.js';
