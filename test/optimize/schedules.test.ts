// Learning-rate schedules: their edges, their laws, and what becomes of a bad one.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import {
  asSchedule,
  constant,
  cosine,
  type Schedule,
  stepDecay,
  warmUp,
} from '../../src/optimize/schedules.js';

const eps = EPSILON.float64;
const learningRate = fc.double({ min: 0, max: 10, noNaN: true });
const fraction = fc.double({ min: 0, max: 0.99, noNaN: true });
const steps = fc.integer({ min: 1, max: 200 });
const k = fc.nat(500);
const factor = fc.double({ min: 0.01, max: 1, noNaN: true });
const falling: fc.Arbitrary<Schedule> = fc.oneof(
  learningRate.map(constant),
  fc.record({ learningRate, factor, every: steps }).map(stepDecay),
  fc.record({ learningRate, steps, floor: fraction }).map(cosine),
);

describe('constant', () => {
  test.prop([learningRate, k])('is the same at every step, as is a number', (eta, step) => {
    expect([constant(eta)(step), asSchedule('test', eta)(step)]).toEqual([eta, eta]);
  });

  test('a schedule stands for itself', () => {
    expect(asSchedule('test', Math.sqrt)).toBe(Math.sqrt);
  });
});

describe('stepDecay', () => {
  test('multiplies by its factor every so many steps, and not before', () => {
    const schedule = stepDecay({ learningRate: 8, factor: 0.5, every: 3 });
    expect([0, 1, 2, 3, 5, 6, 8, 9].map(schedule)).toEqual([8, 8, 8, 4, 4, 2, 2, 1]);
  });
});

describe('cosine', () => {
  test('is at η, half of the way, at the floor, and stays there', () => {
    const schedule = cosine({ learningRate: 2, steps: 10, floor: 0.25 });
    expect([0, 10, 11, 1000].map(schedule)).toEqual([2, 0.5, 0.5, 0.5]);
    expect(schedule(5)).toBeCloseTo(1.25, 14);
    expect(cosine({ learningRate: 2, steps: 10 })(10)).toBe(0);
    expect([0, 1, 2].map(cosine({ learningRate: 2, steps: 1 }))).toEqual([2, 0, 0]);
  });

  test.prop([learningRate, steps, fraction, k])(
    'what it has fallen and what it has yet to fall are mirror images',
    (eta, total, floor, step) => {
      fc.pre(step <= total);
      const schedule = cosine({ learningRate: eta, steps: total, floor });
      const sum = schedule(step) + schedule(total - step);
      // Of a subnormal rate, a rounding is the smallest number that there is.
      const rounding = Math.max(eps * eta, Number.MIN_VALUE);
      expect(Math.abs(sum - eta * (1 + floor))).toBeLessThanOrEqual(8 * rounding);
    },
  );
});

test.prop([falling, k])('none of them rises or falls below 0', (schedule, step) => {
  const [now, next] = [schedule(step), schedule(step + 1)];
  expect(next).toBeLessThanOrEqual(now);
  expect(next).toBeGreaterThanOrEqual(0);
});

test.prop([falling, k])('they depend on the step alone', (schedule, step) => {
  const first = schedule(step);
  schedule(step + 7);
  expect(schedule(step)).toBe(first);
});

describe('warmUp', () => {
  test('counts up to a constant from its first share, never from 0', () => {
    expect([0, 1, 2, 3, 4, 99].map(warmUp({ steps: 4, schedule: 2 }))).toEqual([
      0.5, 1, 1.5, 2, 2, 2,
    ]);
    expect(warmUp({ steps: 1, schedule: 2 })(0)).toBe(2);
  });

  test.prop([falling, steps, k])(
    'joins its schedule without a gap, and then is that schedule, delayed',
    (schedule, total, step) => {
      const warm = warmUp({ steps: total, schedule });
      const last = warm(total - 1);
      expect(Math.abs(last - schedule(0))).toBeLessThanOrEqual(eps * schedule(0));
      expect(warm(total + step)).toBe(schedule(step));
    },
  );

  test.prop([falling, steps, k])('rises while it warms', (schedule, total, step) => {
    fc.pre(step + 1 < total);
    const warm = warmUp({ steps: total, schedule });
    expect(warm(step + 1)).toBeGreaterThanOrEqual(warm(step));
    expect(warm(step)).toBeLessThanOrEqual(schedule(0));
  });

  test('warms a warm-up', () => {
    const twice = warmUp({ steps: 2, schedule: warmUp({ steps: 2, schedule: 8 }) });
    expect([0, 1, 2, 3, 4].map(twice)).toEqual([2, 4, 4, 8, 8]);
  });
});

describe('options out of range are refused by name:', () => {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, -1];
  const counts = [...bad, 0, 1.5];
  const cases: readonly [string, readonly number[], (value: number) => unknown][] = [
    ['constant: learningRate', bad, (value) => constant(value)],
    ['stepDecay: learningRate', bad, (x) => stepDecay({ learningRate: x, factor: 1, every: 1 })],
    ['stepDecay: factor', [...bad, 0], (x) => stepDecay({ learningRate: 1, factor: x, every: 1 })],
    ['stepDecay: every', counts, (x) => stepDecay({ learningRate: 1, factor: 1, every: x })],
    ['cosine: learningRate', bad, (x) => cosine({ learningRate: x, steps: 1 })],
    ['cosine: steps', counts, (x) => cosine({ learningRate: 1, steps: x })],
    ['cosine: floor', [...bad, 1], (x) => cosine({ learningRate: 1, steps: 1, floor: x })],
    ['warmUp: steps', counts, (x) => warmUp({ steps: x, schedule: 1 })],
    ['warmUp: schedule', bad, (x) => warmUp({ steps: 1, schedule: x })],
  ];

  test.each(cases)('%s', (name, values, make) => {
    for (const value of values) {
      expect(() => make(value), String(value)).toThrow(RangeError);
      expect(() => make(value)).toThrow(`${name} is ${value}, expected `);
    }
  });
});
