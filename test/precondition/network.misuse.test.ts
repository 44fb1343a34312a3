// What a network refuses, before anything has changed.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { Slot } from '../../src/backend/slot.js';
import { exportState } from '../../src/backend/state.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { LayerParameters } from '../../src/precondition/network.js';
import type { Observation } from '../../src/precondition/preconditioner.js';
import { build } from '../support/matrices.js';
import {
  backend,
  contents,
  type F64,
  gradientsOf,
  LAYERS,
  network,
  observationsOf,
  recorder,
} from './networks.js';
import { place } from './runs.js';

/** Ones, and NaN at the end. */
function nan(): Slot<F64> {
  return place(
    backend,
    build(6, 4, (i, j) => (i === 5 && j === 3 ? Number.NaN : 1)),
  );
}

describe('misuse', () => {
  test.each([0, -1, 1.5, Number.NaN])('a cadence of %d is refused', (every) => {
    const expected = `is ${every}, expected an integer >= 1`;
    expect(() => network(recorder(), { observeEvery: every })).toThrow(
      new RangeError(`precondition: observeEvery ${expected}`),
    );
    expect(() => network(recorder(), { refreshEvery: every })).toThrow(
      new RangeError(`precondition: refreshEvery ${expected}`),
    );
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('a clip at %d is refused', (limit) => {
    expect(() => network(recorder(), { klClip: { limit, learningRate: () => 1 } })).toThrow(
      new RangeError(`precondition: klClip.limit is ${limit}, expected a finite number > 0`),
    );
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a rate of %d is refused', (eta) => {
    const clip = { limit: 1, learningRate: (step: number) => (step === 7 ? eta : 0.1) };
    const both = network(recorder(), { klClip: clip });
    expect(() => both.check(6, [])).not.toThrow();
    expect(() => both.check(7, [])).toThrow(
      `precondition: klClip.learningRate of step 7 is ${eta}, expected a finite number >= 0`,
    );
  });

  test('more observations than layers are refused', () => {
    const both = network(recorder());
    const three = [...observationsOf(1), ...observationsOf(1)].slice(1);
    expect(() => both.check(0, three)).toThrow(
      new RangeError('observe: 3 observations, expected one for each of 2 layers'),
    );
  });

  test.each<[LayerParameters, string]>([
    [{ weight: 5 }, 'weight is 5, expected an integer >= 0 and <= 4'],
    [{ weight: -1 }, 'weight is -1, expected an integer >= 0 and <= 4'],
    [{ weight: 0.5 }, 'weight is 0.5, expected an integer >= 0 and <= 4'],
    [{ weight: 0, bias: 7 }, 'bias is 7, expected an integer >= 0 and <= 4'],
    [{ weight: 0, bias: 4 }, 'bias is 5×1, expected 4×1'],
    [{ weight: 0, bias: 3 }, 'bias is 2×4, expected 4×1'],
  ])('%o is refused', (layer, message) => {
    expect(() => network(recorder(), {}, [LAYERS[0], layer])).toThrow(
      new RangeError(`precondition: layer 1: ${message}`),
    );
  });

  test.each<[string, readonly LayerParameters[], number]>([
    ['two layers', [{ weight: 0 }, { weight: 3 }, { weight: 0 }], 0],
    ['two biases', [{ weight: 0, bias: 2 }, { weight: 3 }, { weight: 1 }, { weight: 2 }], 2],
    ['weight and bias', [{ weight: 2, bias: 2 }], 2],
  ])('a parameter that is to serve %s is refused', (_, layers, twice) => {
    expect(() => network(recorder(), {}, layers)).toThrow(
      new RangeError(`precondition: parameter ${twice} is in two places, expected one layer each`),
    );
  });

  describe('an observation that does not do for the second layer is found before the first is seen', () => {
    const bad: readonly [string, () => Partial<Observation<F64>>, string][] = [
      ['X too wide', () => ({ X: backend.allocate(6, 5) }), "layer '1': X is 6×5, expected 6×4"],
      ['D too narrow', () => ({ D: backend.allocate(6, 1) }), "layer '1': D is 6×1, expected 6×2"],
      ['NaN in X', () => ({ X: nan() }), "layer '1': X holds NaN at row 5, column 3"],
      [
        'NaN in D',
        () => ({ D: backend.wrap(backend.read(nan()).view(0, 2, 6, 2)) }),
        "layer '1': D holds NaN",
      ],
      [
        'Infinity in rootWeights',
        () => ({
          rootWeights: place(
            backend,
            build(6, 1, () => Number.POSITIVE_INFINITY),
          ),
        }),
        "layer '1': rootWeights holds Infinity",
      ],
      ['no rows', () => ({ rows: 0 }), "layer '1': rows is 0, expected a finite number > 0"],
      [
        'another backend’s X',
        () => ({ X: cpuBackend('float64').allocate(6, 4) }),
        'another backend',
      ],
    ];

    test.each(bad)('%s', async (_, part, message) => {
      const both = network(evaMethod(), { observeEvery: 1 });
      both.update(0, gradientsOf(1), observationsOf(1));
      const before = await exportState(backend, both.state);
      const [first, second] = observationsOf(2);
      const gradients = gradientsOf(1);
      const untouched = contents(gradients);
      const wrong = [first, { ...second, ...part() }];
      expect(() => both.check(1, wrong)).toThrow(message);
      expect(await exportState(backend, both.state)).toEqual(before);
      expect(contents(gradients)).toEqual(untouched);
      both.check(1, [first, second]);
      both.update(1, gradients, [first, second]);
      expect(await exportState(backend, both.state)).not.toEqual(before);
    });

    test('no D', async () => {
      const both = network(kfacMethod(), { observeEvery: 1 });
      const before = await exportState(backend, both.state);
      const [first, { D: _D, ...second }] = observationsOf(2);
      expect(() => both.check(0, [first, second])).toThrow(
        "observe: layer '1' came without D, expected the gradients of the pre-activations",
      );
      expect(await exportState(backend, both.state)).toEqual(before);
    });

    test('it is not looked at in a step that does not observe', () => {
      const both = network(kfacMethod(), { observeEvery: 2 });
      const [first, second] = observationsOf(2);
      const wrong = [first, { ...second, rows: -1 }];
      expect(() => both.check(1, wrong)).not.toThrow();
      expect(() => both.update(1, gradientsOf(1), wrong)).not.toThrow();
      expect(() => both.check(2, wrong)).toThrow(RangeError);
    });
  });
});
