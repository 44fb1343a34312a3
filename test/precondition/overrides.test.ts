// Options that differ from layer to layer.

import { describe, expect, test } from 'vitest';
import { eva, foof, kfac, nysact } from '../../src/optimize/optimizers.js';
import { ekfac } from '../../src/optimize/systems.js';
import { ekfacMethod } from '../../src/precondition/ekfac.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { LayerShape } from '../../src/precondition/method.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { BODY, begin, HEAD, moved } from '../optimize/groups.js';

const METHODS = [
  ['nysact', nysactMethod, nysact],
  ['foof', foofMethod, foof],
  ['kfac', kfacMethod, kfac],
  ['eva', evaMethod, eva],
  ['ekfac', ekfacMethod, ekfac],
] as const;

const own = { damping: 0.25, decay: 0.5 };
const cadence = { observeEvery: 2, refreshEvery: 2, klClip: 'none' } as const;

const SHAPES: readonly LayerShape[] = [
  { name: 'body/kernel', inputs: 7, outputs: 5 },
  { name: 'head/kernel', inputs: 6, outputs: 3 },
];

describe.each(METHODS)('%s', (name, method, optimizer) => {
  test('a layer is preconditioned as by its own options, the others as before', async () => {
    const together = await moved('float64', optimizer({ ...cadence, overrides: { head: own } }));
    const [as, plain] = await Promise.all([
      moved('float64', optimizer({ ...cadence, ...own })),
      moved('float64', optimizer(cadence)),
    ]);
    expect(as).not.toEqual(plain);
    expect(together).toEqual([...plain.slice(0, 2), ...as.slice(2)]);
  });

  test('a function of the layer does the same', async () => {
    const overrides = ({ outputs }: LayerShape) => (outputs === 3 ? own : undefined);
    expect(await moved('float64', optimizer({ ...cadence, overrides }))).toEqual(
      await moved('float64', optimizer({ ...cadence, overrides: { 'head/kernel': own } })),
    );
  });

  test('the bound of a layer is that of its own damping', () => {
    const gains = method({ damping: 2, overrides: { head: { damping: 0.25 } } })
      .layers(SHAPES, 'float64')
      .map(({ gain, flat }) => [gain, flat]);
    expect(gains).toEqual([
      [0.5, 0.5],
      [4, 4],
    ]);
  });

  test('are refused by name where they are no options of a layer, or of none', () => {
    expect(() => optimizer({ overrides: JSON.parse('{"head": {"dampng": 1}}') })).toThrow(
      new RegExp(`^${name}: unknown option 'dampng', .*did you mean 'damping'`),
    );
    expect(() => optimizer({ overrides: { head: { damping: 0 } } })).toThrow(
      new RegExp(`^${name}: damping is 0, expected`),
    );
    const nowhere = optimizer({ overrides: { heed: own } });
    expect(() => begin('float64', nowhere)).toThrow(
      `${name}: overrides names 'heed', expected one of body/kernel, head/kernel`,
    );
    const tiny = optimizer({ overrides: { head: { damping: 1e-300 } } });
    expect(() => begin('float32', tiny)).toThrow(new RegExp(`^${name}: damping is 1e-300`));
    const late = optimizer({ overrides: () => ({ damping: -1 }) });
    expect(() => begin('float64', late, [BODY, HEAD])).toThrow(
      new RegExp(`^${name}: damping is -1, expected`),
    );
  });

  test('are part of what a saved run is of', () => {
    const { description } = optimizer({ overrides: { head: { damping: 0.25 } } });
    expect(description).toMatchObject({ overrides: '{"head":{"damping":0.25}}' });
    expect(optimizer({ overrides: () => own }).description.overrides).toBe('a function');
  });
});

test('a rank of its own is a layer’s rank', () => {
  const method = nysactMethod({ rank: 3, overrides: { head: { rank: 2 }, body: { rank: 9 } } });
  // Nine columns are more than the body has inputs: it is inverted exactly.
  expect(method.layers(SHAPES, 'float64').map(({ rank }) => rank)).toEqual([undefined, 2]);
});
