import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { describe as show } from '../../src/core/check.js';
import { zeros } from '../../src/core/matrix.js';
import {
  fillNormal,
  fillUniform,
  foldIn,
  permutation,
  type RandomKey,
  randomKey,
  sampleWithoutReplacement,
} from '../../src/core/random.js';
import { SEED } from '../support/seed.js';
import {
  chiSquare,
  chiSquareLimit,
  kolmogorovSmirnov,
  kolmogorovSmirnovLimit,
  mean,
  normalCdf,
  normalLimit,
  SIGNIFICANCE,
} from '../support/statistics.js';

const KEY = randomKey(SEED);
const SAMPLES = 100_000;

function uniform(key: RandomKey, n: number, start = 0): Float64Array {
  const out = new Float64Array(n);
  fillUniform(key, out, start);
  return out;
}

function normal(key: RandomKey, n: number, start = 0): Float64Array {
  const out = new Float64Array(n);
  fillNormal(key, out, {}, start);
  return out;
}

/** √n times the sample correlation of two standard normal streams: N(0, 1) if independent. */
function correlation(a: Float64Array, b: Float64Array): number {
  return mean(a.map((z, i) => z * b[i])) * Math.sqrt(a.length);
}

/** Counts the outcomes of `draw` over derived keys, listed in order of their first appearance. */
function outcomes(draws: number, draw: (key: RandomKey) => Int32Array): number[] {
  const counts = new Map<string, number>();
  for (let i = 0; i < draws; i++) {
    const outcome = draw(foldIn(KEY, i)).join();
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return [...counts.values()];
}

describe('keys', () => {
  test('a seed is its own key, to the last safe integer', () => {
    expect(randomKey(0)).toEqual({ low: 0, high: 0 });
    expect(randomKey(2 ** 32 + 5)).toEqual({ low: 5, high: 1 });
    expect(randomKey(Number.MAX_SAFE_INTEGER)).toEqual({ low: 0xffffffff, high: 0x1fffff });
  });

  test('derived keys are distinct from each other and depend on their order', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => foldIn(KEY, i));
    expect(new Set(keys.map(({ low, high }) => `${low} ${high}`)).size).toBe(1000);
    expect(foldIn(foldIn(KEY, 1), 2)).not.toEqual(foldIn(foldIn(KEY, 2), 1));
  });

  test('deriving leaves the key and its stream as they were', () => {
    const key = randomKey(5);
    const before = uniform(key, 4);
    foldIn(key, 3);
    expect(key).toEqual({ low: 5, high: 0 });
    expect(uniform(key, 4)).toEqual(before);
  });

  const bad = [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY];
  test.each(bad)('randomKey refuses %s', (seed) => {
    expect(() => randomKey(seed)).toThrow(
      new RangeError(`randomKey: seed is ${seed}, expected an integer >= 0`),
    );
  });
  test.each(bad)('foldIn refuses %s', (value) => {
    expect(() => foldIn(KEY, value)).toThrow(
      new RangeError(`foldIn: value is ${value}, expected an integer >= 0`),
    );
  });
});

describe('random access', () => {
  const starts = fc.oneof(
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 2 ** 33 - 70, max: 2 ** 33 + 5 }), // The block number's second word begins.
    // The last number of two parts of at most 65 has the largest index that there is.
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 130 }),
  );
  const fills = [
    {
      name: 'fillUniform',
      fill: (out: Float32Array | Float64Array, start: number) => fillUniform(KEY, out, start),
    },
    {
      name: 'fillNormal',
      fill: (out: Float32Array | Float64Array, start: number) =>
        fillNormal(KEY, out, { scale: 0.7 }, start),
    },
  ];
  for (const { name, fill } of fills) {
    test.prop([
      starts,
      fc.integer({ min: 0, max: 65 }),
      fc.integer({ min: 0, max: 65 }),
      fc.boolean(),
    ])(`${name}: parts filled in any order are the whole`, (start, first, second, single) => {
      const create = (n: number) => (single ? new Float32Array(n) : new Float64Array(n));
      const whole = create(first + second);
      const parts = create(first + second);
      fill(whole, start);
      fill(parts.subarray(first), start + first);
      fill(parts.subarray(0, first), start);
      expect(parts).toEqual(whole);
    });

    test(`${name} refuses a start that is no index`, () => {
      for (const start of [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER]) {
        const out = new Float64Array(1).fill(7);
        expect(() => fill(out, start)).toThrow(
          `${name}: start is ${start}, expected an integer >= 0 and <= 9007199254740990`,
        );
        expect(out[0]).toBe(7);
      }
    });
  }

  test.each([Number.NaN, Number.NEGATIVE_INFINITY])('fillNormal refuses the scale %s', (scale) => {
    expect(() => fillNormal(KEY, new Float64Array(1), { scale })).toThrow(
      new RangeError(`fillNormal: scale is ${scale}, expected a finite number`),
    );
  });
});

describe('what is no key and no array is refused by name', () => {
  const draws: readonly { name: string; draw: (key: unknown) => unknown }[] = [
    { name: 'foldIn', draw: (key) => Reflect.apply(foldIn, undefined, [key, 1]) },
    {
      name: 'fillUniform',
      draw: (key) => Reflect.apply(fillUniform, undefined, [key, new Float64Array(2)]),
    },
    {
      name: 'fillNormal',
      draw: (key) => Reflect.apply(fillNormal, undefined, [key, new Float64Array(2)]),
    },
    { name: 'permutation', draw: (key) => Reflect.apply(permutation, undefined, [key, 3]) },
    {
      name: 'sampleWithoutReplacement',
      draw: (key) => Reflect.apply(sampleWithoutReplacement, undefined, [key, 3, 2]),
    },
  ];
  const noKeys = [
    1,
    0,
    undefined,
    null,
    'seed',
    {},
    { low: 1 },
    { low: 1, high: -1 },
    { low: 0.5, high: 0 },
  ];

  test.each(draws)('by $name', ({ name, draw }) => {
    expect(() => draw(KEY)).not.toThrow();
    for (const key of noKeys) {
      expect(() => draw(key)).toThrow(TypeError);
      expect(() => draw(key)).toThrow(
        `${name}: key is ${show(key)}, expected a RandomKey, as randomKey(seed) gives it`,
      );
    }
  });

  test.each([
    { name: 'fillUniform', fill: fillUniform },
    { name: 'fillNormal', fill: fillNormal },
  ])('$name fills arrays of floating point numbers alone', ({ name, fill }) => {
    for (const out of [undefined, [0, 0], new Int32Array(2), zeros('float32', 1, 2)]) {
      expect(() => Reflect.apply(fill, undefined, [KEY, out])).toThrow(
        new TypeError(`${name}: out is ${show(out)}, expected a Float32Array or a Float64Array`),
      );
    }
  });

  test('fillNormal takes options as an object, and no scale that its numbers would outgrow', () => {
    expect(() => Reflect.apply(fillNormal, undefined, [KEY, new Float32Array(1), 2])).toThrow(
      new TypeError('fillNormal: options is 2, expected an object'),
    );
    for (const scale of [1e40, 1e38, 1e-50]) {
      const single = new Float32Array(1);
      expect(() => fillNormal(KEY, single, { scale })).toThrow(RangeError);
      expect(single[0]).toBe(0);
      expect(() => fillNormal(KEY, new Float64Array(1), { scale })).not.toThrow();
    }
  });
});

describe('float32 streams', () => {
  test('uniform numbers are cut, so that 1 cannot appear', () => {
    const single = new Float32Array(SAMPLES);
    fillUniform(KEY, single);
    const double = uniform(KEY, SAMPLES);
    expect(single.every((u, i) => u <= double[i] && double[i] - u < 2 ** -24)).toBe(true);
  });

  test('normal numbers are the float64 numbers, rounded once after scaling', () => {
    const single = new Float32Array(1000);
    const double = new Float64Array(1000);
    fillNormal(KEY, single, { scale: 1 / 3 });
    fillNormal(KEY, double, { scale: 1 / 3 });
    expect(single).toEqual(Float32Array.from(double));
  });
});

describe(`distributions, n = ${SAMPLES}, significance ${SIGNIFICANCE} each`, () => {
  const limit = kolmogorovSmirnovLimit(SAMPLES, SIGNIFICANCE);

  test.each([0, 1, 2 ** 40])('uniform by Kolmogorov and Smirnov, from the seed + %s', (offset) => {
    const values = uniform(randomKey(SEED + offset), SAMPLES);
    expect(kolmogorovSmirnov(values, (u) => u)).toBeLessThanOrEqual(limit);
    expect(values.every((u) => u >= 0 && u < 1)).toBe(true);
  });

  test.each([0, 1, 2 ** 40])('normal by Kolmogorov and Smirnov, from the seed + %s', (offset) => {
    const values = normal(randomKey(SEED + offset), SAMPLES);
    expect(kolmogorovSmirnov(values, normalCdf)).toBeLessThanOrEqual(limit);
  });

  // It moves the distribution function by 0.05·φ(0) = 0.0199, more than twice the limit: what is
  // found falls below the limit with less than the same probability.
  test('the test has power: a shift by 0.05 is found', () => {
    const shifted = normal(KEY, SAMPLES).map((z) => z + 0.05);
    expect(kolmogorovSmirnov(shifted, normalCdf)).toBeGreaterThan(limit);
  });

  // Each moment less its expectation, over its standard deviation for one sample. By the central limit
  // theorem: of the least normal, the kurtosis with its skewness of 14.7, the tail beyond the limit is
  // e^(14.7·t³/6√n) ≈ 3 times the normal one, which is 1/7 of what the limit allows.
  test.each([
    { name: 'mean', f: (u: number) => (u - 1 / 2) * Math.sqrt(12) },
    { name: 'variance', f: (u: number) => ((u - 1 / 2) ** 2 - 1 / 12) * Math.sqrt(180) },
    { name: 'third moment', f: (u: number) => (u - 1 / 2) ** 3 * Math.sqrt(448) },
  ])('uniform $name', ({ f }) => {
    const score = mean(uniform(KEY, SAMPLES), f) * Math.sqrt(SAMPLES);
    expect(Math.abs(score)).toBeLessThanOrEqual(normalLimit(SIGNIFICANCE));
  });

  test.each([
    { name: 'mean', f: (z: number) => z },
    { name: 'variance', f: (z: number) => (z ** 2 - 1) / Math.sqrt(2) },
    { name: 'skewness', f: (z: number) => (z ** 3 - 3 * z) / Math.sqrt(6) },
    { name: 'excess kurtosis', f: (z: number) => (z ** 4 - 6 * z ** 2 + 3) / Math.sqrt(24) },
  ])('normal $name', ({ f }) => {
    const score = mean(normal(KEY, SAMPLES), f) * Math.sqrt(SAMPLES);
    expect(Math.abs(score)).toBeLessThanOrEqual(normalLimit(SIGNIFICANCE));
  });
});

describe('independence', () => {
  /** Shared by the 66 pairs of 12 streams, and by 66 shifts. */
  const PAIR_LIMIT = normalLimit(SIGNIFICANCE / 66);

  test('streams of derived keys, of their parent and of the next seed are uncorrelated', () => {
    const keys = [
      KEY,
      randomKey(SEED + 1),
      ...Array.from({ length: 10 }, (_, i) => foldIn(KEY, i)),
    ];
    const streams = keys.map((key) => normal(key, 20_000));
    for (const [i, a] of streams.entries()) {
      for (const b of streams.slice(0, i)) {
        expect(Math.abs(correlation(a, b))).toBeLessThanOrEqual(PAIR_LIMIT);
      }
    }
  });

  test('a stream is uncorrelated with itself shifted by 1 … 66', () => {
    for (let lag = 1; lag <= 66; lag++) {
      const score = correlation(normal(KEY, 20_000), normal(KEY, 20_000, lag));
      expect(Math.abs(score)).toBeLessThanOrEqual(PAIR_LIMIT);
    }
  });
});

describe('permutation and sampleWithoutReplacement', () => {
  test.prop([fc.nat(), fc.integer({ min: 0, max: 200 })])(
    'a permutation holds every integer once',
    (seed, n) => {
      const sorted = permutation(randomKey(seed), n).toSorted();
      expect(sorted).toEqual(Int32Array.from({ length: n }, (_, i) => i));
    },
  );

  test.prop([fc.nat(), fc.integer({ min: 0, max: 200 }), fc.nat({ max: 200 })])(
    'a sample is the beginning of the permutation',
    (seed, n, size) => {
      const k = Math.min(n, size);
      const key = randomKey(seed);
      expect(sampleWithoutReplacement(key, n, k)).toEqual(permutation(key, n).slice(0, k));
    },
  );

  test('a sample of the largest range takes what it draws, not the range', () => {
    const n = 0x7fffffff;
    expect(sampleWithoutReplacement(KEY, n, 0)).toEqual(new Int32Array(0));
    const drawn = sampleWithoutReplacement(KEY, n, 1000);
    expect(new Set(drawn).size).toBe(1000);
    expect(drawn.every((x) => x >= 0 && x < n)).toBe(true);
  });

  test('the 24 permutations of 4 are equally likely: χ², 23 degrees of freedom', () => {
    const counts = outcomes(24_000, (key) => permutation(key, 4));
    expect(counts).toHaveLength(24);
    expect(chiSquare(counts)).toBeLessThanOrEqual(chiSquareLimit(23, SIGNIFICANCE));
  });

  test('the 30 ordered pairs of 6 are equally likely: χ², 29 degrees of freedom', () => {
    const counts = outcomes(30_000, (key) => sampleWithoutReplacement(key, 6, 2));
    expect(counts).toHaveLength(30);
    expect(chiSquare(counts)).toBeLessThanOrEqual(chiSquareLimit(29, SIGNIFICANCE));
  });

  test('bad sizes are refused', () => {
    expect(() => permutation(KEY, -1)).toThrow(
      new RangeError('permutation: n is -1, expected an integer >= 0 and <= 2147483647'),
    );
    expect(() => permutation(KEY, 2 ** 31)).toThrow('permutation: n is 2147483648');
    expect(() => sampleWithoutReplacement(KEY, 3, 4)).toThrow(
      new RangeError('sampleWithoutReplacement: k is 4, expected an integer >= 0 and <= 3'),
    );
    expect(() => sampleWithoutReplacement(KEY, 3, 1.5)).toThrow(
      'sampleWithoutReplacement: k is 1.5, expected an integer >= 0 and <= 3',
    );
  });
});
