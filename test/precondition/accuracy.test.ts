// A damping below the rounding errors of Ā: a typed error, and never a P beyond what was promised.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { InaccurateInverseError, PreconditionerError } from '../../src/core/errors.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { build, gaussian, norm, uniform } from '../support/matrices.js';
import { apply, observe, only, randomGradient } from './runs.js';

const SIZE = { inputs: 785, outputs: 4 };
const ROWS = 100;

describe.each([
  ['FOOF', foofMethod],
  ['NysAct of full rank', (options: object) => nysactMethod({ ...options, rank: 785 })],
] as const)('%s in float32, p = 785, m = 100', (_, method) => {
  test.each([1e-9, 3e-9, 1e-8, 3e-8, 1e-7, 1e-4])('ρ = %d·λ₁', async (share) => {
    const backend = cpuBackend('float32');
    const rows = gaussian(uniform(1), ROWS, SIZE.inputs);
    // Columns of a mean of their own, as activations have: λ₁ is about p.
    const X = build(ROWS, SIZE.inputs, (i, j) => 1 + 0.3 * rows.at(i, j));
    const damping = share * SIZE.inputs;
    const layer = only(method({ damping, maxFailures: 1 }), backend, SIZE);
    observe(backend, layer, { X, D: build(ROWS, SIZE.outputs, () => 1) });
    let broken: unknown;
    try {
      layer.refresh();
    } catch (error) {
      broken = error;
    }
    const G = randomGradient(2, SIZE);
    const ratio = (norm(await apply(backend, layer, G)) * damping) / norm(G);
    expect(ratio).toBeLessThanOrEqual(1.01);
    if (broken !== undefined) {
      expect(broken).toBeInstanceOf(PreconditionerError);
      expect(String(broken)).toMatch(/InaccurateInverseError|NotPositiveDefiniteError/);
    }
    // Where A is known well enough there is no excuse.
    if (share >= 1e-4) expect(broken).toBeUndefined();
    if (share <= 1e-9) expect(broken).toBeDefined();
  });
});

test('the error says what was found and what was expected', () => {
  expect(String(new InaccurateInverseError(8, 2))).toBe(
    'InaccurateInverseError: the inverse has 8 on its diagonal, expected at most 2: the damping is too small for the precision of the matrix',
  );
});
