// Every preconditioner on a device: the contract, and the result that the CPU engine gives.

import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/backend/backend.js';
import { engineFrom } from '../../../src/backend/compose.js';
import { cpuBackend, cpuEngine } from '../../../src/backend/cpu.js';
import type { Engine } from '../../../src/backend/engine.js';
import { EPSILON } from '../../../src/core/dtype.js';
import type { Preconditioner } from '../../../src/precondition/preconditioner.js';
import { preconditionerContract } from '../../precondition/preconditioner.contract.js';
import { learn, preconditioned, start } from '../../precondition/runs.js';
import { VARIANTS, type Variant } from '../../precondition/variants.js';
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
  const backend: Backend<'float32'> = { ...cpuBackend('float32') };
  // So that engines compose it.
  delete backend.sketchMoment;
  const random = uniform(seed);
  const jitter = (C: Parameters<typeof backend.gemm>[6], symmetric: boolean) => {
    if (backend.reading !== 'sync') return;
    const value = backend.read(C);
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
  return {
    ...backend,
    gemm(...operands) {
      backend.gemm(...operands);
      jitter(operands[6], false);
    },
    syrk(...operands) {
      backend.syrk(...operands);
      jitter(operands[3], true);
    },
  };
}

async function results(make: () => Preconditioner, engine: Engine): Promise<Matrix[]> {
  const run = start(make(), engine, SHAPES);
  await learn(run, 0, STEPS);
  return preconditioned(run, 8);
}

/**
 * Declares both for one device: the contract of all variants, unless said, and the comparison of all.
 */
export function devicePreconditioners(
  name: string,
  engineOf: () => Engine,
  variants: readonly Variant[] = VARIANTS,
): void {
  describe(name, () => {
    for (const variant of variants) {
      preconditionerContract(variant.name, variant.make, variant, [
        ['float32', 'float32', engineOf],
      ]);
    }

    test.each(VARIANTS)('$name gives what the CPU engine gives', async (variant) => {
      const expected = await results(variant.make, cpuEngine('float32'));
      const given = await results(variant.make, engineOf());
      const samples = await Promise.all(
        Array.from({ length: SAMPLES }, (_, seed) =>
          results(variant.make, engineFrom(jittered(seed))),
        ),
      );
      expected.forEach((P, layer) => {
        const off = samples.map((sample) => distance(sample[layer], P));
        expect(distance(given[layer], P)).toBeLessThanOrEqual(MARGIN * Math.max(...off));
      });
    });
  });
}
