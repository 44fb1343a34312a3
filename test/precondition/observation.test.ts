// Observations made on the host: wrapped where the engine can, copied where it cannot.

import { expect, test } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { cpuBackend, cpuEngine } from '../../src/backend/cpu.js';
import { activations, outputGradients } from '../../src/covariance/activations.js';
import { freeObservation, observation } from '../../src/precondition/observation.js';
import { build } from '../support/matrices.js';
import { randomBatch } from './runs.js';

const dtype = 'float64';
const { X, D } = randomBatch(1, 4, { inputs: 3, outputs: 2 });

test('carries what the batch says: rows, examples, weights', () => {
  const engine = cpuEngine(dtype);
  const weights = [1, 0, 4, 0.25];
  const seen = observation(
    engine,
    activations(X, { dtype, weights }),
    outputGradients(D, { dtype, weights, examples: 2 }),
  );
  expect([seen.rows, seen.examples]).toEqual([5.25, 2]);
  expect(engine.read(seen.rootWeights).toArrays()).toEqual([[1], [0], [2], [0.5]]);
  const inputsAlone = observation(engine, activations(X, { dtype, weights }));
  expect([inputsAlone.rows, inputsAlone.examples, inputsAlone.D]).toEqual([5.25, 5.25, undefined]);
});

test('an engine of the host shares X; another has a copy of its own', () => {
  const own = X.clone();
  const [host, other] = [cpuEngine(dtype), engineFrom(cpuBackend(dtype))];
  const rows = activations(own, { dtype });
  const [shared, copied] = [observation(host, rows), observation(other, rows)];
  own.set(0, 0, 99);
  expect(host.read(shared.X).at(0, 0)).toBe(99);
  expect(other.read(copied.X)).toEqual(X);
});

test('freeing it frees every slot, and leaves shared memory alone', () => {
  for (const engine of [cpuEngine(dtype), engineFrom(cpuBackend(dtype))]) {
    const seen = observation(engine, activations(X, { dtype }), outputGradients(D, { dtype }));
    freeObservation(engine, seen);
    for (const slot of [seen.X, seen.rootWeights, seen.D]) {
      expect(() => slot !== undefined && engine.read(slot)).toThrow('was freed');
    }
    freeObservation(engine, observation(engine, activations(X, { dtype })));
  }
  expect(X).toEqual(randomBatch(1, 4, { inputs: 3, outputs: 2 }).X);
});

test.each([
  [[4, 0, 1, 0.25], [1, 1, 1, 1], 'row 0 weighs 4 in X and 1 in D'],
  [[4, 0, 0, 0.25], [4, 0, 1, 0.25], 'row 2 weighs 0 in X and 1 in D'],
])('activations and gradients weighted %j and %j are refused', (ofX, ofD, difference) => {
  const rows = activations(X, { dtype, weights: ofX });
  const gradients = outputGradients(D, { dtype, weights: ofD });
  expect(() => observation(cpuEngine(dtype), rows, gradients)).toThrow(
    new RangeError(`observation: ${difference}, expected the same weights`),
  );
});

test('gradients with another number of rows are refused', () => {
  const rows = activations(X, { dtype });
  const gradients = outputGradients(
    build(3, 2, () => 1),
    { dtype },
  );
  expect(() => observation(cpuEngine(dtype), rows, gradients)).toThrow(
    new RangeError('observation: D is 3×2, expected 4×2'),
  );
});
