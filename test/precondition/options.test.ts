// Options are refused by the method's factory, by name: another type, out of range, or unknown.

import { describe, expect, test } from 'vitest';
import { ekfacMethod } from '../../src/precondition/ekfac.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method } from '../../src/precondition/method.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { skfacMethod } from '../../src/precondition/skfac.js';
import { publishedEvaMethod } from '../../src/published/eva.js';
import { publishedFoofMethod } from '../../src/published/foof.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';

/** A factory with options of no type: what comes from JavaScript, or a file. */
type Factory = (options?: object) => Method;

/** Options, and what is said of them. */
type Refusal = readonly [options: object, message: string];

const positive = 'expected a finite number > 0';
const decay = 'expected a number in [0, 1]';
const open = 'expected a number in [0, 1)';
const atLeastOne = 'expected an integer >= 1';
const natural = 'expected an integer >= 0';

/** What every factory refuses. */
const shared: readonly Refusal[] = [
  [{ damping: 0 }, `damping is 0, ${positive}`],
  [{ damping: -1 }, `damping is -1, ${positive}`],
  [{ damping: Number.NaN }, `damping is NaN, ${positive}`],
  [{ damping: Number.POSITIVE_INFINITY }, `damping is Infinity, ${positive}`],
  [{ maxFailures: 0 }, `maxFailures is 0, ${atLeastOne}`],
  [{ maxFailures: 1.5 }, `maxFailures is 1.5, ${atLeastOne}`],
  [{ dampign: 1 }, "unknown option 'dampign', expected one of "],
  [{ dampign: 1 }, "; did you mean 'damping'?"],
  [{ variant: 'reference' }, "unknown option 'variant', expected one of "],
];
const ofDecay: readonly Refusal[] = [
  [{ decay: 1.01 }, `decay is 1.01, ${decay}`],
  [{ decay: -0.1 }, `decay is -0.1, ${decay}`],
  [{ decay: Number.NaN }, `decay is NaN, ${decay}`],
];
/** Nothing new would ever count, and the correction of a count would be infinite. */
const ofOpenDecay: readonly Refusal[] = [[{ decay: 1 }, `decay is 1, ${open}`]];
const ofSketches: readonly Refusal[] = [
  [{ rank: 0 }, `rank is 0, ${atLeastOne}`],
  [{ rank: 2.5 }, `rank is 2.5, ${atLeastOne}`],
  [{ rank: -3 }, `rank is -3, ${atLeastOne}`],
  [{ seed: -1 }, `seed is -1, ${natural}`],
  [{ seed: 0.5 }, `seed is 0.5, ${natural}`],
];
const KINDS = "'gaussian' or 'subcolumn'";
const ofExamples: readonly Refusal[] = [
  [{ examples: 0 }, `examples is 0, ${atLeastOne}`],
  [{ examples: 2.5 }, `examples is 2.5, ${atLeastOne}`],
];

/** What is of another type is a TypeError, everywhere. */
const ofTypes: readonly Refusal[] = [
  [{ damping: '1' }, `damping is '1', ${positive}`],
  [{ damping: null }, `damping is null, ${positive}`],
  [{ decay: true }, 'decay is true, expected a number in [0, 1'],
  [{ maxFailures: '5' }, `maxFailures is '5', ${atLeastOne}`],
];

const factories: readonly [string, Factory, readonly Refusal[], readonly Refusal[]][] = [
  [
    'nysact',
    nysactMethod,
    [
      ...ofDecay,
      ...ofSketches,
      [
        { sketch: 'fourier' },
        `sketch is 'fourier', expected ${KINDS} or 'diagonal' or 'power' or a function`,
      ],
      [{ policy: 'never' }, "policy is 'never', expected 'restart' or 'track' or 'fixed'"],
      [{ fresh: -1 }, `fresh is -1, ${natural}`],
      [{ shift: 'large' }, "shift is 'large', expected 'tiny' or 'damping'"],
      [{ shift: -1 }, "shift is -1, expected 'tiny' or 'damping' or a finite number >= 0"],
      [{ oversample: -1 }, `oversample is -1, ${natural}`],
      [{ oversample: 1.5 }, `oversample is 1.5, ${natural}`],
    ],
    [
      [{ sketch: 5 }, "sketch is 5, expected 'gaussian' or 'subcolumn'"],
      [{ sketch: null }, "sketch is null, expected 'gaussian' or 'subcolumn'"],
      [{ tail: 1 }, 'tail is 1, expected true or false'],
      [{ carry: 1 }, 'carry is 1, expected true or false'],
    ],
  ],
  [
    'nysact',
    publishedNysactMethod,
    [
      ...ofDecay,
      ...ofSketches,
      [{ sketch: 'fourier' }, `sketch is 'fourier', expected ${KINDS} or a`],
    ],
    [[{ rank: '3' }, "rank is '3'"]],
  ],
  ['foof', foofMethod, ofDecay, []],
  ['foof', publishedFoofMethod, ofOpenDecay, []],
  [
    'kfac',
    kfacMethod,
    [
      ...ofDecay,
      [{ inverse: 'sparse' }, "inverse is 'sparse', expected 'eigenbasis' or 'factored'"],
    ],
    [[{ inverse: true }, "inverse is true, expected 'eigenbasis' or 'factored'"]],
  ],
  [
    'kfac',
    publishedKfacMethod,
    [...ofOpenDecay, [{ inverse: 'factored' }, "unknown option 'inverse', expected one of "]],
    [],
  ],
  ['eva', evaMethod, ofDecay, []],
  ['ekfac', ekfacMethod, ofDecay, []],
  ['eva', publishedEvaMethod, [...ofDecay, ...ofExamples], []],
];

describe.each(factories)('%s', (name, factory, outOfRange, ofOtherTypes) => {
  test.each([...shared, ...outOfRange])('refuses %o', (options, message) => {
    expect(() => factory(options)).toThrow(RangeError);
    expect(() => factory(options)).toThrow(message);
    expect(() => factory(options)).toThrow(new RegExp(`^${name}: `));
  });

  test.each([...ofTypes, ...ofOtherTypes])('refuses %o by its type', (options, message) => {
    expect(() => factory(options)).toThrow(TypeError);
    expect(() => factory(options)).toThrow(`${name}: ${message}`);
  });

  test.each([null, 5, 'damping'])('refuses %o in place of options', (options) => {
    expect(() => Reflect.apply(factory, undefined, [options])).toThrow(
      new TypeError(
        `${name}: options is ${typeof options === 'string' ? `'${options}'` : options}, expected an object`,
      ),
    );
  });

  test('goes without options, and takes undefined for none', () => {
    expect(factory().description).toEqual(factory({ damping: undefined }).description);
    expect(factory().name).toMatch(name);
  });
});

test('the defaults are those that the options document', () => {
  const common = { decay: 0.95, maxFailures: 5 };
  const sketched = { ...common, rank: 10, damping: 1, sketch: 'gaussian', seed: 0 };
  expect(
    [nysactMethod(), foofMethod(), kfacMethod(), evaMethod()].map(({ description }) => description),
  ).toEqual([
    {
      ...sketched,
      method: 'nysact',
      policy: 'restart',
      shift: 'tiny',
      carry: false,
      tail: false,
    },
    { ...common, method: 'foof', damping: 1 },
    { ...common, method: 'kfac', damping: 0.03, inverse: 'eigenbasis' },
    { ...common, method: 'eva', damping: 0.03 },
  ]);
  expect([ekfacMethod(), skfacMethod()].map(({ description }) => description)).toEqual([
    { ...common, method: 'ekfac', damping: 0.03 },
    { maxFailures: 5, method: 'skfac', damping: 0.03, examples: 128 },
  ]);
  expect(
    [
      publishedNysactMethod(),
      publishedFoofMethod(),
      publishedKfacMethod(),
      publishedEvaMethod(),
    ].map(({ description }) => description),
  ).toEqual([
    { ...sketched, method: 'published nysact' },
    { ...common, method: 'published foof', damping: 1 },
    { ...common, method: 'published kfac', damping: 0.03 },
    { ...common, method: 'published eva', damping: 0.03, examples: 16 },
  ]);
});

test('names and needs are those of the method', () => {
  const described = [
    nysactMethod(),
    nysactMethod({ sketch: 'subcolumn' }),
    foofMethod(),
    kfacMethod(),
    evaMethod(),
    ekfacMethod(),
    skfacMethod(),
  ].map(({ name, needs }) => [name, needs]);
  const both = { inputs: true, outputGradients: true };
  expect(described).toEqual([
    ['nysact-gaussian', { inputs: true }],
    ['nysact-subcolumn', { inputs: true }],
    ['foof', { inputs: true }],
    ['kfac', both],
    ['eva', both],
    ['ekfac', { ...both, products: true }],
    ['skfac', both],
  ]);
});

test.each<[string, Factory]>([
  ['nysact', nysactMethod],
  ['foof', foofMethod],
  ['kfac', kfacMethod],
  ['eva', evaMethod],
  ['ekfac', ekfacMethod],
  ['nysact', publishedNysactMethod],
  ['foof', publishedFoofMethod],
  ['kfac', publishedKfacMethod],
  ['eva', publishedEvaMethod],
])('%s refuses a decay that float32 would make 0, before any step', (name, factory) => {
  const method = factory({ decay: 1e-50 });
  const shapes = [{ name: 'a', inputs: 3, outputs: 2 }];
  expect(() => method.layers(shapes, 'float64')).not.toThrow();
  const make = () => method.layers(shapes, 'float32');
  expect(make).toThrow(RangeError);
  expect(make).toThrow(`${name}: decay is 1e-50, expected a number in [0, 1`);
  expect(make).toThrow('that does not round to 0 in float32');
});

test.each([
  [{ examples: 0 }, 'skfac: examples is 0, expected an integer >= 1'],
  [{ examples: 2.5 }, 'skfac: examples is 2.5, expected an integer >= 1'],
  [{ damping: 0 }, 'skfac: damping is 0, expected '],
  [{ maxFailures: 0 }, 'skfac: maxFailures is 0, expected an integer >= 1'],
])('skfac refuses %o', (options, message) => {
  expect(() => skfacMethod(options)).toThrow(message);
});

test('skfac has no decay: its factors are those of one batch', () => {
  const make: Factory = skfacMethod;
  expect(() => make({ decay: 0.9 })).toThrow("skfac: unknown option 'decay'");
});
