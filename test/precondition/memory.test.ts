// What the methods hold and take: NysAct's O(pr), on the backend and on the host.

import { describe, expect, test, vi } from 'vitest';
import { stateBytes } from '../../src/backend/state.js';
import { BYTES, type DType } from '../../src/core/dtype.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method } from '../../src/precondition/method.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { nystromShampooMethod } from '../../src/precondition/nystrom-shampoo.js';
import { shampooMethod } from '../../src/precondition/shampoo.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';
import { denseRows } from '../../src/rows/dense.js';
import { countingBackend, placeRounded } from '../support/backends.js';
import { build } from '../support/matrices.js';
import { eigenvaluesOf, only } from './runs.js';

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
/** Times p·r: the memory that a factorisation works in, which is one piece. */
const C_LARGEST = 4;

/** Elements that a layer holds as matrices of its state. */
function held(method: Method, dtype: DType, p: number): number {
  const { state } = only(method, countingBackend(dtype), { inputs: p, outputs: q });
  return stateBytes(state) / BYTES[dtype];
}

/** Some windows of one observation, one refresh and one gradient each, and what they took. */
function work(method: Method, p: number) {
  const backend = countingBackend('float32');
  const X = denseRows(
    backend,
    build(m, p, (i, j) => (j % m === i ? 4 : 1)),
  );
  const G = placeRounded(
    backend,
    build(q, p, (i, j) => i - j / p),
  );
  const P = backend.allocate(q, p);
  const given = backend.count.elements;
  backend.count.largest = made.elements = made.largest = 0;
  const layer = only(method, backend, { inputs: p, outputs: q });
  for (let window = 0; window < WINDOWS; window++) {
    layer.observe({ X, examples: m });
    layer.refresh();
    layer.precondition(G, P);
  }
  expect(layer.diagnostics.failures).toBe(0);
  expect(eigenvaluesOf(layer)[0]).toBeGreaterThan(1);
  return { slots: backend.count.elements - given, largestSlot: backend.count.largest };
}

/** A variant, the p×r matrices that it holds, those that an observation takes, and numbers beside them. */
interface Held {
  readonly name: string;
  readonly make: () => Method;
  readonly matrices: number;
  readonly passing?: number;
  readonly numbers?: number;
}
const shared = { rank: r, damping: 0.1 };
const columns = { ...shared, sketch: 'subcolumn' } as const;
const variants: readonly Held[] = [
  { name: 'G', make: () => nysactMethod(shared), matrices: 3, numbers: 1 },
  { name: 'S', make: () => nysactMethod(columns), matrices: 2, numbers: 1 },
  {
    name: 'G, tracking and carried',
    make: () => nysactMethod({ ...shared, policy: 'track', carry: true }),
    matrices: 3,
    numbers: 1,
  },
  {
    name: 'G, fixed, with tail',
    make: () => nysactMethod({ ...shared, policy: 'fixed', tail: true }),
    matrices: 3,
    numbers: 1,
  },
  { name: 'G, published', make: () => publishedNysactMethod(shared), matrices: 2, passing: 1 },
  { name: 'S, published', make: () => publishedNysactMethod(columns), matrices: 2 },
];

describe.each(variants)(
  'memory of a NysAct layer is O(p·r): NysAct-$name',
  ({ make, matrices, passing = 0, numbers = 0 }) => {
    test.each([2048, 4096])(`p = %d: ${matrices} matrices of p×r are held`, (p) => {
      expect(held(make(), 'float32', p)).toBe(matrices * p * r + numbers);
      expect(held(make(), 'float64', p)).toBe(matrices * p * r + numbers);
    });

    test.each([2048, 4096])('p = %d: nothing that is made on the way has p·p elements', (p) => {
      const { slots, largestSlot } = work(make(), p);
      // The state, what every window takes and frees, the two products with r columns that observing
      // and preconditioning go through, and a number on its way to the trace.
      const pr = (matrices + passing * WINDOWS) * p * r;
      expect(slots).toBeLessThanOrEqual(pr + 2 * numbers + (m + q) * r);
      expect(largestSlot).toBe(p * r);
      expect(made.elements).toBeLessThanOrEqual(C_MADE * WINDOWS * p * r);
      expect(made.elements).toBeGreaterThan(0);
      expect(made.largest).toBeLessThanOrEqual(C_LARGEST * p * r);
    });
  },
);

test('oversampling widens the sketch, not the factor', () => {
  const [p, s] = [2048, 6];
  const method = nysactMethod({ rank: r, oversample: s });
  expect(held(method, 'float32', p)).toBe(p * (2 * (r + s) + r) + 1);
});

test('FOOF holds 2p², KFAC 2(p² + q²) and two spectra or none, Eva p + q', () => {
  const p = 512;
  expect(held(foofMethod(), 'float32', p)).toBe(2 * p ** 2);
  expect(held(kfacMethod(), 'float32', p)).toBe(2 * (p ** 2 + q ** 2) + p + q);
  expect(held(kfacMethod({ inverse: 'factored' }), 'float32', p)).toBe(2 * (p ** 2 + q ** 2));
  expect(held(evaMethod(), 'float32', p)).toBe(p + q);
});

test('Shampoo holds 2(p² + q²), and 4qp in blocks; from a sketch 3pr + 1', () => {
  const p = 512;
  expect(held(shampooMethod(), 'float32', p)).toBe(2 * (p ** 2 + q ** 2));
  expect(held(shampooMethod({ blockSize: q / 2 }), 'float32', p)).toBe(4 * q * p);
  expect(held(nystromShampooMethod({ rank: r }), 'float32', p)).toBe(3 * p * r + 1);
  const drawn = nystromShampooMethod({ rank: r, sketch: 'subcolumn' });
  expect(held(drawn, 'float32', p)).toBe(2 * p * r + 1);
});
