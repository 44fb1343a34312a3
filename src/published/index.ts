// The entry nysact/published: what the code published with the NysAct paper computes, errors included.

export { type PublishedEvaOptions, publishedEvaMethod } from './eva.js';
export { publishedEigenpairs } from './factor.js';
export { type PublishedFoofOptions, publishedFoofMethod } from './foof.js';
export { type PublishedKfacOptions, publishedKfacMethod } from './kfac.js';
export { type PublishedNysactOptions, publishedNysactMethod } from './nysact.js';
export {
  type PublishedEvaOptimizerOptions,
  type PublishedFoofOptimizerOptions,
  type PublishedKfacOptimizerOptions,
  type PublishedNysactOptimizerOptions,
  publishedEva,
  publishedFoof,
  publishedKfac,
  publishedNysact,
} from './optimizers.js';
