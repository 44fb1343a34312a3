// One-sided Nyström Shampoo against G(Ā + ρI)^(−1/2), Ā formed.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import {
  type NystromShampooOptions,
  nystromShampooMethod,
} from '../../src/precondition/nystrom-shampoo.js';
import { placeRounded } from '../support/backends.js';
import {
  distance,
  gaussian,
  inner,
  type Matrix,
  norm,
  product,
  uniform,
} from '../support/matrices.js';
import { averaged, power } from './oracles.js';
import { apply, eigenvaluesOf, foundOf, only } from './runs.js';

const RHO = 0.3;
const DECAY = 0.8;
/** c of the rounding bounds c·p·eps. */
const ROUNDING = 32;
const backend = cpuBackend('float64');

/** A layer that has seen these gradients, one a batch, and was refreshed then. */
function learnt(gradients: readonly Matrix[], options: NystromShampooOptions) {
  const [{ rows: outputs, cols: inputs }] = gradients;
  const method = nystromShampooMethod({ damping: RHO, decay: DECAY, seed: 3, ...options });
  const layer = only(method, backend, { inputs, outputs });
  for (const G of gradients) layer.observe({ G: placeRounded(backend, G), examples: 1 });
  layer.refresh();
  return { layer, of: (G: Matrix) => apply(backend, layer, G) };
}

const moment = (gradients: readonly Matrix[]) =>
  averaged(
    gradients.map((G) => product(G, 'T', G, 'N')),
    DECAY,
  );

/** G(Ā + ρI)^(−1/2) */
function oneSided(gradients: readonly Matrix[], G: Matrix, rho = RHO): Matrix {
  return product(G, 'N', power(moment(gradients), rho, -1 / 2), 'N');
}

function drawn(seed: number, q: number, p: number, count: number): Matrix[] {
  const random = uniform(seed);
  return Array.from({ length: count }, () => gaussian(random, q, p));
}

const seed = fc.nat(1_000_000);
const outputs = fc.integer({ min: 1, max: 3 });
const inputs = fc.integer({ min: 8, max: 14 });

/** A sketch of Gaussian columns is conditioned like one in most draws; this is far beyond them. */
const CONDITION = 1e5;

describe.each([
  ['gaussian', { sketch: 'gaussian' }],
  ['power', { sketch: 'power' }],
  ['tracking', { policy: 'track' }],
] as const)('%s', (_, options) => {
  test.prop([outputs, inputs, seed])(
    'where the rank suffices, P = G(Ā + ρI)^(−1/2)',
    async (q, p, s) => {
      const [G, ...seen] = drawn(s, q, p, 3);
      // Two gradients of rank q.
      const P = await learnt(seen, { rank: 2 * q, ...options }).of(G);
      const size = 1 + norm(moment(seen)) / RHO;
      const bound = ROUNDING * p * EPSILON.float64 * CONDITION * size * norm(G);
      expect(distance(P, oneSided(seen, G))).toBeLessThanOrEqual(bound);
    },
  );
});

describe.each(['gaussian', 'subcolumn', 'diagonal', 'power'] as const)('%s', (sketch) => {
  test.prop([outputs, inputs, seed, fc.integer({ min: 1, max: 5 })])(
    'Â is never more than Ā, so ⟨P, G⟩ is never less than with Ā, and at most ‖G‖²/√ρ',
    async (q, p, s, rank) => {
      const [G, ...seen] = drawn(s, q, p, 5);
      const { layer, of } = learnt(seen, { rank, sketch });
      const descent = inner(await of(G), G);
      const bound = ROUNDING * p * EPSILON.float64 * (1 + norm(moment(seen)) / RHO) * norm(G) ** 2;
      expect(descent).toBeGreaterThanOrEqual(inner(oneSided(seen, G), G) - bound);
      expect(descent).toBeLessThanOrEqual(norm(G) ** 2 / Math.sqrt(RHO) + bound);
      expect(eigenvaluesOf(layer)).toHaveLength(rank);
      // The trace is certain, so what Â has not seen is known.
      expect(foundOf(layer, 'residual')).toBeGreaterThanOrEqual(-bound);
      expect(foundOf(layer, 'residual')).toBeLessThan(1);
    },
  );
});

test.prop([outputs, inputs, seed])('with p ≤ r the root is exact', async (q, p, s) => {
  const [G, ...seen] = drawn(s, q, p, 4);
  const P = await learnt(seen, { rank: p }).of(G);
  const bound = ROUNDING * p * EPSILON.float64 * (1 + norm(moment(seen)) / RHO) * norm(G);
  expect(distance(P, oneSided(seen, G))).toBeLessThanOrEqual(bound);
});

test.prop([outputs, inputs, seed, fc.constantFrom(0.1, 1)])(
  'a relative damping is that share of tr(Ā)/p',
  (q, p, s, alpha) => {
    const seen = drawn(s, q, p, 3);
    const { layer } = learnt(seen, { rank: 2, damping: { relative: alpha } });
    const A = moment(seen);
    let trace = 0;
    for (let i = 0; i < p; i++) trace += A.at(i, i);
    const expected = (alpha * trace) / p;
    const bound = ROUNDING * p * q * EPSILON.float64 * expected;
    expect(Math.abs(foundOf(layer, 'damping') - expected)).toBeLessThanOrEqual(bound);
  },
);

test.each([
  [{ rank: 0 }, /nystromShampoo: rank is 0, expected/],
  [
    { carry: true },
    /nystromShampoo: carry is true under policy 'restart', expected policy 'track'/,
  ],
  [{ sketch: 'sparse' }, /nystromShampoo: sketch is 'sparse', expected/],
  [{ overrides: { head: { damping: -1 } } }, /nystromShampoo: .*damping is -1/],
])('%o is refused', (options, message) => {
  // @ts-expect-error What comes from a file.
  expect(() => nystromShampooMethod(options)).toThrow(message);
});
