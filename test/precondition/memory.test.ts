// What the preconditioners hold and take: NysAct's O(pr), on the engine and on the host.

import { describe, expect, test, vi } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { stateBytes } from '../../src/backend/state.js';
import { BYTES, type DType } from '../../src/core/dtype.js';
import { evaPreconditioner } from '../../src/precondition/eva.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { type NysactOptions, nysactPreconditioner } from '../../src/precondition/nysact.js';
import type { Preconditioner } from '../../src/precondition/preconditioner.js';
import { countingBackend } from '../support/backends.js';
import { build } from '../support/matrices.js';
import { only, place } from './runs.js';

/** Every matrix that the library makes, those behind slots included. */
const made = vi.hoisted(() => ({ elements: 0, largest: 0 }));
vi.mock('../../src/core/dtype.js', async (original) => {
  const module = await original<typeof import('../../src/core/dtype.js')>();
  const allocate: typeof module.allocate = (dtype, length) => {
    made.elements += length;
    made.largest = Math.max(made.largest, length);
    return module.allocate(dtype, length);
  };
  return { ...module, allocate };
});

const [r, q, m] = [10, 64, 128];
const WINDOWS = 3;
/** Times p·r: all that a window makes, on the way to its factor too (11 to 16). */
const C_MADE = 20;

/** Elements that a layer holds as matrices of its state. */
function held(preconditioner: Preconditioner, dtype: DType, p: number): number {
  const engine = engineFrom(countingBackend(dtype));
  const { state } = only(preconditioner, engine, { inputs: p, outputs: q });
  return stateBytes(state) / BYTES[dtype];
}

/** Some windows of one observation, one refresh and one gradient each, and what they took. */
function work(preconditioner: Preconditioner, p: number) {
  const backend = countingBackend('float32');
  const engine = engineFrom(backend);
  const seen = {
    X: place(
      engine,
      build(m, p, (i, j) => (j % m === i ? 4 : 1)),
    ),
    rootWeights: place(
      engine,
      build(m, 1, () => 1),
    ),
    rows: m,
    examples: m,
  };
  const G = place(
    engine,
    build(q, p, (i, j) => i - j / p),
  );
  const P = engine.allocate(q, p);
  const given = backend.count.elements;
  backend.count.largest = made.elements = made.largest = 0;
  const layer = only(preconditioner, engine, { inputs: p, outputs: q });
  for (let window = 0; window < WINDOWS; window++) {
    layer.observe(seen);
    layer.refresh();
    layer.precondition(G, P);
  }
  expect(layer.diagnostics.failures).toBe(0);
  expect(layer.diagnostics.eigenvalues?.[0]).toBeGreaterThan(1);
  return { slots: backend.count.elements - given, largestSlot: backend.count.largest };
}

/** Variants, the p×r matrices that they hold, and the numbers beside them. */
const variants: readonly [string, NysactOptions, number, number][] = [
  ['G', {}, 3, 0],
  ['S', { sketch: 'subcolumn' }, 2, 0],
  ['G, fixed, with tail', { policy: 'fixed', tail: true }, 3, 1],
  ['G, reference', { variant: 'reference' }, 3, 0],
  ['S, reference', { sketch: 'subcolumn', variant: 'reference' }, 2, 0],
];

describe.each(variants)(
  'memory of a NysAct layer is O(p·r): NysAct-%s',
  (_, options, matrices, numbers) => {
    const make = () => nysactPreconditioner({ rank: r, damping: 0.1, ...options });

    test.each([2048, 4096])(`p = %d: ${matrices} matrices of p×r are held`, (p) => {
      expect(held(make(), 'float32', p)).toBe(matrices * p * r + numbers);
      expect(held(make(), 'float64', p)).toBe(matrices * p * r + numbers);
    });

    test.each([2048, 4096])('p = %d: nothing that is made on the way has p·p elements', (p) => {
      const { slots, largestSlot } = work(make(), p);
      // The state, and the two products with r columns that observing and preconditioning go through.
      expect(slots).toBeLessThanOrEqual(matrices * p * r + numbers + (m + q) * r);
      expect(largestSlot).toBe(p * r);
      expect(made.elements).toBeLessThanOrEqual(C_MADE * WINDOWS * p * r);
      expect(made.largest).toBeLessThanOrEqual(p * r);
    });
  },
);

test('oversampling widens the sketch, not the factor', () => {
  const [p, s] = [2048, 6];
  const preconditioner = nysactPreconditioner({ rank: r, oversample: s });
  expect(held(preconditioner, 'float32', p)).toBe(p * (2 * (r + s) + r));
});

test('FOOF holds 2p², KFAC 2(p² + q²) and two spectra or none, Eva p + q', () => {
  const p = 512;
  expect(held(foofPreconditioner(), 'float32', p)).toBe(2 * p ** 2);
  expect(held(kfacPreconditioner(), 'float32', p)).toBe(2 * (p ** 2 + q ** 2) + p + q);
  expect(held(kfacPreconditioner({ inverse: 'factored' }), 'float32', p)).toBe(
    2 * (p ** 2 + q ** 2),
  );
  expect(held(evaPreconditioner(), 'float32', p)).toBe(p + q);
});
