import { describe, expect, test } from 'vitest';
import { convert } from '../../src/core/matrix.js';
import { fillNormal, foldIn, randomKey } from '../../src/core/random.js';
import { drawGaussian } from '../../src/sketch/gaussian.js';
import { SEED } from '../support/seed.js';
import {
  kolmogorovSmirnov,
  kolmogorovSmirnovLimit,
  normalCdf,
  SIGNIFICANCE,
} from '../support/statistics.js';

const KEY = randomKey(SEED);

describe('drawGaussian', () => {
  test('entry (i, j) is number j·p + i of the stream, over √p', () => {
    const { S } = drawGaussian({ inputs: 5, width: 3 }, 'float64', KEY);
    const stream = new Float64Array(15);
    fillNormal(KEY, stream, { scale: 1 / Math.sqrt(5) });
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 3; j++) expect(S.at(i, j)).toBe(stream[j * 5 + i]);
    }
  });

  test('the float32 sketch is the float64 sketch, rounded', () => {
    const shape = { inputs: 7, width: 4 };
    const { S } = drawGaussian(shape, 'float64', KEY);
    expect(drawGaussian(shape, 'float32', KEY).S).toEqual(convert(S, 'float32'));
  });

  test('√p times the entries are standard normal: n = 30,000', () => {
    const { S } = drawGaussian({ inputs: 300, width: 100 }, 'float64', KEY);
    const values = S.data.map((x) => x * Math.sqrt(300));
    const limit = kolmogorovSmirnovLimit(values.length, SIGNIFICANCE);
    expect(kolmogorovSmirnov(values, normalCdf)).toBeLessThanOrEqual(limit);
  });

  test('different keys share no entry', () => {
    const shape = { inputs: 20, width: 5 };
    const first = new Set(drawGaussian(shape, 'float64', foldIn(KEY, 0)).S.data);
    const second = drawGaussian(shape, 'float64', foldIn(KEY, 1)).S.data;
    expect(second.some((x) => first.has(x))).toBe(false);
  });
});
