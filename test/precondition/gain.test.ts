// The gain of a method bounds ‖P‖F/‖G‖F at any time, and no smaller number would: overflows are told from it.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { filled, norm } from '../support/matrices.js';
import { apply, observe, only, randomBatch, randomGradient } from './runs.js';
import { VARIANTS } from './variants.js';

const SIZE = { inputs: 6, outputs: 4 };
const G = randomGradient(1, SIZE);
/** The roundings of products of up to six terms, one after the other, in units of eps. */
const ROUNDINGS = 64;
/** Published averages begin with I: as many observations leave 0.95⁸⁰⁰ < 10⁻¹⁷ of it. */
const FORGETTING = 800;
/** Activations whose second moments are far below the least damping times eps, and still normal numbers. */
const FAINT = { float32: 1e-12, float64: 1e-20 };

describe.each(VARIANTS)('$name', ({ name, make, isRelative = false, isRoot = false }) => {
  test.each(['float64', 'float32'] as const)('%s', async (dtype) => {
    const backend = cpuBackend(dtype);
    const layer = only(make(), backend, SIZE);
    const rounding = ROUNDINGS * EPSILON[dtype];
    const gain = async () => norm(await apply(backend, layer, G)) / norm(G);
    expect(await gain()).toBeLessThanOrEqual(layer.gain * (1 + rounding));
    // Where nothing is seen the curvature is 0, and P is the largest that there is. A relative damping waits then,
    // and is the least where next to nothing is.
    // What takes roots looks at gradients, which are products of the two.
    const faint = isRoot ? Math.sqrt(FAINT[dtype]) : FAINT[dtype];
    const seen = isRelative ? faint : 0;
    const blank = { X: filled(5, SIZE.inputs, seen), D: filled(5, SIZE.outputs, seen) };
    for (const count of [1, name.startsWith('published') ? FORGETTING : 1]) {
      for (let k = 0; k < count; k++) observe(backend, layer, blank);
      layer.refresh();
      expect(await gain()).toBeLessThanOrEqual(layer.gain * (1 + rounding));
    }
    expect(await gain()).toBeGreaterThanOrEqual(layer.gain * (1 - rounding));
    for (let k = 0; k < 3; k++) {
      observe(backend, layer, randomBatch(k, 8, SIZE));
      layer.refresh();
      expect(await gain()).toBeLessThanOrEqual(layer.gain * (1 + rounding));
    }
  });
});
