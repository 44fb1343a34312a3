// Augmentation of the ImageNet setting: its laws.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  CROP,
  drawBeta,
  drawBox,
  drawCrop,
  drawCutBox,
  ERASED,
  mixed,
  pasted,
  repeatedOrder,
  smoothed,
} from '../../bench/experiments/engine/mixing.js';
import { realPower } from '../../bench/experiments/engine/powers.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { SEED } from '../support/seed.js';
import { kolmogorovSmirnov, kolmogorovSmirnovLimit, SIGNIFICANCE } from '../support/statistics.js';

const key = fc.nat().map(randomKey);
const size = fc.record({
  width: fc.integer({ min: 1, max: 40 }),
  height: fc.integer({ min: 1, max: 40 }),
});

describe('a random box', () => {
  test.prop([key, size, fc.constantFrom(CROP, ERASED)])(
    'lies in the image, with about the area and the ratio that were asked for',
    (random, image, range) => {
      const box = drawBox(random, image, range);
      if (box === undefined) return;
      const { left, top, width, height } = box;
      expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
      expect(left + width).toBeLessThanOrEqual(image.width);
      expect(top + height).toBeLessThanOrEqual(image.height);
      // Each side is rounded by at most a half.
      const all = image.width * image.height;
      expect((width - 0.5) * (height - 0.5)).toBeLessThanOrEqual(range.area[1] * all * (1 + 1e-12));
      expect((width + 0.5) * (height + 0.5)).toBeGreaterThanOrEqual(
        range.area[0] * all * (1 - 1e-12),
      );
      expect((width - 0.5) / (height + 0.5)).toBeLessThanOrEqual(range.ratio[1] * (1 + 1e-12));
      expect((width + 0.5) / (height - 0.5)).toBeGreaterThanOrEqual(range.ratio[0] * (1 - 1e-12));
    },
  );

  test('is the middle where none fits', () => {
    expect(drawCrop(randomKey(SEED), { width: 100, height: 3 })).toEqual({
      left: 48,
      top: 0,
      width: 3,
      height: 3,
    });
  });
});

const values = (length: number) =>
  fc
    .array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: length, maxLength: length })
    .map((x) => Float32Array.from(x));
const shape = { side: 4, channels: 2 };
const box = fc.record({
  left: fc.integer({ min: 0, max: 2 }),
  top: fc.integer({ min: 0, max: 2 }),
  width: fc.integer({ min: 0, max: 2 }),
  height: fc.integer({ min: 0, max: 2 }),
});

describe('erasing and CutMix', () => {
  test.prop([values(32), values(32), box])('change their box and nothing else', (a, b, where) => {
    const cut = pasted(a, shape, where, b);
    const erased = pasted(a, shape, where);
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) {
        const isInside =
          x >= where.left &&
          x < where.left + where.width &&
          y >= where.top &&
          y < where.top + where.height;
        for (let c = 0; c < 2; c++) {
          const i = (4 * y + x) * 2 + c;
          expect(cut[i]).toBe(isInside ? b[i] : a[i]);
          expect(erased[i]).toBe(isInside ? 0 : a[i]);
        }
      }
    }
  });

  test.prop([key, fc.integer({ min: 1, max: 64 }), fc.double({ min: 0, max: 1, noNaN: true })])(
    'a box of CutMix lies in the image and is no larger than 1 − λ of it',
    (random, side, lambda) => {
      const { left, top, width, height } = drawCutBox(random, side, lambda);
      expect(Math.min(left, top, width, height)).toBeGreaterThanOrEqual(0);
      expect(Math.max(left + width, top + height)).toBeLessThanOrEqual(side);
      // Both ends of a side are rounded by at most a half.
      expect(Math.max(width, height)).toBeLessThanOrEqual(side * Math.sqrt(1 - lambda) + 1);
    },
  );
});

function arcsine(x: number): number {
  return (2 / Math.PI) * Math.asin(Math.sqrt(x));
}

describe('mixed classes', () => {
  test.prop([values(5), values(5), fc.double({ min: 0, max: 1, noNaN: true })])(
    'mixing is symmetric, and all of one or of the other at the ends',
    (a, b, lambda) => {
      const [one, other] = [mixed(a, b, lambda), mixed(b, a, 1 - lambda)];
      // Numbers below 4: two products, a sum, and 1 − (1 − λ) in float64, rounded to float32 once.
      one.forEach((value, i) => {
        expect(Math.abs(value - other[i])).toBeLessThanOrEqual(8 * 2 ** -24);
      });
      // A zero may change its sign.
      expect(mixed(a, b, 1).every((value, i) => value === a[i])).toBe(true);
      expect(mixed(a, b, 0).every((value, i) => value === b[i])).toBe(true);
    },
  );

  test.prop([
    fc.integer({ min: 1, max: 50 }),
    fc.nat(49),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ])('smoothing leaves a distribution, whose other classes are equal', (count, right, epsilon) => {
    const y = new Float32Array(count);
    y[right % count] = 1;
    const soft = smoothed(y, epsilon);
    const total = soft.reduce((sum, p) => sum + p, 0);
    expect(Math.abs(total - 1)).toBeLessThanOrEqual(count * 2 ** -24);
    const others = soft.filter((_, k) => k !== right % count);
    expect(new Set(others).size).toBeLessThanOrEqual(1);
    expect(Math.min(...soft)).toBeGreaterThanOrEqual(0);
  });

  test('Beta(1, 1) is uniform, and Beta(½, ½) has the arcsine law', () => {
    const draws = 4_000;
    const sample = (alpha: number): Float64Array =>
      Float64Array.from({ length: draws }, (_, k) => drawBeta(foldIn(randomKey(SEED), k), alpha));
    const limit = kolmogorovSmirnovLimit(draws, SIGNIFICANCE / 2);
    expect(kolmogorovSmirnov(sample(1), (x) => x)).toBeLessThan(limit);
    expect(kolmogorovSmirnov(sample(0.5), arcsine)).toBeLessThan(limit);
  });
});

test.prop([key, fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 5 })])(
  'repeated augmentation: an epoch has as many places as images, and no copy twice',
  (random, n, times) => {
    const at = repeatedOrder(random, n, times);
    const order = Array.from({ length: n }, (_, place) => at(place));
    expect(new Set(order.map(({ image, copy }) => `${image},${copy}`)).size).toBe(n);
    expect(new Set(order.map(({ image }) => image)).size).toBe(Math.ceil(n / times));
  },
);

describe('real powers', () => {
  test.prop([
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0.1, max: 8, noNaN: true }),
  ])('are those of the engine but for rounding', (x, y) => {
    const expected = x ** y;
    if (expected < 2 ** -1000) return;
    const bound = (2 + Math.abs(Math.log(expected))) * 2 ** -51;
    expect(Math.abs(realPower(x, y) - expected)).toBeLessThanOrEqual(bound * expected);
  });

  test('are exact at the ends, and the same bits everywhere', () => {
    expect(realPower(0, 0.3)).toBe(0);
    expect(realPower(1, 0.3)).toBe(1);
    expect(realPower(0.5, 3)).toBe(0.125);
    expect(realPower(0.3, 1.25)).toBe(0.22202484134768555);
  });
});
