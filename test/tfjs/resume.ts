// Training that is interrupted.

import { expect } from 'vitest';
import type { TfjsOptimizer } from '../../src/tfjs/index.js';
import type { tf } from './backends.js';
import { crossEntropy, weightsOf } from './models.js';

/** A model and an optimiser, always the same, and what they are trained on. */
interface Resumed {
  network(this: void): ReturnType<typeof tf.sequential>;
  make(this: void): TfjsOptimizer;
  readonly batch: Parameters<typeof crossEntropy>[1];
}

/** Six steps end where three end that go on from the exported state of three before. */
export async function expectSameBitsAfterRestore({ network, make, batch }: Resumed): Promise<void> {
  const [whole, half] = [network(), network()];
  const [through, early, late] = [make(), make(), make()];
  const [lossOfWhole, lossOfHalf] = [whole, half].map((model) => crossEntropy(model, batch));
  for (let k = 0; k < 6; k++) through.minimize(lossOfWhole);
  for (let k = 0; k < 3; k++) early.minimize(lossOfHalf);
  late.restoreState(await early.exportState());
  for (let k = 0; k < 3; k++) late.minimize(lossOfHalf);
  expect(weightsOf(half)).toEqual(weightsOf(whole));
  for (const one of [whole, half, through, early, late]) one.dispose();
}
