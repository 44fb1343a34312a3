// Processes of runs that are killed, by a signal that they cannot answer, while they write a checkpoint.

import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTensorflow } from '../../bench/data/tensorflow.js';
import { checkpointAt } from '../../bench/experiments/engine/checkpoint.js';
import type { Configuration } from '../../bench/experiments/engine/configuration.js';
import type { Outcome } from '../../bench/experiments/engine/outcome.js';
import type { Answer } from '../../bench/experiments/engine/processes.js';
import { perform, type Work } from '../../bench/experiments/engine/work.js';
import { type OptimizerName, optimizers } from '../../bench/experiments/optimizers.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';

let folder: string;
let script: string;
const tf = await startTensorflow();
const registered = await registerKernels(tf);

beforeAll(async () => {
  // Where the packages are found.
  mkdirSync('build', { recursive: true });
  folder = resolve(mkdtempSync('build/killed-'));
  script = join(folder, 'child.mjs');
  await build({
    entryPoints: ['bench/experiments/child.ts'],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    outfile: script,
    logLevel: 'silent',
  });
});

afterAll(() => {
  registered.restore();
  rmSync(folder, { recursive: true });
});

function workOf(name: OptimizerName, file: string): Work {
  const { cifar } = optimizers[name].paper;
  const cadence = name === 'sgd' ? {} : { observeEvery: 2, refreshEvery: 3 };
  const configuration: Configuration = {
    network: 'lenet',
    data: { name: 'mnist', train: 256, validation: 64, test: 64 },
    optimizer: { name, options: { ...cifar, ...cadence, learningRate: 0.01 } },
    seed: 3,
    batch: 32,
    steps: 12,
    validations: 4,
    augmentation: 'crop and flip',
  };
  return {
    backend: 'wasm',
    configuration,
    folder: undefined,
    checkpoint: join(folder, file),
    secondsBetweenCheckpoints: 0,
  };
}

/** Moments of the third save of a process, and what is there afterwards: two steps, or three. */
const MOMENTS = {
  'in the middle of a draft': { of: 'writeSync', part: '8', dies: 'after', kept: 2 },
  'before the draft takes its place': { of: 'renameSync', part: '', dies: 'before', kept: 2 },
  'behind that': { of: 'renameSync', part: '', dies: 'after', kept: 3 },
} as const;
type Moment = (typeof MOMENTS)[keyof typeof MOMENTS];

/** Has a process kill itself: no signal from outside would come at the moment that is meant. */
function selfKilling({ of, part, dies }: Moment): string {
  const kill = "process.kill(process.pid, 'SIGKILL');";
  const program = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const call = fs.${of};
    let calls = 0;
    fs.${of} = (...given) => {
      if (++calls < 3) return call(...given);
      ${dies === 'before' ? kill : ''}
      call(...given${part === '' ? '' : `, ${part}`});
      ${kill}
    };
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(program)}`;
}

/** What a process tells and how it ends. */
function processOf(
  work: Work,
  moment?: Moment,
): Promise<{ first?: number; outcome?: Outcome; signal: string | null }> {
  const execArgv = moment === undefined ? [] : ['--import', selfKilling(moment)];
  const child = fork(script, { serialization: 'advanced', execArgv });
  const told: { first?: number; outcome?: Outcome } = {};
  return new Promise((settle, reject) => {
    child.on('message', (answer: Answer) => {
      if (answer.kind === 'failure') reject(new Error(answer.message));
      if (answer.kind === 'outcome') told.outcome = answer.outcome;
      if (answer.kind === 'step') told.first ??= answer.step;
    });
    child.on('error', reject);
    child.on('exit', (_, signal) => settle({ ...told, signal }));
    child.send(work);
  });
}

test.each(['sgd', 'nysact-g'] as const)(
  'a run that is killed while it saves goes on from what was whole, and ends with the same bits: %s',
  async (name) => {
    const work = workOf(name, name);
    const whole = await perform(tf, workOf(name, `${name}-whole`), () => {});
    let kept = 0;
    for (const moment of Object.values(MOMENTS)) {
      const { first, outcome, signal } = await processOf(work, moment);
      expect({ first, outcome, signal }).toEqual({ first: kept + 1, signal: 'SIGKILL' });
      kept += moment.kept;
    }
    const { first, outcome } = await processOf(work);
    expect(first).toBe(kept + 1);
    expect(outcome?.findings).toEqual(whole.findings);
    expect(outcome?.curve).toEqual(whole.curve);
  },
);

test('what a process left that was killed while it saved goes with the checkpoint, and nothing else', () => {
  const path = join(folder, 'left');
  const checkpoint = checkpointAt<object>(path);
  checkpoint.save({});
  // No process has the first number; the second is this one.
  const drafts = [`left.${2 ** 31 - 1}.draft`, `left.${process.pid}.draft`, 'leftover.1.draft'];
  for (const draft of drafts) writeFileSync(join(folder, draft), 'half');
  checkpoint.remove();
  const kept = readdirSync(folder).filter((file) => file.startsWith('left'));
  expect(kept.toSorted()).toEqual([drafts[1], drafts[2]].toSorted());
});
