// Every method on a device: the contract, and the result that the host's backend gives.

import { describe, expect, test } from 'vitest';
import type { Backend, Slot } from '../../../src/backend/backend.js';
import { cpuBackend } from '../../../src/backend/cpu.js';
import { backendFrom } from '../../../src/backend/slot-backend.js';
import { EPSILON } from '../../../src/core/dtype.js';
import type { Method } from '../../../src/precondition/method.js';
import { preconditionerContract } from '../../precondition/preconditioner.contract.js';
import { learn, preconditioned, start } from '../../precondition/runs.js';
import { VARIANTS, type Variant } from '../../precondition/variants.js';
import { primitivesOf } from '../../support/backends.js';
import { distance, type Matrix, uniform } from '../../support/matrices.js';

const SHAPES = [
  { name: 'first', inputs: 7, outputs: 3 },
  { name: 'second', inputs: 5, outputs: 4 },
  // As large as the first: what a refresh leaves behind, its own may take.
  { name: 'third', inputs: 7, outputs: 3 },
];
const STEPS = 5;

/** Terms of the longest sum of a run: rows of its largest batch. */
const TERMS = 6 + STEPS;

/** Runs that show what rounding does, and how much more it may do in one that was not seen. */
const SAMPLES = 8;
const MARGIN = 4;

/**
 * The CPU backend in float32 with other roundings: every element of a product is off by up to
 * n·eps·(largest element), n the terms of the longest sum, as another order of summation may leave it.
 */
function jittered(seed: number): Backend<'float32'> {
  const backend = cpuBackend('float32');
  const random = uniform(seed);
  const jitter = (C: Slot<'float32'>, symmetric: boolean) => {
    const value = backend.readSync(C);
    const largest = value.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const amplitude = TERMS * EPSILON.float32 * largest;
    for (let i = 0; i < value.rows; i++) {
      for (let j = 0; j < value.cols; j++) {
        if (symmetric && j < i) value.set(i, j, value.at(j, i));
        else value.set(i, j, value.at(i, j) + amplitude * (2 * random() - 1));
      }
    }
    backend.write(C, value);
  };
  return backendFrom({
    ...primitivesOf(backend),
    readSync: (A) => backend.readSync(A),
    gemm(...operands) {
      backend.gemm(...operands);
      jitter(operands[6], false);
    },
    syrk(...operands) {
      backend.syrk(...operands);
      jitter(operands[3], true);
    },
  });
}

async function results(make: () => Method, backend: Backend): Promise<Matrix[]> {
  const run = start(make(), backend, SHAPES);
  await learn(run, 0, STEPS);
  return preconditioned(run, 8);
}

/**
 * Declares both for one device: the contract of all variants, unless said, and the comparison of all.
 */
export function devicePreconditioners(
  name: string,
  backendOf: () => Backend,
  variants: readonly Variant[] = VARIANTS,
): void {
  describe(name, () => {
    for (const variant of variants) {
      preconditionerContract(variant.name, variant.make, variant, [
        ['float32', 'float32', backendOf],
      ]);
    }

    test.each(VARIANTS)('$name gives what the CPU backend gives', async (variant) => {
      const expected = await results(variant.make, cpuBackend('float32'));
      const given = await results(variant.make, backendOf());
      const samples = await Promise.all(
        Array.from({ length: SAMPLES }, (_, seed) => results(variant.make, jittered(seed))),
      );
      expected.forEach((P, layer) => {
        const off = samples.map((sample) => distance(sample[layer], P));
        expect(distance(given[layer], P)).toBeLessThanOrEqual(MARGIN * Math.max(...off));
      });
    });
  });
}
