// Carries experiments out: what is there already is left as it is, all else runs and is written down.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TensorFlow } from '../data/tensorflow.js';
import { startProgress } from '../report/progress.js';
import { openData } from './data.js';
import type { Backend } from './device.js';
import { checkpointAt } from './engine/checkpoint.js';
import { type Configuration, type DataChoice, identify } from './engine/configuration.js';
import { digestOf } from './engine/digest.js';
import { performApart, severalAtOnce } from './engine/processes.js';
import { type Found, type Measured, machineOf, type Results } from './engine/results.js';
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
 * Carries an experiment out. A run or a measurement that fails does not keep the others from being done; why is told
 * at once.
 *
 * @throws AggregateError at the end where some have failed.
 */
export async function conduct(
  tf: TensorFlow,
  name: string,
  experiment: Experiment,
  how: Conduct,
): Promise<void> {
  const { scope, results, out } = how;
  const checkpoints = join(out, 'checkpoints');
  mkdirSync(checkpoints, { recursive: true });
  const failures: unknown[] = [];
  const onFailure: OnFailure = (error) => {
    tell(name, error instanceof Error ? error.message : String(error));
    failures.push(error);
  };
  const all = runsOf(experiment, scope);
  const runs = await withTheirImages(all, how, onFailure);
  const { isApart = false } = experiment;
  await carryOut(tf, name, { runs, isApart, checkpoints }, how, onFailure);
  // One whose result was written may have been killed before its checkpoint went.
  for (const run of all) {
    if (results.outcomeOf(run) !== undefined)
      checkpointAt(join(checkpoints, identify(run))).remove();
  }
  for (const measurement of experiment.measurements?.(scope) ?? []) {
    try {
      await measure(tf, name, measurement, checkpoints, how);
    } catch (error) {
      onFailure(error);
    }
  }
  if (failures.length > 0) {
    throw new AggregateError(failures, `${failures.length} runs or measurements have failed`);
  }
}

function tell(name: string, text: string): void {
  process.stderr.write(`${name}: ${text}\n`);
}

type OnFailure = (error: unknown) => void;

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
  { runs, isApart, checkpoints }: Assignment,
  { results, data: folder, adapter, resume, jobs }: Conduct,
  onFailure: OnFailure,
): Promise<void> {
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

async function measure(
  tf: TensorFlow,
  name: string,
  measurement: Measured<object>,
  checkpoints: string,
  how: Conduct,
): Promise<void> {
  const { results, data: folder, adapter, resume } = how;
  const isKnown = results.measured(measurement) !== undefined;
  if (measurement.data !== undefined) await checkImages(measurement.data, !isKnown, how);
  if (isKnown) return;
  const on = measurement.readsLater ? adapter : undefined;
  const remark = (text: string): void => tell(name, text);
  await tf.setBackend(backendOf(on));
  try {
    const found = await measurement.measure({ tf, folder, checkpoints, resume, remark });
    results.addMeasurement(measurement, machineOf(tf, on), found);
  } finally {
    await tf.setBackend(backendOf(adapter));
  }
}

/** The runs that are to be carried out and whose images are there: what is decoded now need not be by every process. */
async function withTheirImages(
  runs: readonly Configuration[],
  how: Conduct,
  onFailure: OnFailure,
): Promise<Configuration[]> {
  const groups = new Map<string, Configuration[]>();
  for (const run of runs) {
    const choice = identify(run.data);
    groups.set(choice, [...(groups.get(choice) ?? []), run]);
  }
  const ready: Configuration[] = [];
  for (const group of groups.values()) {
    const missing = missingOf(group, how.results);
    try {
      await checkImages(group[0].data, missing.length > 0, how);
      ready.push(...missing);
    } catch (error) {
      onFailure(error);
    }
  }
  return ready;
}

/**
 * Images of which there are results must be those that are there now. Where nothing is to be done and the user names
 * no folder, none need be there.
 *
 * @throws RangeError where they are others, or absent.
 */
async function checkImages(
  choice: DataChoice,
  areNeeded: boolean,
  { results, data: folder }: Conduct,
): Promise<void> {
  if (!areNeeded && folder === undefined) return;
  const images = digestOf(await openData(choice, folder));
  const other = [...results.imagesOf(choice)].find((seen) => seen !== images);
  if (other === undefined) return;
  throw new RangeError(
    `${results.path} has results on other images of '${choice.name}' (${other}) than are here now (${images}): name another folder for results with --out`,
  );
}
