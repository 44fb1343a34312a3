// A damping whose inverse is no number of the dtype is refused before anything is built.

import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/core/dtype.js';
import { identity } from '../../src/core/matrix.js';
import { activationSketch } from '../../src/nystrom/activation-sketch.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { publishedEvaMethod } from '../../src/published/eva.js';
import { publishedFoofMethod } from '../../src/published/foof.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';

const LAYERS = [{ name: 'dense', inputs: 4, outputs: 2 }];

describe.each([
  ['nysact', nysactMethod],
  ['foof', foofMethod],
  ['kfac', kfacMethod],
  ['eva', evaMethod],
  ['nysact', publishedNysactMethod],
  ['foof', publishedFoofMethod],
  ['kfac', publishedKfacMethod],
  ['eva', publishedEvaMethod],
] as const)('%s', (name, make) => {
  const refusal = (damping: number, dtype: DType) =>
    new RangeError(
      `${name}: damping is ${damping}, expected a number > 0 that is finite in ${dtype}, as its inverse is`,
    );

  const layers = (damping: number, dtype: DType) => () => make({ damping }).layers(LAYERS, dtype);

  test('1/ρ is finite in the dtype', () => {
    expect(layers(1e-45, 'float32')).toThrow(refusal(1e-45, 'float32'));
    expect(layers(1e-45, 'float64')).not.toThrow();
    expect(layers(1e-310, 'float64')).toThrow(refusal(1e-310, 'float64'));
    expect(layers(1e39, 'float32')).toThrow(refusal(1e39, 'float32'));
    expect(layers(3e-39, 'float32')).not.toThrow();
  });
});

test('a factor refuses it too, and a P that is not finite', () => {
  const sketch = activationSketch({ inputs: 4, rank: 2, dtype: 'float32' });
  const factor = sketch.observe(identity('float32', 4)).factor();
  const G = identity('float32', 4);
  expect(() => factor.precondition(G, { damping: 1e-45 })).toThrow(/damping is 1e-45/);
  G.set(1, 1, 3e38);
  expect(() => factor.precondition(G, { damping: 0.1 })).toThrow(/^precondition: P holds/);
});
