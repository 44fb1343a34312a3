// Sums and means on the wasm backend, by our kernels, against the cpu backend.

import { fc, test } from '@fast-check/vitest';
import { describe } from 'vitest';
import { expectAgreement, tf, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { fractions, roundingOf, wholes } from './values.js';

const checkGuards = withGuards();
withKernels();

/** Some with more rows than a block has, or more elements in a row. */
const shapes = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 3 }),
  fc.tuple(fc.integer({ min: 250, max: 800 }), fc.integer({ min: 1, max: 40 })),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 4000, max: 9000 })),
);
const reductions = fc.record({
  shape: shapes,
  summed: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
  keepDims: fc.boolean(),
  seed: fc.nat(),
});

describe.each(['sum', 'mean'] as const)('tf.%s', (name) => {
  test.prop([reductions])('agrees but for rounding', ({ shape, summed, keepDims, seed }) => {
    const axes = Array.from(shape.keys()).filter((axis) => summed[axis]);
    const count = axes.reduce((product, axis) => product * shape[axis], 1);
    const x = fractions(shape, seed);
    expectAgreement([x], (t) => tf[name](t, axes, keepDims), roundingOf(count));
    checkGuards();
  });
});

describe('tf.sum', () => {
  test.prop([reductions])('of integers is exact', ({ shape, summed, keepDims, seed }) => {
    const axes = Array.from(shape.keys()).filter((axis) => summed[axis]);
    expectAgreement([wholes(shape, seed)], (t) => tf.sum(t, axes, keepDims), 0);
    expectAgreement([wholes(shape, seed)], (t) => tf.sum(t.toInt()), 0);
  });
});
