// The study: every contender is tuned alike, and runs at its best setting from every seed.

import { randomKey } from '../../src/core/random.js';
import type { Split } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { batchesOf } from '../demo/batches.js';
import { evaluate } from '../demo/model.js';
import type { Progress } from '../report/progress.js';
import type { Ended, Ledger } from '../study/ledger.js';
import { trained } from '../study/trial.js';
import type { Contender, Setting } from './contenders.js';
import type { Task } from './tasks.js';

/** What settings are chosen with: no seed of those that are reported. */
const TUNING_SEED = 101;

/** A run, by all that tells it from others. */
interface Subject extends Setting {
  readonly task: string;
  readonly contender: string;
  readonly batch: number;
  readonly steps: number;
  readonly seed: number;
  /** The images that it is judged on: of validation while settings are chosen, else of the test. */
  readonly on: 'validation' | 'test';
}

/** What one run found. */
export interface Run extends Subject, Ended {}

/** What the study is made of. */
export interface Study {
  readonly data: Split;
  readonly tasks: readonly Task[];
  readonly contenders: readonly Contender[];
  /** Of weights, of the order of batches, and of sketches. */
  readonly seeds: readonly number[];
}

/** Runs of a whole study. */
export function runsOf({ tasks, contenders, seeds }: Omit<Study, 'data'>): number {
  return (
    tasks.length * contenders.reduce((n, { settings }) => n + settings.length + seeds.length, 0)
  );
}

/**
 * All runs: of one seed, all contenders start from the same weights and see the same batches. The best setting
 * is that of the least loss on validation images; test images are seen after the choice.
 */
export function study(
  tf: TensorFlow,
  { data, tasks, contenders, seeds }: Study,
  ledger: Ledger,
  progress: Progress,
): Run[] {
  const runs: Run[] = [];
  for (const task of tasks) {
    for (const contender of contenders) {
      const run = (setting: Setting, seed: number, on: Subject['on']): Run => {
        const { key, batch, steps } = task;
        const subject = {
          task: key,
          contender: contender.name,
          batch,
          steps,
          ...setting,
          seed,
          on,
        };
        const ended = ledger.once(subject, () => {
          const choice = { batchSize: batch, key: randomKey(seed) };
          return trained(
            tf,
            {
              model: task.model(tf, seed),
              optimizer: contender.make(tf, setting, { steps, seed }),
              steps,
              batch: batchesOf(tf, data.train, choice),
            },
            (model) => evaluate(tf, model, data[on]),
          );
        });
        const found = { ...subject, ...ended };
        runs.push(found);
        progress.update(runs.length, `${task.name}: ${contender.name}`);
        return found;
      };
      const tried = contender.settings.map(
        (setting) => [setting, run(setting, TUNING_SEED, 'validation')] as const,
      );
      const [best] = tried.reduce((a, b) => (b[1].loss < a[1].loss ? b : a));
      for (const seed of seeds) run(best, seed, 'test');
    }
  }
  return runs;
}
