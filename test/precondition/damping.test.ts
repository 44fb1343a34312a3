// A damping whose inverse is no number of the dtype is refused before anything is built.

import { describe, expect, test } from 'vitest';
import { cpuEngine } from '../../src/backend/cpu.js';
import { identity } from '../../src/core/matrix.js';
import { activationSketch } from '../../src/nystrom/activation-sketch.js';
import { evaPreconditioner } from '../../src/precondition/eva.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { nysactPreconditioner } from '../../src/precondition/nysact.js';

const LAYERS = [{ name: 'dense', inputs: 4, outputs: 2 }];

describe.each([
  ['nysact', nysactPreconditioner],
  ['foof', foofPreconditioner],
  ['kfac', kfacPreconditioner],
  ['eva', evaPreconditioner],
] as const)('%s', (name, make) => {
  test('1/ρ is finite in the dtype', () => {
    const expected = new RegExp(`^${name}: damping is 1e-45, expected at least 2.9387.*e-39`);
    expect(() => make({ damping: 1e-45 }).init(cpuEngine('float32'), LAYERS)).toThrow(expected);
    expect(() => make({ damping: 1e-45 }).init(cpuEngine('float64'), LAYERS)).not.toThrow();
    expect(() => make({ damping: 1e-310 }).init(cpuEngine('float64'), LAYERS)).toThrow(RangeError);
    expect(() => make({ damping: 3e-39 }).init(cpuEngine('float32'), LAYERS)).not.toThrow();
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
