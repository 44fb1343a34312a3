// The entry nysact/random: keys, and the numbers that are functions of a key and an index.

export {
  fillNormal,
  fillUniform,
  foldIn,
  permutation,
  type RandomKey,
  randomKey,
  sampleWithoutReplacement,
} from './core/random.js';
