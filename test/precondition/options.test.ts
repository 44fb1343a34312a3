// Options out of range are refused by the factory, by name.

import { describe, expect, test } from 'vitest';
import { type EvaOptions, evaPreconditioner } from '../../src/precondition/eva.js';
import { type FoofOptions, foofPreconditioner } from '../../src/precondition/foof.js';
import { type KfacOptions, kfacPreconditioner } from '../../src/precondition/kfac.js';
import { type NysactOptions, nysactPreconditioner } from '../../src/precondition/nysact.js';

// NaN and Infinity have no JSON: they are given apart.
const positive = 'expected a finite number > 0';
const decay = 'expected a number in [0, 1]';
const atLeastOne = 'expected an integer >= 1';
const natural = 'expected an integer >= 0';

/** What every factory refuses. */
const shared: readonly [string, string][] = [
  ['{"damping": 0}', `damping is 0, ${positive}`],
  ['{"damping": -1}', `damping is -1, ${positive}`],
  ['{"damping": "1"}', `damping is '1', ${positive}`],
  ['{"decay": 1.01}', `decay is 1.01, ${decay}`],
  ['{"decay": -0.1}', `decay is -0.1, ${decay}`],
  ['{"variant": "best"}', "variant is 'best', expected 'corrected' or 'reference'"],
];
/** What every factory with refreshes refuses. */
const refreshing: readonly [string, string][] = [
  ...shared,
  ['{"maxFailures": 0}', `maxFailures is 0, ${atLeastOne}`],
  ['{"maxFailures": 1.5}', `maxFailures is 1.5, ${atLeastOne}`],
];

describe('nysact refuses', () => {
  test.each([
    ...refreshing,
    ['{"rank": 0}', `rank is 0, ${atLeastOne}`],
    ['{"rank": 2.5}', `rank is 2.5, ${atLeastOne}`],
    ['{"rank": -3}', `rank is -3, ${atLeastOne}`],
    ['{"seed": -1}', `seed is -1, ${natural}`],
    ['{"seed": 0.5}', `seed is 0.5, ${natural}`],
    ['{"sketch": "fourier"}', "sketch is 'fourier', expected 'gaussian' or 'subcolumn'"],
    ['{"sketch": 5}', "sketch is 5, expected 'gaussian' or 'subcolumn'"],
    ['{"sketch": null}', "sketch is null, expected 'gaussian' or 'subcolumn'"],
    ['{"policy": "never"}', "policy is 'never', expected 'restart' or 'fixed'"],
    ['{"shift": "large"}', "shift is 'large', expected 'tiny' or 'damping'"],
    ['{"oversample": -1}', `oversample is -1, ${natural}`],
    ['{"oversample": 1.5}', `oversample is 1.5, ${natural}`],
    ['{"variant": "reference", "rank": 0}', `rank is 0, ${atLeastOne}`],
  ])('%s', (text, message) => {
    const options: NysactOptions = JSON.parse(text);
    expect(() => nysactPreconditioner(options)).toThrow(RangeError);
    expect(() => nysactPreconditioner(options)).toThrow(message);
  });
});

describe('foof refuses', () => {
  test.each([
    ...refreshing,
    // Nothing new would ever count, and the correction of the count would be infinite.
    ['{"variant": "reference", "decay": 1}', 'decay is 1, expected a number in [0, 1)'],
  ])('%s', (text, message) => {
    const options: FoofOptions = JSON.parse(text);
    expect(() => foofPreconditioner(options)).toThrow(new RangeError(`foof: ${message}`));
  });
});

describe('kfac refuses', () => {
  test.each([
    ...refreshing,
    ['{"variant": "reference", "decay": 1}', 'decay is 1, expected a number in [0, 1)'],
    ['{"inverse": "sparse"}', "inverse is 'sparse', expected 'eigenbasis' or 'factored'"],
    [
      '{"variant": "reference", "inverse": "factored"}',
      "inverse is 'factored', the reference variant has 'eigenbasis' only",
    ],
  ])('%s', (text, message) => {
    const options: KfacOptions = JSON.parse(text);
    expect(() => kfacPreconditioner(options)).toThrow(new RangeError(`kfac: ${message}`));
  });
});

describe('eva refuses', () => {
  test.each([
    ...shared,
    ['{"variant": "reference", "examples": 0}', `examples is 0, ${atLeastOne}`],
    ['{"variant": "reference", "examples": 2.5}', `examples is 2.5, ${atLeastOne}`],
  ])('%s', (text, message) => {
    const options: EvaOptions = JSON.parse(text);
    expect(() => evaPreconditioner(options)).toThrow(new RangeError(`eva: ${message}`));
  });
});

describe.each([
  ['nysact', nysactPreconditioner],
  ['foof', foofPreconditioner],
  ['kfac', kfacPreconditioner],
  ['eva', evaPreconditioner],
] as const)('%s', (name, factory) => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a damping of %d', (damping) => {
    expect(() => factory({ damping })).toThrow(
      new RangeError(`${name}: damping is ${damping}, ${positive}`),
    );
  });

  test('refuses a decay of NaN', () => {
    expect(() => factory({ decay: Number.NaN })).toThrow(
      new RangeError(`${name}: decay is NaN, ${decay}`),
    );
  });

  test('goes without options', () => {
    expect(factory().name).toMatch(name);
  });
});

test('what a preconditioner is called, and whether it looks at gradients', () => {
  const described = [
    nysactPreconditioner({ sketch: 'gaussian' }),
    nysactPreconditioner({ sketch: 'subcolumn', variant: 'reference' }),
    foofPreconditioner(),
    kfacPreconditioner(),
    evaPreconditioner(),
  ].map(({ name, observesGradients }) => [name, observesGradients]);
  expect(described).toEqual([
    ['nysact-gaussian', false],
    ['nysact-subcolumn', false],
    ['foof', false],
    ['kfac', true],
    ['eva', true],
  ]);
});
