// Carries experiments out: what is there already is left as it is, all else runs and is written down.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TensorFlow } from '../data/tensorflow.js';
import { startProgress } from '../report/progress.js';
import { openData } from './data.js';
import type { Backend } from './device.js';
import { checkpointAt } from './engine/checkpoint.js';
import { type Configuration, identify } from './engine/configuration.js';
import { performApart, severalAtOnce } from './engine/processes.js';
import { type Found, machineOf, type Results } from './engine/results.js';
import { perform, type Work } from './engine/work.js';
import type { Experiment, Scope } from './studies/experiment.js';

const SECONDS_BETWEEN_CHECKPOINTS = 20;

/** How experiments are carried out. */
export interface Conduct {
  readonly scope: Scope;
  readonly results: Results;
  /** The folder of results and checkpoints. */
  readonly out: string;
  readonly data: string | undefined;
  /** What WebGPU computes on, where it does. */
  readonly adapter?: string | undefined;
  readonly resume: boolean;
  /** Processes of runs at once; 0 for none but this one. */
  readonly jobs: number;
}

/**
 * Carries an experiment out. A run or a measurement that fails does not keep the others from being done.
 *
 * @throws AggregateError at the end where some have failed.
 */
export async function conduct(
  tf: TensorFlow,
  name: string,
  experiment: Experiment,
  how: Conduct,
): Promise<void> {
  const { isApart = false, measurements } = experiment;
  const { scope, results, data: folder, out, adapter, resume } = how;
  const checkpoints = join(out, 'checkpoints');
  mkdirSync(checkpoints, { recursive: true });
  const failures: unknown[] = [];
  const missing = missingOf(runsOf(experiment, scope), results);
  if (missing.length > 0) {
    const assignment = { runs: missing, isApart, checkpoints };
    await carryOut(tf, name, assignment, how, (error) => failures.push(error));
  }
  for (const measurement of measurements?.(scope) ?? []) {
    if (results.measured(measurement) !== undefined) continue;
    const remark = (text: string): void => void process.stderr.write(`${name}: ${text}\n`);
    const on = measurement.readsLater ? adapter : undefined;
    await tf.setBackend(backendOf(on));
    try {
      const found = await measurement.measure({ tf, folder, checkpoints, resume, remark });
      results.addMeasurement(measurement, machineOf(tf, on), found);
    } catch (error) {
      failures.push(error);
    }
    await tf.setBackend(backendOf(adapter));
  }
  if (failures.length > 0) {
    throw new AggregateError(failures, `${failures.length} runs or measurements have failed`);
  }
}

function backendOf(adapter: string | undefined): Backend {
  return adapter === undefined ? 'wasm' : 'webgpu';
}

/** The runs of an experiment, each once. */
export function runsOf({ runs }: Experiment, scope: Scope): Configuration[] {
  return [...new Map((runs?.(scope) ?? []).map((run) => [identify(run), run])).values()];
}

/** Those of which nothing is known. */
export function missingOf(runs: readonly Configuration[], found: Found): Configuration[] {
  return runs.filter((run) => found.outcomeOf(run) === undefined);
}

/** Runs to carry out, and where. */
interface Assignment {
  readonly runs: readonly Configuration[];
  readonly isApart: boolean;
  readonly checkpoints: string;
}

async function carryOut(
  tf: TensorFlow,
  name: string,
  { runs: asked, isApart, checkpoints }: Assignment,
  { results, data: folder, adapter, resume, jobs }: Conduct,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const runs = await withData(asked, folder, onFailure);
  if (runs.length === 0) return;
  const steps = runs.reduce((sum, run) => sum + run.steps, 0);
  const progress = startProgress(name, steps);
  const done = new Map<Configuration, number>();
  let finished = 0;
  await severalAtOnce(runs, Math.max(1, jobs), async (run) => {
    const work: Work = {
      configuration: run,
      backend: backendOf(adapter),
      folder,
      checkpoint: join(checkpoints, identify(run)),
      secondsBetweenCheckpoints: SECONDS_BETWEEN_CHECKPOINTS,
    };
    const checkpoint = checkpointAt(work.checkpoint);
    if (!resume) checkpoint.remove();
    const onStep = (step: number, loss: number): void => {
      done.set(run, step);
      const all = [...done.values()].reduce((a, b) => a + b, 0);
      const remark = `${finished}/${runs.length} runs; ${run.optimizer.name}: loss ${loss.toFixed(3)}`;
      progress.update(all, remark);
    };
    try {
      const isHere = jobs === 0 && !isApart;
      const outcome = isHere ? await perform(tf, work, onStep) : await performApart(work, onStep);
      results.addRun(run, machineOf(tf, adapter), outcome);
      checkpoint.remove();
    } catch (error) {
      onFailure(error);
    }
    done.set(run, run.steps);
    finished += 1;
  });
  progress.stop();
}

/** The runs whose data is there: what is decoded now need not be by every process. */
async function withData(
  runs: readonly Configuration[],
  folder: string | undefined,
  onFailure: (error: unknown) => void,
): Promise<Configuration[]> {
  const groups = new Map<string, Configuration[]>();
  for (const run of runs) {
    const choice = JSON.stringify(run.data);
    groups.set(choice, [...(groups.get(choice) ?? []), run]);
  }
  const ready: Configuration[] = [];
  for (const group of groups.values()) {
    try {
      await openData(group[0].data, folder);
      ready.push(...group);
    } catch (error) {
      onFailure(error);
    }
  }
  return ready;
}
