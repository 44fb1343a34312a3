// The entry nysact/rows: what layers other than dense ones saw in a batch.

export {
  type ConvolutionGeometry,
  type ConvolutionOutput,
  convolutionOutput,
  type ImageShape,
  type PerAxis,
} from './rows/convolution.js';
export {
  type DenseRowsOptions,
  flattenSequences,
  type SequenceShape,
  type SlotRowsOptions,
} from './rows/dense.js';
export { type OneHotRowsOptions, oneHotRows } from './rows/one-hot.js';
export {
  extractPatches,
  imageRows,
  outputGradientRows,
  type PatchRowsOptions,
  patchRows,
} from './rows/patches.js';
