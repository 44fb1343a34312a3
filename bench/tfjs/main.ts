// `npm run bench -- tfjs`: training in TensorFlow.js on our kernels.

import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { tfjsBackend } from '../../src/tfjs/index.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { startTensorflow, type TensorFlow } from '../data/tensorflow.js';
import { formatMeasured } from '../report/format.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { markdownTable, type Table, terminalTable } from '../report/table.js';
import { chosen, keysOf } from '../study/chosen.js';
import { type ConvolutionRow, convolutionLayers, timeConvolutions } from './convolutions.js';
import { type Workload, workloads } from './models.js';
import { cadence, type OptimizerRow, rank, timeOptimizers } from './optimizers.js';
import {
  convolutionAim,
  convolutionTable,
  nysactAims,
  optimizerTable,
  stepAims,
  stepTable,
} from './report.js';
import { type StepRow, timeSteps } from './steps.js';

/** How much is measured; budgets are milliseconds of each network, or of each convolution. */
export interface Scope {
  readonly steps: { readonly budget: number; readonly rounds: number };
  readonly convolutions: number;
  readonly optimizers: { readonly budget: number; readonly turns: number };
}

const FULL: Scope = {
  steps: { budget: 5_000, rounds: 3 },
  convolutions: 300,
  optimizers: { budget: 15_000, turns: 6 },
};

const QUICK: Scope = {
  steps: { budget: 500, rounds: 2 },
  convolutions: 100,
  optimizers: { budget: 2_000, turns: 2 },
};

/** Runs the benchmark, prints its tables and writes bench/results/tfjs.json. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: '1' },
      models: { type: 'string', default: keysOf(workloads) },
      quick: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
    },
  });
  const seed = Number(values.seed);
  const models = chosen('models', values.models, workloads);
  const scope = values.quick ? QUICK : FULL;
  const tf = await startTensorflow();
  const show = (table: Table): void =>
    console.log(`${values.markdown ? markdownTable(table) : terminalTable(table)}\n`);
  const before = loadavg()[0];
  const results = await measure(tf, models, { scope, seed, show });
  const load = { before, after: loadavg()[0] };

  const cpu = cpus()[0]?.model ?? 'an unknown CPU';
  console.log(
    `On one thread of ${cpu}, Node ${process.version}, TensorFlow.js ${tf.version_core}; ${formatMeasured(load.before)} processes ran before, ${formatMeasured(load.after)} after.`,
  );
  const json = resultJson({
    name: 'tfjs',
    seed,
    backend: tfjsBackend(tf).info,
    configuration: { ...scope, ...cadence, rank, tensorflow: tf.version_core },
    results: {
      load,
      aims: { step: stepAims, convolution: convolutionAim, nysact: nysactAims },
      ...results,
    },
  });
  console.log(`Written to ${writeResultFile('tfjs.json', json)}.`);
}

/** What a run finds. */
export interface Results {
  readonly steps: readonly StepRow[];
  readonly convolutions: readonly ConvolutionRow[];
  readonly optimizers: readonly OptimizerRow[];
}

/** How {@link measure} goes about it. */
export interface Measurement {
  readonly scope: Scope;
  readonly seed: number;
  /** Is given every table as soon as it is full. */
  readonly show: (table: Table) => void;
}

/** Measures everything about the networks; the convolutions are those of ResNet-20. */
export async function measure(
  tf: TensorFlow,
  models: readonly Workload[],
  { scope, seed, show }: Measurement,
): Promise<Results> {
  const steps = await each('steps', models, (workload) =>
    timeSteps(tf, workload, { ...scope.steps, seed }),
  );
  show(stepTable(steps));
  const kernels = await registerKernels(tf);
  try {
    const layers = models.some(({ key }) => key === 'resnet20') ? convolutionLayers : [];
    const rows = await each('convolutions', layers, (layer) =>
      timeConvolutions(tf, layer, scope.convolutions),
    );
    const convolutions = rows.flat();
    if (convolutions.length > 0) show(convolutionTable(convolutions));
    const optimizers = await each('optimisers', models, (workload) =>
      timeOptimizers(tf, workload, { ...scope.optimizers, seed }),
    );
    show(optimizerTable(optimizers));
    return { steps, convolutions, optimizers };
  } finally {
    kernels.restore();
  }
}

/** What `time` finds about every subject, with progress. */
async function each<S, R>(
  label: string,
  subjects: readonly S[],
  time: (subject: S) => R | Promise<R>,
): Promise<R[]> {
  const progress = startProgress(label, subjects.length);
  const found: R[] = [];
  try {
    for (const subject of subjects) {
      found.push(await time(subject));
      progress.update(found.length);
    }
  } finally {
    progress.stop();
  }
  return found;
}
