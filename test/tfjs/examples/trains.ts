// What is expected of every example: its loss falls, nothing leaks, and the report names every layer.

import type { LayersModel } from '@tensorflow/tfjs';
import { expect } from 'vitest';
import type { TfjsOptimizer } from '../../../src/tfjs/index.js';
import { tf } from '../backends.js';

/** The mean of some numbers. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

/** One step of training; gives the loss before it. */
export type TrainStep = () => Promise<number>;

/** Trains for `steps`: the mean loss of the last four is below `share` of that of the first four. */
export async function expectTraining(step: TrainStep, steps: number, share: number): Promise<void> {
  const losses: number[] = [];
  let during = 0;
  for (let k = 0; k < steps; k++) {
    losses.push(await step());
    // The first steps build layers and state.
    if (k === 3) during = tf.memory().numTensors;
  }
  expect(tf.memory().numTensors).toBe(during);
  expect(mean(losses.slice(-4))).toBeLessThan(share * mean(losses.slice(0, 4)));
}

/** The kinds under which a model's variables are preconditioned, or the reasons why not, by layer. */
export function kindsOf(optimizer: TfjsOptimizer, model: LayersModel): Record<string, string[]> {
  const kinds: Record<string, string[]> = {};
  for (const { layer, kind, reason } of optimizer.report(model)) {
    kinds[layer] = [...(kinds[layer] ?? []), kind ?? reason ?? 'nothing is said'];
  }
  return kinds;
}
