import { describe, expect, test } from 'vitest';
import { positive } from '../../src/core/options.js';
import { CADENCE, KFAC_LIKE, NYSACT, SGD } from './lists.js';

const DEFAULTS = {
  rank: 10,
  damping: 1,
  decay: 0.95,
  sketch: 'gaussian',
  seed: 0,
  shift: 'tiny',
  klClip: 'none',
  tail: false,
  clipLearningRate: undefined,
};

describe('reading options', () => {
  test('gives every option, with its default where it is missing or undefined', () => {
    expect(NYSACT.read('nysact', {})).toStrictEqual(DEFAULTS);
    const given = { rank: 3, shift: 0.5, damping: undefined };
    expect(NYSACT.read('nysact', given)).toStrictEqual({ ...DEFAULTS, rank: 3, shift: 0.5 });
    expect(given).toStrictEqual({ rank: 3, shift: 0.5, damping: undefined });
  });

  test('takes every alternative of an option', () => {
    for (const sketch of ['gaussian', 'subcolumn', String]) {
      expect(NYSACT.read('nysact', { sketch }).sketch).toBe(sketch);
    }
    for (const klClip of [1e-3, 'none']) {
      expect(NYSACT.read('nysact', { klClip }).klClip).toBe(klClip);
    }
  });

  test.each([undefined, null, 3, 'rank', () => ({})])('refuses %s, which is no object', (given) => {
    expect(() => NYSACT.read('nysact', given)).toThrow(TypeError);
    expect(() => NYSACT.read('nysact', given)).toThrow(
      /^nysact: options is .*, expected an object$/,
    );
  });

  /** Values of the right type, out of range. */
  test.each([
    [{ rank: 0 }, 'rank is 0, expected an integer >= 1'],
    [{ damping: -1 }, 'damping is -1, expected a finite number > 0'],
    [{ damping: Number.NaN }, 'damping is NaN, expected a finite number > 0'],
    [{ decay: 1.5 }, 'decay is 1.5, expected a number in [0, 1]'],
    [{ seed: 0.5 }, 'seed is 0.5, expected an integer >= 0'],
    [{ shift: -1 }, "shift is -1, expected 'tiny' or 'damping' or a finite number >= 0"],
    [{ shift: 'big' }, "shift is 'big', expected 'tiny' or 'damping' or a finite number >= 0"],
    [{ klClip: 0 }, "klClip is 0, expected a finite number > 0 or 'none'"],
    [{ sketch: 'x' }, "sketch is 'x', expected 'gaussian' or 'subcolumn' or a function"],
  ])('refuses %o as out of range', (given, message) => {
    expect(() => NYSACT.read('nysact', given)).toThrow(new RangeError(`nysact: ${message}`));
  });

  /** Values of another type than any alternative's. */
  test.each([
    [{ rank: '3' }, "rank is '3', expected an integer >= 1"],
    [{ damping: null }, 'damping is null, expected a finite number > 0'],
    [{ damping: [1] }, 'damping is [object Array], expected a finite number > 0'],
    [{ tail: 1 }, 'tail is 1, expected true or false'],
    [{ shift: true }, "shift is true, expected 'tiny' or 'damping' or a finite number >= 0"],
    [
      { clipLearningRate: 'x' },
      "clipLearningRate is 'x', expected a finite number >= 0 or a schedule",
    ],
  ])('refuses %o as of another type', (given, message) => {
    expect(() => NYSACT.read('nysact', given)).toThrow(new TypeError(`nysact: ${message}`));
  });

  test.each(['constructor', 'toString', '__proto__'])('does not know %s', (name) => {
    const given: unknown = JSON.parse(`{ "${name}": 1 }`);
    expect(() => SGD.read('sgd', given)).toThrow(`sgd: unknown option '${name}', expected one of`);
  });

  test('names what was meant by an unknown option, and nothing where that is anyone’s guess', () => {
    expect(() => SGD.read('sgd', { lr: 5 })).toThrow(
      new RangeError(
        "sgd: unknown option 'lr', expected one of learningRate, momentum, nesterov, weightDecay; did you mean 'learningRate'?",
      ),
    );
    expect(() => CADENCE.read('cadence', { colour: 5 })).toThrow(
      new RangeError(
        "cadence: unknown option 'colour', expected one of observeEvery, refreshEvery",
      ),
    );
  });

  test('refuses a default that is out of range', () => {
    expect(() => positive.default(-1)).toThrow(
      new RangeError('option: its default is -1, expected a finite number > 0'),
    );
  });
});

describe('lists of options', () => {
  test('make longer lists by spreading, in which defaults may differ', () => {
    expect(KFAC_LIKE.read('kfac', { rank: 2, momentum: 0 })).toStrictEqual({
      ...SGD.read('kfac', { momentum: 0 }),
      ...CADENCE.read('kfac', {}),
      ...NYSACT.read('kfac', { rank: 2 }),
      klClip: 1e-3,
    });
    expect(NYSACT.read('nysact', {}).klClip).toBe('none');
  });

  test('pick their own options from those of a longer list', () => {
    const given = { rank: 2, momentum: 0.5, observeEvery: 1, nesterov: undefined };
    expect(SGD.pick('sgd', given)).toStrictEqual({ momentum: 0.5 });
    expect(CADENCE.pick('cadence', given)).toStrictEqual({ observeEvery: 1 });
  });
});

describe('saved options', () => {
  test('hold what was given and JSON can hold, and name the rest', () => {
    const given = {
      learningRate: Math.sqrt,
      momentum: 0.5,
      nesterov: true,
      weightDecay: undefined,
    };
    expect(SGD.saved(given)).toStrictEqual({
      values: { momentum: 0.5, nesterov: true },
      omitted: ['learningRate'],
    });
  });

  test('are the same after a turn through JSON', () => {
    const given = {
      rank: 3,
      sketch: 'subcolumn',
      shift: 1e-7,
      klClip: 'none',
      tail: true,
    } as const;
    const { values, omitted } = NYSACT.saved(given);
    expect(omitted).toStrictEqual([]);
    expect(NYSACT.load('Nysact', JSON.parse(JSON.stringify(values)))).toStrictEqual(given);
  });

  test('are checked when they are loaded', () => {
    expect(() => NYSACT.load('Nysact', { rnk: 3 })).toThrow("did you mean 'rank'?");
    expect(() => NYSACT.load('Nysact', { rank: '3' })).toThrow(TypeError);
    expect(() => NYSACT.load('Nysact', { rank: -3 })).toThrow(RangeError);
  });
});

describe('options in a dtype', () => {
  test.each([
    [{ damping: 1e-50 }, 'damping is 1e-50, expected a finite number > 0 that does not round to 0'],
    [
      { damping: 1e39 },
      'damping is 1e+39, expected a finite number > 0 that does not round to Infinity',
    ],
    [{ shift: 1e-50 }, 'shift is 1e-50, expected a finite number >= 0 that does not round to 0'],
    [{ klClip: 1e-50 }, 'klClip is 1e-50, expected a finite number > 0 that does not round to 0'],
  ])('%o is a number of float64 alone', (given, message) => {
    const settings = NYSACT.read('nysact', given);
    NYSACT.checkIn('nysact', settings, 'float64');
    expect(() => NYSACT.checkIn('nysact', settings, 'float32')).toThrow(
      new RangeError(`nysact: ${message} in float32`),
    );
  });

  test('a momentum must not round to 1', () => {
    const settings = SGD.read('sgd', { momentum: 1 - 2 ** -40 });
    SGD.checkIn('sgd', settings, 'float64');
    expect(() => SGD.checkIn('sgd', settings, 'float32')).toThrow(
      /^sgd: momentum is 0\.9{12}\d*, expected a number in \[0, 1\) that does not round to 1 in float32$/,
    );
  });

  test('zeros, integers, choices and functions are what they were', () => {
    NYSACT.checkIn('nysact', { shift: 0, seed: Number.MAX_SAFE_INTEGER }, 'float32');
    SGD.checkIn(
      'sgd',
      { learningRate: () => 1e-50, momentum: 0, weightDecay: 2 ** -149 },
      'float32',
    );
  });
});
