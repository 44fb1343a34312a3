// A run as it is given to whoever carries it out, in this process or in one of its own.

import { setImmediate } from 'node:timers/promises';
import type { TensorFlow } from '../../data/tensorflow.js';
import { openData } from '../data.js';
import type { Backend } from '../device.js';
import { checkpointAt } from './checkpoint.js';
import type { Configuration, DataChoice } from './configuration.js';
import type { Outcome } from './outcome.js';
import { runConfiguration } from './run.js';
import type { Dataset } from './source.js';

/** A run, what computes it, the folder of its data, and the file of its checkpoint. */
export interface Work {
  readonly backend: Backend;
  readonly configuration: Configuration;
  readonly folder: string | undefined;
  readonly checkpoint: string;
  readonly secondsBetweenCheckpoints: number;
}

/** Told after a step: how many there were, and the loss before it. */
export type OnStep = (step: number, loss: number) => void;

/** Samples that were loaded already. */
const loaded = new Map<string, Promise<Dataset>>();

function dataOf(choice: DataChoice, folder: string | undefined): Promise<Dataset> {
  const key = JSON.stringify([choice, folder]);
  const data = loaded.get(key) ?? openData(choice, folder);
  loaded.set(key, data);
  return data;
}

/** Carries a run out, from its checkpoint if there is one. */
export async function perform(
  tf: TensorFlow,
  { configuration, folder, checkpoint, secondsBetweenCheckpoints }: Work,
  onStep: OnStep,
): Promise<Outcome> {
  const data = await dataOf(configuration.data, folder);
  let last = performance.now();
  return runConfiguration(tf, configuration, data, {
    checkpoint: checkpointAt(checkpoint),
    isDue: () => {
      if (performance.now() - last < 1e3 * secondsBetweenCheckpoints) return false;
      last = performance.now();
      return true;
    },
    onStep: async (step, loss) => {
      onStep(step, loss);
      // So that messages and signals are heard.
      await setImmediate();
    },
  });
}
