// What a network refuses, before anything has changed.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { exportState } from '../../src/backend/saved-state.js';
import { precondition } from '../../src/optimize/precondition.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { LayerParameters, NetworkPreconditioner } from '../../src/precondition/network.js';
import { denseRows, slotRows } from '../../src/rows/dense.js';
import { placeRounded } from '../support/backends.js';
import { build, filled } from '../support/matrices.js';
import {
  backend,
  contents,
  type F64,
  gradientsOf,
  LAYERS,
  network,
  observationsOf,
  recorder,
  stepOf,
  takeStep,
} from './networks.js';
import { oneSidedMethod } from './one-sided-method.js';
import { only } from './runs.js';

/** Rows of ones with NaN at the end, as only a device would not notice them. */
const broken = (cols: number) =>
  slotRows(
    backend,
    placeRounded(
      backend,
      build(6, cols, (i, j) => (i === 5 && j === cols - 1 ? Number.NaN : 1)),
    ),
  );

const stateOf = (on: NetworkPreconditioner<F64>) => exportState(backend, {}, on.state);

describe('misuse', () => {
  test.each([0, -1, 1.5, Number.NaN])('a cadence of %d is refused', (every) => {
    const expected = `is ${every}, expected an integer >= 1`;
    for (const make of [
      (options: object) => network(recorder(), options),
      (options: object) => precondition(recorder(), options),
    ]) {
      expect(() => make({ observeEvery: every })).toThrow(
        new RangeError(`precondition: observeEvery ${expected}`),
      );
      expect(() => make({ refreshEvery: every })).toThrow(
        new RangeError(`precondition: refreshEvery ${expected}`),
      );
    }
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('a clip at %d is refused', (limit) => {
    expect(() => precondition(recorder(), { klClip: { limit } })).toThrow(
      new RangeError(`precondition: klClip.limit is ${limit}, expected a finite number > 0`),
    );
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a rate of %d is refused', (eta) => {
    expect(() => precondition(recorder(), { klClip: { limit: 1, learningRate: eta } })).toThrow(
      new RangeError(`precondition: klClip.learningRate is ${eta}, expected a finite number >= 0`),
    );
  });

  test('an option that is unknown is refused', () => {
    expect(() => network(recorder(), JSON.parse('{"observeevery": 2}'))).toThrow(
      "precondition: unknown option 'observeevery', expected one of observeEvery, refreshEvery; did you mean 'observeEvery'?",
    );
  });

  test('more observations than layers are refused', () => {
    const both = network(recorder());
    const three = [...observationsOf(1), ...observationsOf(1)].slice(1);
    for (const k of [0, 1]) {
      expect(() => both.check(stepOf(k, three))).toThrow(
        new RangeError('observe: 3 observations, expected one for each of 2 layers'),
      );
    }
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

  test.each([null, 3, 'dense'])('%o is no layer', (layer) => {
    const layers = [LAYERS[0], layer];
    const shown = typeof layer === 'string' ? `'${layer}'` : layer;
    expect(() => Reflect.apply(network, undefined, [recorder(), {}, layers])).toThrow(
      new TypeError(
        `precondition: layer 1: the layer is ${shown}, expected an object with a weight`,
      ),
    );
  });

  test.each<[string, readonly LayerParameters[], number, string]>([
    ['two layers', [{ weight: 0 }, { weight: 3 }, { weight: 0, name: 'c' }], 0, "'0' and 'c'"],
    ['two biases', [LAYERS[0], { weight: 3 }, { weight: 2 }], 2, "'hidden' and '2'"],
    ['weight and bias', [{ weight: 2, bias: 2 }], 2, "'0' and '0'"],
  ])('a parameter that is to serve %s is refused', (_, layers, twice, owners) => {
    expect(() => network(recorder(), {}, layers)).toThrow(
      new RangeError(
        `precondition: parameter ${twice} is in two places, layers ${owners}, expected one layer each: give the layers a kernel each, or leave one of them out`,
      ),
    );
  });

  describe('an observation that does not do for the second layer is found before the first is seen', () => {
    const bad: readonly [string, () => object, string][] = [
      [
        'X too wide',
        () => ({ X: denseRows(backend, filled(6, 5, 1)) }),
        "layer '1': X is 6×5, expected 6×4",
      ],
      [
        'D too narrow',
        () => ({ D: denseRows(backend, filled(6, 1, 1)) }),
        "layer '1': D is 6×1, expected 6×2",
      ],
      ['NaN in X', () => ({ X: broken(4) }), "layer '1': X holds NaN or Infinity"],
      ['NaN in D', () => ({ D: broken(2) }), "layer '1': D holds NaN or Infinity"],
      [
        'weights of its own',
        () => ({ X: denseRows(backend, filled(6, 4, 1), { weights: [1, 1, 1, 1, 1, 2] }) }),
        "layer '1': row 5 weighs 2 in X and 1 in D",
      ],
      [
        'no examples',
        () => ({ examples: 0 }),
        "layer '1': examples is 0, expected a finite number > 0",
      ],
      [
        'another backend’s X',
        () => ({ X: denseRows(cpuBackend('float64'), filled(6, 4, 1)) }),
        'another backend',
      ],
    ];

    test.each(bad)('%s', async (_, part, message) => {
      const both = network(evaMethod(), { observeEvery: 1 });
      takeStep(both, stepOf(0, observationsOf(1)), gradientsOf(1));
      const before = await stateOf(both);
      const [first, second] = observationsOf(2);
      const gradients = gradientsOf(1);
      const untouched = contents(gradients);
      const wrong = [first, { ...second, ...part() }];
      expect(() => both.check(stepOf(1, wrong))).toThrow(message);
      expect(await stateOf(both)).toEqual(before);
      expect(contents(gradients)).toEqual(untouched);
      both.check(stepOf(1, [first, second]));
      takeStep(both, stepOf(1, [first, second]), gradients);
      expect(await stateOf(both)).not.toEqual(before);
    });

    test('no D', async () => {
      const both = network(kfacMethod(), { observeEvery: 1 });
      const before = await stateOf(both);
      const [first, { X }] = observationsOf(2);
      expect(() => both.check(stepOf(0, [first, { X }]))).toThrow(
        "observe: layer '1' came without D, expected the gradients of the pre-activations",
      );
      expect(await stateOf(both)).toEqual(before);
    });

    test('it is not looked at in a step that does not observe', () => {
      const both = network(kfacMethod(), { observeEvery: 2 });
      const [first, second] = observationsOf(2);
      const wrong = [first, { ...second, examples: -1 }];
      expect(() => both.check(stepOf(1, wrong))).not.toThrow();
      expect(() => takeStep(both, stepOf(1, wrong), gradientsOf(1))).not.toThrow();
      expect(() => both.check(stepOf(2, wrong))).toThrow(RangeError);
    });
  });

  test('gradients whose squares could overflow are no statistics, in a step that observes', () => {
    const both = network(oneSidedMethod(1), { observeEvery: 2 });
    const sizes = [1e160, 1, 1, 1, 1];
    expect(() => both.bound(sizes, stepOf(0))).toThrow(
      /^precondition: layer 'hidden': the squares of its gradients could reach Infinity, expected <= /,
    );
    expect(() => both.bound(sizes, stepOf(1))).not.toThrow();
    expect(() => network(recorder()).bound(sizes, stepOf(0))).not.toThrow();
  });
});

test('a layer names which of G and P has another shape', () => {
  const size = { inputs: 6, outputs: 4 };
  const layer = only(foofMethod(), backend, size);
  const [good, wide] = [backend.allocate(4, 6), backend.allocate(4, 7)];
  expect(() => layer.precondition(wide, good)).toThrow('precondition: G is 4×7, expected 4×6');
  expect(() => layer.precondition(good, wide)).toThrow('precondition: P is 4×7, expected 4×6');
});
