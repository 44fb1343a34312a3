// The entry nysact/sketch: sketches, the Nyström eigenpairs made with them, and their damped inverse.

export type { FusedSketch, SketchOf } from './kernels/kernels.js';
export type {
  ActivationSketch,
  ActivationSketchOptions,
  AdvanceOptions,
} from './nystrom/activation-sketch.js';
export {
  errorEstimate,
  rankWithin,
  residualOf,
  type Warning,
  warningsOf,
} from './nystrom/certificate.js';
export { type Eigenpairs, type NystromOptions, nystromEigenpairs } from './nystrom/factor.js';
export {
  applyLowRankInverse,
  effectiveDimension,
  type InverseOptions,
  type LowRankInverse,
  lowRankInverse,
} from './nystrom/inverse.js';
export type { NystromFactor, PreconditionOptions } from './nystrom/nystrom-factor.js';
export { carriedSketch, trackingSketch } from './nystrom/tracking.js';
export { diagonalColumns } from './sketch/diagonal.js';
export {
  DISTRIBUTIONS,
  type Distribution,
  drawSketch,
  type SketchKind,
} from './sketch/distributions.js';
export type { SketchShape } from './sketch/shape.js';
export { denseSketch, type Sketch } from './sketch/sketch.js';
