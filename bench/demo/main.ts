// `npm run demo`: trains with every optimiser, looks at the curvature, prints and writes a report.

import { foldIn, randomKey } from '../../src/core/random.js';
import { loadMnist } from '../data/mnist.js';
import { startTensorflow } from '../data/tensorflow.js';
import { environment, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { terminalTable } from '../report/table.js';
import {
  batchSize,
  contestants,
  rank,
  type Scope,
  scopes,
  settingsNotes,
  stepsOf,
  widths,
} from './configuration.js';
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
import { trainAll } from './training.js';

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
  const { runs, errors } = outcome;
  console.log(`\n${terminalTable(optimiserTable(runs))}\n${wrapped(optimiserNotes(runs, scope))}`);
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
  const tensorflow = { version: tf.version_core, backend: tf.getBackend() };
  const { images, epochs, validateEvery } = scope;
  const steps = stepsOf(scope);
  console.log(
    `nysact ${environment().nysact}, TensorFlow.js ${tensorflow.version} (${tensorflow.backend}), ${scope.name} run, seed ${seed}\n` +
      `MNIST: ${formatCount(images.train)} images to train, ${formatCount(images.validation)} to validate, ${formatCount(images.test)} to test\n` +
      `Perceptron ${widths.join('–')}: ${epochs} epoch${epochs === 1 ? '' : 's'} of batches of ${batchSize}, ${steps} steps\n\n` +
      `${terminalTable(settingsTable(contestants))}\n${wrapped(settingsNotes)}\n`,
  );
  const data = loadMnist({ ...images, seed });
  const key = randomKey(seed);

  const training = startProgress('training', steps * contestants.length);
  const plan = { steps, validateEvery, seed, key: foldIn(key, 2) };
  const { runs, model } = trainAll(tf, contestants, data, plan, training);
  training.stop();

  const targets = layerTargets(tf, model, data.train, scope.rows);
  const { ranks, sketches } = scope;
  const sketchKey = foldIn(key, 3);
  const sketching = startProgress('sketching', targets.length * ranks.length * approaches.length);
  const errors = errorsAgainstRank(targets, { ranks, sketches, key: sketchKey }, sketching);
  sketching.stop();

  const heatMaps = targets.map((target) => ({
    target,
    panels: heatMapPanels(target, rank, sketchKey),
  }));
  return { scope, seed, tensorflow, runs, errors, heatMaps };
}

/** Paragraphs, their lines at most 96 characters long. */
function wrapped(paragraphs: readonly string[]): string {
  return paragraphs.map((text) => text.replace(/(.{1,96})(?: |$)/g, '$1\n').trimEnd()).join('\n');
}
