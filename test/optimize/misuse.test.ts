// What an optimiser refuses because two things would share one place.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { upload } from '../../src/backend/backend.js';
import { exportState, restoreState } from '../../src/backend/state.js';
import { identity, zeros } from '../../src/core/matrix.js';
import { adam, adamw, eva, foof, kfac, nysact, sgd } from '../../src/optimize/optimizers.js';
import { Optimizer } from '../../src/optimize/optimizer.js';

const backend = cpuBackend('float64');
const parameters = [
  { rows: 2, cols: 2 },
  { rows: 2, cols: 2 },
];

describe('misuse', () => {
  test.each(Object.entries({ sgd, adam, adamw, nysact, foof, kfac, eva }))(
    'options of %s that are no object are named',
    (name, make) => {
      const none = JSON.parse('null');
      expect(() => make(none)).toThrow(
        new TypeError(`${name}: options is null, expected an object`),
      );
    },
  );

  test('two layers cannot share a parameter', () => {
    const layers = [{ weight: 1 }, { weight: 1 }];
    expect(() => new Optimizer({ backend, transform: nysact(), parameters, layers })).toThrow(
      new RangeError('precondition: parameter 1 is in two places, expected one layer each'),
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
      const entries = [{ name: 'A', slot: upload(backend, identity('float64', 2)) }];
      const saved: Record<string, unknown> = { ...(await exportState(backend, entries)) };
      saved.A = damaged;
      const restored = JSON.parse(JSON.stringify(saved));
      expect(() => restoreState(backend, entries, restored)).toThrow(
        /^restoreState: entry 'A' is .*, expected a 2×2 float64 matrix$/,
      );
      expect(backend.read(entries[0].slot)).toEqual(identity('float64', 2));
    },
  );
});
