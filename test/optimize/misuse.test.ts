// What an optimiser refuses because two things would share one place.

import { describe, expect, test } from 'vitest';
import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { exportState, restoreState } from '../../src/backend/saved-state.js';
import { identity, zeros } from '../../src/core/matrix.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { adam, adamw, eva, foof, kfac, nysact, sgd } from '../../src/optimize/optimizers.js';
import { adahessian, ekfac, mfac, sketchySgd, skfac, soap } from '../../src/optimize/systems.js';

const backend = cpuBackend('float64');
const MAKERS = {
  adahessian,
  sketchySgd,
  sgd,
  adam,
  adamw,
  nysact,
  foof,
  kfac,
  eva,
  ekfac,
  skfac,
  soap,
  mfac,
};
const parameters = [
  { rows: 2, cols: 2 },
  { rows: 2, cols: 2 },
];

describe('misuse', () => {
  test.each(Object.entries(MAKERS))('options of %s that are no object are named', (name, make) => {
    const none = JSON.parse('null');
    expect(() => make(none)).toThrow(new TypeError(`${name}: options is null, expected an object`));
  });

  test('two layers cannot share a parameter', () => {
    const layers = [{ weight: 1 }, { weight: 1 }];
    expect(() => new Optimizer({ backend, transform: nysact(), parameters, layers })).toThrow(
      new RangeError(
        "precondition: parameter 1 is in two places, layers '0' and '1', expected one layer each: give the layers a kernel each, or leave one of them out",
      ),
    );
  });

  test('a slot cannot be gradient and parameter, nor two parameters', () => {
    const optimizer = new Optimizer({ backend, transform: sgd(), parameters });
    const [a, b, c, d] = Array.from({ length: 4 }, () => upload(backend, identity('float64', 2)));
    const message = 'step: a slot stands for two gradients or parameters, expected one slot each';
    expect(() => optimizer.step([a, b], [c, a])).toThrow(new RangeError(message));
    expect(() => optimizer.step([a, b], [c, c])).toThrow(new RangeError(message));
    expect(optimizer.steps).toBe(0);
    optimizer.step([a, b], [c, d]);
    expect(optimizer.steps).toBe(1);
  });

  test.each([
    ['the same matrix twice', { from: 0 }],
    ['rows that overlap', { from: 1 }],
  ])('memory of two operands is refused before momentum sees it: %s', async (_, { from }) => {
    const host = cpuBackend('float32');
    const shared = zeros('float32', 5, 3);
    shared.data.forEach((_value, k) => {
      shared.data[k] = k;
    });
    const [theta, elsewhere] = [shared.view(0, 0, 2, 3), shared.view(2, 0, 2, 3)];
    const transform = sgd({ weightDecay: 0 });
    const optimizer = new Optimizer({ backend: host, transform, parameters: [theta] });
    const before = [shared.clone(), await optimizer.exportState()];
    const overlapping = host.wrap(shared.view(from, 0, 2, 3));
    expect(() => optimizer.step([overlapping], [host.wrap(theta)])).toThrow(
      new RangeError(
        'step: two gradients or parameters share memory, expected memory of its own for each',
      ),
    );
    expect([shared, await optimizer.exportState()]).toEqual(before);
    // Side by side in one buffer is no overlap.
    optimizer.step([host.wrap(elsewhere)], [host.wrap(theta)]);
  });

  test.each([null, {}, { rows: 2, cols: 2 }, 'a string'])(
    'an entry %j in place of a matrix is refused by its name',
    async (damaged) => {
      const slot = upload(backend, identity('float64', 2));
      const entries = [{ name: 'A', holds: { slot } }];
      const saved = await exportState(backend, {}, entries);
      const restored = JSON.parse(JSON.stringify({ ...saved, entries: { A: damaged } }));
      expect(() => restoreState(backend, {}, entries, restored)).toThrow(
        /^restoreState: entry 'A' is .*, expected a 2×2 float64 matrix$/,
      );
      expect(backend.readSync(slot)).toEqual(identity('float64', 2));
    },
  );

  test('observations that are no list are refused, with the parameters as they were', () => {
    const optimizer = new Optimizer({ backend, transform: nysact(), parameters });
    const slots = Array.from({ length: 4 }, () => upload(backend, identity('float64', 2)));
    for (const observations of [null, 5, true, {}, { X: 1 }]) {
      expect(() =>
        Reflect.apply(optimizer.step.bind(optimizer), undefined, [
          slots.slice(2),
          slots.slice(0, 2),
          observations,
        ]),
      ).toThrow(/^step: observations is .*, expected an array$/);
    }
    expect(optimizer.steps).toBe(0);
    for (const slot of slots) expect(backend.readSync(slot)).toEqual(identity('float64', 2));
  });

  test.each<[object, string]>([
    [{}, 'backend is undefined, expected a backend, as cpuBackend makes it'],
    [{ backend: {} }, 'backend is [object Object], expected a backend'],
    [{ backend }, 'transform is undefined, expected a transform, as nysact makes it'],
    [{ backend, transform: sgd }, 'transform is a function, expected a transform'],
    [{ backend, transform: sgd() }, 'parameters is undefined, expected an array'],
    [{ backend, transform: sgd(), parameters: 3 }, 'parameters is 3, expected an array'],
    [{ backend, transform: sgd(), parameters: [null] }, 'parameters[0] is null, expected a shape'],
    [{ backend, transform: sgd(), parameters, layers: {} }, 'layers is [object Object], expected'],
  ])('an optimiser of %o is refused', (options, message) => {
    const make = () => Reflect.construct(Optimizer, [options]);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`Optimizer: ${message}`);
  });

  test.each(Object.entries(MAKERS))(
    'an option of %s that is unknown is refused with the nearest name, another type with its own',
    (name, make) => {
      const given = (options: object) => () => Reflect.apply(make, undefined, [options]);
      expect(given({ learningrate: 5 })).toThrow(RangeError);
      expect(given({ learningrate: 5 })).toThrow(
        new RegExp(`^${name}: unknown option 'learningrate', .*; did you mean 'learningRate'\\?$`),
      );
      expect(given({ learningRate: '0.1' })).toThrow(
        new TypeError(
          `${name}: learningRate is '0.1', expected a finite number >= 0 or a schedule`,
        ),
      );
      expect(given({ decays: true })).toThrow(
        new TypeError(
          `${name}: decays is true, expected 'all' or 'weights' or an array of names or a function of a parameter`,
        ),
      );
      expect(given({ learningRate: -1 })).toThrow(
        new RangeError(`${name}: learningRate is -1, expected a finite number >= 0 or a schedule`),
      );
    },
  );
});
