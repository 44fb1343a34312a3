import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  foldIn,
  type RandomKey,
  randomKey,
  sampleWithoutReplacement,
} from '../../src/core/random.js';
import type { SketchShape } from '../../src/sketch/shape.js';
import { subcolumn } from '../../src/sketch/subcolumn.js';
import { SEED } from '../support/seed.js';
import { chiSquare, chiSquareLimit, SIGNIFICANCE } from '../support/statistics.js';

const KEY = randomKey(SEED);

/** A subcolumn sketch, which is a list of columns. */
function draw(shape: SketchShape, key: RandomKey) {
  const sketch = subcolumn(shape, 'float64', key);
  if (sketch.kind === 'columns') return sketch;
  throw new TypeError(`the sketch is of kind '${sketch.kind}'`);
}

describe('subcolumn', () => {
  test.prop([fc.integer({ min: 1, max: 60 }), fc.nat(), fc.nat()])(
    'picks distinct columns of I, in the order drawn',
    (inputs, size, seed) => {
      const width = 1 + (size % inputs);
      const { indices } = draw({ inputs, width }, randomKey(seed));
      expect(indices).toHaveLength(width);
      expect(new Set(indices).size).toBe(width);
      expect(indices.every((index) => index >= 0 && index < inputs)).toBe(true);
      expect(indices).toEqual(sampleWithoutReplacement(randomKey(seed), inputs, width));
    },
  );

  test('reaches every column at every place, equally often: χ², 11 degrees of freedom', () => {
    const [inputs, width, draws] = [12, 4, 6000];
    const counts = Array.from({ length: width }, () => Array.from({ length: inputs }, () => 0));
    for (let d = 0; d < draws; d++) {
      const { indices } = draw({ inputs, width }, foldIn(KEY, d));
      for (const [place, index] of indices.entries()) counts[place][index] += 1;
    }
    for (const place of counts) {
      expect(Math.min(...place)).toBeGreaterThan(0);
      expect(chiSquare(place)).toBeLessThanOrEqual(
        chiSquareLimit(inputs - 1, SIGNIFICANCE / width),
      );
    }
  });

  test('all columns are a permutation', () => {
    const { indices } = draw({ inputs: 30, width: 30 }, KEY);
    expect(indices.toSorted()).toEqual(Int32Array.from({ length: 30 }, (_, i) => i));
  });
});
