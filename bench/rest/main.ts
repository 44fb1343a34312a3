// `npm run bench -- rest`: what should train that is not preconditioned? A study on recurrent layers and
// embeddings, every optimiser with the same number of learning rates.

import { parseArgs } from 'node:util';
import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { DivergenceError } from '../../src/core/errors.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { startTensorflow, type TensorFlow } from '../data/tensorflow.js';
import { type Batch, crossEntropy, type Evaluation, outputOf } from '../demo/model.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { mean } from '../report/statistics.js';
import { terminalTable } from '../report/table.js';
import { CONTENDERS, type Contender } from './contenders.js';
import { BATCH, TASKS, type Task } from './tasks.js';

/** Steps of a run: a short budget. */
const STEPS = 150;

/** One run: what it ended with on data that it never saw. */
interface Run {
  readonly task: string;
  readonly contender: string;
  readonly learningRate: number;
  readonly seed: number;
  /** Infinity where it diverged. */
  readonly loss: number;
  readonly accuracy: number;
}

/** Runs the study, prints its tables, and writes bench/results/rest.json. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seeds: { type: 'string', default: '3' },
      tasks: { type: 'string', default: TASKS.map(({ key }) => key).join(',') },
    },
  });
  const seeds = Number(values.seeds);
  if (!Number.isInteger(seeds) || seeds < 1)
    throw new RangeError('--seeds: expected an integer >= 1');
  const tasks = values.tasks.split(',').map(taskOf);
  const tf = await startTensorflow();
  await registerKernels(tf);
  const runs: Run[] = [];
  const total = tasks.length * seeds * CONTENDERS.reduce((n, { rates }) => n + rates.length, 0);
  const progress = startProgress('study', total);
  for (const task of tasks) {
    for (let seed = 1; seed <= seeds; seed++) {
      for (const contender of CONTENDERS) {
        for (const learningRate of contender.rates) {
          runs.push(trained(tf, task, contender, learningRate, seed));
          progress.update(runs.length, task.name);
        }
      }
    }
  }
  progress.stop();
  for (const { name } of tasks) console.log(`\n${terminalTable(tableOf(name, runs))}`);
  const file = writeResultFile(
    'rest.json',
    resultJson({
      name: 'rest',
      seed: seeds,
      backend: { name: 'tfjs', variant: 'wasm, kernels of nysact/tfjs-wasm', threads: 1 },
      configuration: { seeds, batch: BATCH, steps: STEPS },
      results: runs,
    }),
  );
  console.log(`\nwritten to ${file}`);
}

function taskOf(key: string): Task {
  const task = TASKS.find((one) => one.key === key);
  if (task !== undefined) return task;
  const known = TASKS.map((one) => one.key).join(', ');
  throw new RangeError(`--tasks: no task is called '${key}', expected some of ${known}`);
}

function trained(
  tf: TensorFlow,
  task: Task,
  contender: Contender,
  learningRate: number,
  seed: number,
): Run {
  const source = task.source(tf, seed);
  const model = task.model(tf, seed);
  const optimizer = contender.make(tf, learningRate, seed);
  const inTraining = { apply: (x: Tensor) => model.apply(x, { training: true }) };
  const found = { task: task.name, contender: contender.name, learningRate, seed };
  try {
    for (let step = 0; step < STEPS; step++) {
      const now = source.batch(step);
      optimizer.minimize(() => crossEntropy(tf, inTraining, now));
      tf.dispose([now.x, now.y]);
    }
    return { ...found, ...judged(tf, model, source.heldOut()) };
  } catch (error) {
    // To diverge is a result.
    if (!(error instanceof DivergenceError || error instanceof RangeError)) throw error;
    return { ...found, loss: Infinity, accuracy: 0 };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

function judged(tf: TensorFlow, model: LayersModel, { x, y }: Batch): Evaluation {
  const [loss, accuracy] = tf.tidy(() => {
    const logits = outputOf(tf, model, x);
    const hits = logits.argMax(1).equal(y.argMax(1)).mean();
    return [tf.losses.softmaxCrossEntropy(y, logits), hits].map((one) => one.dataSync()[0]);
  });
  tf.dispose([x, y]);
  return { loss: Number.isFinite(loss) ? loss : Infinity, accuracy };
}

/** For every contender: mean loss and accuracy at the rate that is best in the mean, and at each rate. */
function tableOf(task: string, runs: readonly Run[]): Parameters<typeof terminalTable>[0] {
  return {
    title: task,
    columns: [
      { heading: 'optimiser', align: 'left' },
      { heading: 'best rate', align: 'right' },
      { heading: 'held-out loss', align: 'right' },
      { heading: 'accuracy', align: 'right' },
      { heading: 'loss by rate', align: 'left' },
    ],
    rows: CONTENDERS.map(({ name, rates }) => {
      const by = rates.map((rate) => {
        const own = runs.filter(
          (one) => one.task === task && one.contender === name && one.learningRate === rate,
        );
        return {
          rate,
          loss: mean(own.map(({ loss }) => loss)),
          accuracy: mean(own.map(({ accuracy }) => accuracy)),
        };
      });
      const best = by.reduce((a, b) => (b.loss < a.loss ? b : a));
      return [
        name,
        String(best.rate),
        best.loss.toFixed(3),
        `${(100 * best.accuracy).toFixed(1)} %`,
        by.map(({ rate, loss }) => `${rate}: ${loss.toFixed(3)}`).join('  '),
      ];
    }),
  };
}
