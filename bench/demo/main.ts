// `npm run demo`: trains with every optimiser, looks at the curvature, prints and writes a report.

import { foldIn, type RandomKey, randomKey } from '../../src/core/random.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import type { Target } from '../approximation/targets.js';
import type { Split } from '../data/samples.js';
import { startTensorflow, type TensorFlow } from '../data/tensorflow.js';
import { environment, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { terminalTable } from '../report/table.js';
import { batchSize, rank, type Scope, scopes, stepsOf } from './configuration.js';
import { approaches, errorsAgainstRank, heatMapPanels, layerTargets } from './curvature.js';
import { readRequest, usage } from './options.js';
import { demoHtml, demoJson, type Outcome } from './report.js';
import {
  errorNotes,
  errorTable,
  formatCount,
  optimiserNotes,
  optimiserTable,
  settingsTable,
} from './tables.js';
import type { Task } from './task.js';
import { lenet, perceptron } from './tasks.js';
import { type Plan, type Training, trainAll } from './training.js';

const request = readRequest(process.argv.slice(2));
if (request.kind === 'run')
  await demonstrate(scopes[request.quick ? 'quick' : 'full'], request.seed);
else if (request.kind === 'help') console.log(usage);
else {
  console.error(`demo: ${request.message}\n\n${usage}`);
  process.exitCode = 2;
}

async function demonstrate(scope: Scope, seed: number): Promise<void> {
  const started = performance.now();
  const outcome = await run(scope, seed);
  const { errors } = outcome;
  for (const trained of outcome.trained) {
    console.log(
      `\n${terminalTable(optimiserTable(trained))}\n${wrapped(optimiserNotes(trained.runs, scope))}`,
    );
  }
  console.log(
    `\n${terminalTable(errorTable(errors, scope.sketches))}\n${wrapped(errorNotes(scope))}`,
  );
  const json = writeResultFile('demo.json', demoJson(outcome));
  const html = writeResultFile('demo.html', await demoHtml(outcome));
  const seconds = Math.round((performance.now() - started) / 1e3);
  console.log(`\nWritten in ${seconds} s: ${json} (figures) and ${html} (report with charts).`);
}

async function run(scope: Scope, seed: number): Promise<Outcome> {
  const tf = await startTensorflow();
  await registerKernels(tf);
  const tensorflow = { version: tf.version_core, backend: tf.getBackend() };
  const { images, epochs, validateEvery } = scope;
  const steps = stepsOf(scope);
  console.log(
    `nysact ${environment().nysact}, TensorFlow.js ${tensorflow.version} (${tensorflow.backend}, on kernels of nysact/tfjs-wasm), ${scope.name} run, seed ${seed}\n` +
      `Of each data set ${formatCount(images.train)} images to train, ${formatCount(images.validation)} to validate, ${formatCount(images.test)} to test\n` +
      `${epochs} epoch${epochs === 1 ? '' : 's'} of batches of ${batchSize}, ${steps} steps`,
  );
  const key = randomKey(seed);
  const plan = { steps, validateEvery, seed, key: foldIn(key, 2) };
  const data = perceptron.load({ ...images, seed });
  const ofPerceptron = train(tf, perceptron, data, plan);

  const targets = layerTargets(tf, ofPerceptron.model, data.train, scope.rows);
  const { errors, heatMaps } = approximate(targets, scope, foldIn(key, 3));
  const ofLenet = train(tf, lenet, lenet.load({ ...images, seed }), plan);
  return {
    scope,
    seed,
    tensorflow,
    trained: [
      { task: perceptron, runs: ofPerceptron.runs },
      { task: lenet, runs: ofLenet.runs },
    ],
    errors,
    heatMaps,
  };
}

/** Trains with every optimiser of a task. */
function train(tf: TensorFlow, task: Task, data: Split, plan: Plan): Training {
  const { title, network, contestants, notes } = task;
  console.log(`\n${title}: ${network}\n${terminalTable(settingsTable(task))}\n${wrapped(notes)}\n`);
  const progress = startProgress(task.name, plan.steps * contestants.length);
  const training = trainAll(tf, task, data, plan, progress);
  progress.stop();
  return training;
}

/** What sketches make of the second moments. */
function approximate(
  targets: readonly Target[],
  { ranks, sketches }: Scope,
  key: RandomKey,
): Pick<Outcome, 'errors' | 'heatMaps'> {
  const progress = startProgress('sketching', targets.length * ranks.length * approaches.length);
  const errors = errorsAgainstRank(targets, { ranks, sketches, key }, progress);
  progress.stop();
  const heatMaps = targets.map((target) => ({ target, panels: heatMapPanels(target, rank, key) }));
  return { errors, heatMaps };
}

/** Paragraphs, their lines at most 96 characters long. */
function wrapped(paragraphs: readonly string[]): string {
  return paragraphs.map((text) => text.replace(/(.{1,96})(?: |$)/g, '$1\n').trimEnd()).join('\n');
}
