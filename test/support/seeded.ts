// A setup file: all draws of the tests after it come from the one seed, in whatever order tests run. Properties draw
// their examples from it; what draws from Math.random (TensorFlow.js where it shuffles, drops or starts weights
// without a seed) begins anew with every test.

import fc from 'fast-check';
import { afterEach, beforeEach } from 'vitest';
import { SEED } from './seed.js';
import { uniform } from './uniform.js';

fc.configureGlobal({ seed: SEED });

const { random } = Math;

beforeEach(() => {
  Math.random = uniform(SEED);
});

afterEach(() => {
  Math.random = random;
});
