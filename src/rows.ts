// The entry nysact/rows: what layers other than dense ones saw in a batch.

export {
  type ConvolutionGeometry,
  type ConvolutionOutput,
  convolutionOutput,
  type ImageShape,
  type Padding,
  type PerAxis,
} from './rows/convolution.js';
export type { DenseRowsOptions, SlotRowsOptions } from './rows/dense.js';
export { extractPatches, outputGradientRows } from './rows/images.js';
export { type JoinedRowsOptions, joinedRows } from './rows/joined.js';
export { type OneHotRowsOptions, oneHotRows } from './rows/one-hot.js';
export {
  type ImageRowsOptions,
  imageRows,
  type PatchRowsOptions,
  patchRows,
} from './rows/patches.js';
export { flattenSequences, type SequenceShape } from './rows/sequences.js';
