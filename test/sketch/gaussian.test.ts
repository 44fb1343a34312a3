import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { fillNormal, foldIn, randomKey } from '../../src/core/random.js';
import { gaussian } from '../../src/sketch/gaussian.js';
import type { SketchShape } from '../../src/sketch/shape.js';
import { SEED } from '../support/seed.js';
import {
  kolmogorovSmirnov,
  kolmogorovSmirnovLimit,
  normalCdf,
  SIGNIFICANCE,
} from '../support/statistics.js';

const KEY = randomKey(SEED);

/** A Gaussian sketch, which is a matrix. */
function draw<D extends DType>(shape: SketchShape, dtype: D, key = KEY) {
  const sketch = gaussian(shape, dtype, key);
  if (sketch.kind === 'dense') return sketch;
  throw new TypeError(`the sketch is of kind '${sketch.kind}'`);
}

describe('gaussian', () => {
  test('entry (i, j) is number j·p + i of the stream, over √p', () => {
    const { S } = draw({ inputs: 5, width: 3 }, 'float64');
    const stream = new Float64Array(15);
    fillNormal(KEY, stream, { scale: 1 / Math.sqrt(5) });
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 3; j++) expect(S.at(i, j)).toBe(stream[j * 5 + i]);
    }
  });

  test('the float32 sketch is the float64 sketch, rounded', () => {
    const shape = { inputs: 7, width: 4 };
    const { S } = draw(shape, 'float64');
    expect(draw(shape, 'float32').S).toEqual(convert(S, 'float32'));
  });

  test('√p times the entries are standard normal: n = 30,000', () => {
    const { S } = draw({ inputs: 300, width: 100 }, 'float64');
    const values = S.data.map((x) => x * Math.sqrt(300));
    const limit = kolmogorovSmirnovLimit(values.length, SIGNIFICANCE);
    expect(kolmogorovSmirnov(values, normalCdf)).toBeLessThanOrEqual(limit);
  });

  test('different keys share no entry', () => {
    const shape = { inputs: 20, width: 5 };
    const first = new Set(draw(shape, 'float64', foldIn(KEY, 0)).S.data);
    const second = draw(shape, 'float64', foldIn(KEY, 1)).S.data;
    expect(second.some((x) => first.has(x))).toBe(false);
  });
});
