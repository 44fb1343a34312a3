// Experiments as a whole: what is asked for, what is found and kept, how settings are chosen.

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { startTensorflow } from '../../bench/data/tensorflow.js';
import { conduct } from '../../bench/experiments/conduct.js';
import { checkpointAt } from '../../bench/experiments/engine/checkpoint.js';
import { type Configuration, identify } from '../../bench/experiments/engine/configuration.js';
import type { Outcome } from '../../bench/experiments/engine/outcome.js';
import { severalAtOnce } from '../../bench/experiments/engine/processes.js';
import { RESNET } from '../../bench/experiments/engine/recipe.js';
import { machineOf, Results, type Speed } from '../../bench/experiments/engine/results.js';
import { listing } from '../../bench/experiments/list.js';
import { type OptimizerName, optimizers, PAPER_ORDER } from '../../bench/experiments/optimizers.js';
import { report } from '../../bench/experiments/report.js';
import { readRequest, usage } from '../../bench/experiments/request.js';
import { speedOf } from '../../bench/experiments/speed.js';
import { stepsTo } from '../../bench/experiments/studies/accuracy.js';
import type { Experiment, Scale, Scope } from '../../bench/experiments/studies/experiment.js';
import { experiments } from '../../bench/experiments/studies/index.js';
import { printedAccuracy, printedCost } from '../../bench/experiments/studies/paper.js';
import { ACCURACY, optionsIn } from '../../bench/experiments/studies/settings.js';
import { trialsOf, tuned, tuningRuns } from '../../bench/experiments/studies/tuning.js';
import { formatMeasured } from '../../bench/report/format.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';

const tf = await startTensorflow();
const registered = await registerKernels(tf);
const folder = mkdtempSync(join(tmpdir(), 'conduct-'));
afterAll(() => {
  registered.restore();
  rmSync(folder, { recursive: true });
});

const scope: Scope = { scale: 'smoke', seeds: 2 };
const [{ setting }] = ACCURACY.smoke.table3;
let files = 0;

function emptyResults(): { readonly path: string; readonly results: Results } {
  const path = join(folder, `results-${files++}.jsonl`);
  return { path, results: new Results(path) };
}

function outcomeWith(accuracy: number | undefined, validation: number): Outcome {
  return {
    images: 'of a test',
    findings:
      accuracy === undefined
        ? { diverged: { step: 3, message: 'a loss is not finite' } }
        : { test: { loss: 1, accuracy } },
    curve: [
      { step: 4, loss: 2, validation: { loss: 2, accuracy: validation / 2 } },
      { step: 8, loss: 1, validation: { loss: 1, accuracy: validation } },
    ],
    cost: { seconds: [1, 3], tensorBytes: 10, processBytes: 20, stateBytes: 5 },
  };
}

describe('the command line', () => {
  test('asks for the small scale, three seeds and two runs at once unless told otherwise', () => {
    expect(readRequest(['table3'])).toEqual({
      task: 'run',
      names: ['table3'],
      scale: 'small',
      seeds: 3,
      resume: false,
      jobs: 2,
      data: undefined,
      backend: 'wasm',
      out: undefined,
    });
    expect(readRequest(['table4', '--scale', 'full'])?.backend).toBe('auto');
    expect(readRequest(['table4', '--backend', 'webgpu'])?.backend).toBe('webgpu');
    expect(readRequest(['all', '--scale', 'smoke'])).toMatchObject({
      names: Object.keys(experiments),
      seeds: 1,
      jobs: 0,
    });
    expect(readRequest(['report'])).toMatchObject({
      task: 'report',
      names: Object.keys(experiments),
    });
    expect(readRequest(['--list', '--seeds', '7'])).toMatchObject({ task: 'list', seeds: 7 });
    expect(readRequest(['table6', 'table3', 'table6'])?.names).toEqual(['table6', 'table3']);
    expect(readRequest([])).toBeUndefined();
    expect(readRequest(['--help', 'table3'])).toBeUndefined();
  });

  test.each([
    [['table9'], "no experiment 'table9', expected introduction, table1"],
    [['report', 'all', 'table9'], "no experiment 'table9', expected introduction, table1"],
    [['--list', '--backend', 'webgpu'], '--backend webgpu: the times of --list are of WebAssembly'],
    [['table3', '--scale', 'large'], "--scale is 'large', expected smoke, small or full"],
    [['table3', '--seeds', '0'], "--seeds is '0', expected an integer >= 1"],
    [['table3', '--backend', 'cuda'], "--backend is 'cuda', expected wasm or webgpu"],
    [['table3', '--jobs', ''], "--jobs is '', expected an integer >= 0"],
    [['table3', '--fast'], "Unknown option '--fast'"],
  ])('refuses %j', (args, message) => {
    expect(() => readRequest(args)).toThrow(message);
  });

  test('tells of every experiment and option', () => {
    for (const name of Object.keys(experiments)) expect(usage).toContain(name);
    for (const option of ['scale', 'seeds', 'resume', 'data', 'backend', 'jobs', 'out', 'list']) {
      expect(usage).toContain(`--${option}`);
    }
  });
});

const run: Configuration = {
  ...setting,
  optimizer: { name: 'sgd', options: optimizers.sgd.paper.cifar },
  seed: 1,
};

describe('results', () => {
  test('are found again by what ran, in a file of one line each', () => {
    const { path, results } = emptyResults();
    results.addRun(run, machineOf(tf), outcomeWith(0.5, 0.4));
    results.addRun({ ...run, seed: 2 }, machineOf(tf), outcomeWith(undefined, Number.NaN));
    const again = new Results(path);
    expect(again.outcomeOf(run)).toEqual(outcomeWith(0.5, 0.4));
    expect(again.outcomeOf({ ...run, seed: 2 })?.findings.diverged?.step).toBe(3);
    expect(again.outcomeOf({ ...run, seed: 3 })).toBeUndefined();
    expect(again.machines).toHaveLength(2);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0])).toMatchObject({ kind: 'run', configuration: run });
    expect(lines[1]).toContain('"NaN"');
  });

  test('outlive lines that were cut off, whoever writes behind them, and tell of each once', () => {
    const { path, results } = emptyResults();
    results.addRun(run, machineOf(tf), outcomeWith(0.5, 0.4));
    appendFileSync(path, '{"kind":"run","id":"ü');
    // Has read nothing since it was cut off.
    results.addRun({ ...run, seed: 2 }, machineOf(tf), outcomeWith(0.6, 0.4));
    appendFileSync(path, '{"kind":"run"');
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const before = readFileSync(path);
    const again = new Results(path);
    expect(readFileSync(path)).toEqual(before);
    expect(warn.mock.calls).toEqual([
      [`${path}:2: not JSON, left out`],
      [`${path}:4: not JSON, left out`],
    ]);
    again.addRun({ ...run, seed: 3 }, machineOf(tf), outcomeWith(0.7, 0.4));
    const last = new Results(path);
    const found = [1, 2, 3].map((seed) => last.outcomeOf({ ...run, seed })?.findings.test);
    expect(found.map((evaluation) => evaluation?.accuracy)).toEqual([0.5, 0.6, 0.7]);
    warn.mockRestore();
  });

  test('that ended without a newline are whole', () => {
    const { path, results } = emptyResults();
    results.addRun(run, machineOf(tf), outcomeWith(0.5, 0.4));
    truncateSync(path, statSync(path).size - 1);
    new Results(path).addRun({ ...run, seed: 2 }, machineOf(tf), outcomeWith(0.6, 0.4));
    expect(new Results(path).machines).toHaveLength(2);
  });

  test('of another kind are refused', () => {
    const { path } = emptyResults();
    appendFileSync(path, '{"kind":"walk"}\n');
    expect(() => new Results(path)).toThrow(`${path}:1: no result of a run or a measurement`);
  });
});

describe('settings', () => {
  const names = Object.keys(optimizers).filter((name): name is OptimizerName => name in optimizers);

  test.each(['smoke', 'small', 'full'] as const)(
    'are tried as often for every optimiser: %s',
    (scale) => {
      const counts = names.map(
        (name) => new Set(trialsOf(name, scale).map((s) => JSON.stringify(s))).size,
      );
      expect(new Set(counts).size).toBe(1);
      for (const name of names) {
        if (counts[0] > 0) {
          expect(trialsOf(name, scale)).toContainEqual(optimizers[name].paper.cifar);
        }
      }
    },
  );

  test('are reported with what did best and what is taken', async () => {
    const { results } = emptyResults();
    const [first, second] = tuningRuns(setting, 'sgd', 'smoke');
    results.addRun(first, machineOf(tf), outcomeWith(undefined, 0.5));
    results.addRun(second, machineOf(tf), outcomeWith(0.1, 0.4));
    const [block] = await experiments.tuning.report(scope, results);
    if (block?.kind !== 'table') throw new Error('expected a table');
    expect(block.table.rows[0]).toEqual(['SGD', '0.1: diverged at step 3†', '0.03: 40.0*']);
    expect(block.table.rows[1].slice(1)).toEqual(['0.001: –†', '0.0003: –']);
  });

  test.each(['small', 'smoke', 'full'] as const)(
    'of a contest are among its trials, or the paper’s where there are none: %s',
    (scale) => {
      const { table3: short, figure2: long } = ACCURACY[scale];
      for (const contest of [...short, ...long]) {
        for (const name of contest.names) {
          const trials = trialsOf(name, scale);
          const open = trials.length === 0 ? [optimizers[name].paper.cifar] : trials;
          expect(open).toContainEqual(optionsIn(contest, name));
        }
      }
    },
  );

  test('are the same for all budgets of a network', () => {
    const { table3: short, figure2: long } = ACCURACY.small;
    for (const contest of long) {
      const other = short.find(({ setting: { network } }) => network === contest.setting.network);
      expect(other?.chosen).toBeDefined();
      expect(other?.chosen).toBe(contest.chosen);
      expect(other?.names).toEqual(expect.arrayContaining([...contest.names]));
    }
  });

  test('are chosen by validation images at a seed of their own, and never what diverged', () => {
    const { results } = emptyResults();
    const runs = tuningRuns(setting, 'sgd', 'small');
    expect(new Set(runs.map(({ seed }) => seed))).toEqual(new Set([0]));
    for (const [k, one] of runs.entries()) {
      expect(tuned(setting, 'sgd', 'small', results)).toBeUndefined();
      // The best on test images is not the best on validation images, and the best of those diverged.
      const outcome =
        k === 3 ? outcomeWith(undefined, 0.9) : outcomeWith(k / 10, k === 2 ? 0.8 : 0.1);
      results.addRun(one, machineOf(tf), outcome);
    }
    expect(tuned(setting, 'sgd', 'small', results)).toEqual(runs[2].optimizer.options);
  });
});

test("the paper's figures are found by network, data and budget, and nothing else is", () => {
  const densenet = { network: 'densenet121', data: 'cifar100', epochs: 200 };
  expect(printedAccuracy(densenet, 'foof')).toBe('80.98 ± 0.25');
  expect(printedAccuracy({ network: 'deit', epochs: 200 }, 'adamw')).toBe('77.96');
  expect(printedAccuracy({ network: 'deit', epochs: 200 }, 'kfac')).toBe('×');
  expect(printedAccuracy({ network: 'deit', epochs: 200 }, 'foof')).toBeUndefined();
  expect(printedAccuracy({ ...densenet, epochs: 6 }, 'foof')).toBeUndefined();
  expect(printedAccuracy({ ...densenet, network: 'lenet' }, 'foof')).toBeUndefined();
  expect(printedCost('resnet110', 'nysact-s')).toEqual({ time: 1.31, memory: 1 });
  expect(printedCost('deit', 'kfac')).toEqual({ time: 1.37, memory: 1.03 });
  expect(printedCost('deit', 'nysact-g')).toBeUndefined();
});

test('steps to an accuracy are those of the first point that has it', () => {
  expect(stepsTo(0.2, outcomeWith(0.5, 0.4))).toBe(4);
  expect(stepsTo(0.3, outcomeWith(0.5, 0.4))).toBe(8);
  expect(stepsTo(0.5, outcomeWith(0.5, 0.4))).toBeUndefined();
});

test('where a seed of SGD diverges the others say what is to be reached, and curves go on', async () => {
  const { results } = emptyResults();
  const early = outcomeWith(undefined, 0.3);
  results.addRun(run, machineOf(tf), { ...early, curve: early.curve.slice(0, 1) });
  results.addRun({ ...run, seed: 2 }, machineOf(tf), outcomeWith(0.5, 0.4));
  const [block] = (await experiments.table3.report(scope, results)) ?? [];
  if (block?.kind !== 'table') throw new Error('expected a table');
  const [row] = block.table.rows;
  const at = block.table.columns.findIndex(({ heading }) => heading.startsWith('steps to'));
  expect(row[at]).toBe('8.00 (1 of 2)');
  const [curves] = (await experiments.figure2.report(scope, results)) ?? [];
  if (curves?.kind !== 'figures') throw new Error('expected figures');
  // A line from the first point to the second, though the first seed has none there.
  expect(curves.figures[0]).toMatch(/d="M[\d.,]+L[\d.,]+"/);
});

test('the settings of ImageNet are those of Table VI: "a / b" is of ResNets and of DeiT', () => {
  const { imagenet } = optimizers['nysact-s'].paper;
  const both = {
    learningRate: 0.5,
    momentum: 0.9,
    decay: 0.95,
    damping: 1,
    observeEvery: 5,
    rank: 20,
  };
  expect(imagenet?.resnet).toMatchObject({ ...both, refreshEvery: 50, weightDecay: 2e-5 });
  expect(imagenet?.deit).toMatchObject({ ...both, refreshEvery: 5, weightDecay: 1e-4 });
  for (const name of ['kfac', 'eva'] as const) {
    const { resnet, deit } = optimizers[name].paper.imagenet ?? {};
    expect(resnet).toMatchObject({
      learningRate: 0.5,
      weightDecay: 2e-5,
      damping: 0.1,
      refreshEvery: 50,
    });
    expect(deit).toMatchObject({
      learningRate: 0.5,
      weightDecay: 2e-5,
      damping: 0.1,
      refreshEvery: 5,
    });
  }
  expect(optimizers.foof.paper.imagenet?.resnet).toMatchObject({ damping: 1, refreshEvery: 50 });
  expect(optimizers.sgd.paper.imagenet?.deit).toEqual({
    learningRate: 0.5,
    momentum: 0.9,
    weightDecay: 2e-5,
  });
});

test('several are carried out at once, but no more than were asked for', async () => {
  let [now, most] = [0, 0];
  const seen: number[] = [];
  await severalAtOnce([1, 2, 3, 4, 5], 2, async (item) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    seen.push(item);
    now -= 1;
  });
  expect(most).toBe(2);
  expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
});

/** Two runs, one of them twice; a measurement that counts how often it is taken. */
function tiny(): { experiment: Experiment; measured: () => number } {
  let taken = 0;
  const first = { ...run, steps: 2, validations: 1 };
  const second = { ...first, seed: 2 };
  return {
    measured: () => taken,
    experiment: {
      title: 'tiny',
      runs: () => [first, second, { ...first }],
      measurements: () => [
        {
          configuration: { measurement: 'tiny' },
          seconds: (speed) => 1000 * speed.image('lenet', 28),
          measure: async () => {
            taken += 1;
            return { taken };
          },
        },
      ],
      report: () => [],
    },
  };
}

describe('an experiment', () => {
  test('runs all that is called for, and nothing twice', async () => {
    const { path, results } = emptyResults();
    const { experiment, measured } = tiny();
    const how = { scope, results, out: folder, data: undefined, resume: false, jobs: 0 };
    await conduct(tf, 'tiny', experiment, how);
    const text = readFileSync(path, 'utf8');
    expect(text.trimEnd().split('\n')).toHaveLength(3);
    // Of a process that was killed behind the line of its result.
    const id = identify({ ...run, steps: 2, validations: 1 });
    checkpointAt(join(folder, 'checkpoints', id)).save(0);
    await conduct(tf, 'tiny', experiment, { ...how, results: new Results(path) });
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(measured()).toBe(1);
    expect(readdirSync(join(folder, 'checkpoints'))).toEqual([]);
  });

  test('is refused where results are of other images than are here, and told of it at once', async () => {
    const { path, results } = emptyResults();
    const known = { ...run, steps: 1, validations: 1 };
    const missing = { ...known, seed: 2 };
    results.addRun(known, machineOf(tf), outcomeWith(0.5, 0.4));
    const measurement = {
      configuration: { measurement: 'of images' },
      data: known.data,
      seconds: () => 0,
      measure: async () => ({ images: 'none' }),
    };
    const experiment: Experiment = {
      title: 'other',
      runs: () => [known, missing],
      measurements: () => [measurement],
      report: () => [],
    };
    const refusal = `${path} has results on other images of 'mnist' (of a test)`;
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const how = { scope, results, out: folder, data: undefined, resume: false, jobs: 0 };
    await expect(conduct(tf, 'other', experiment, how)).rejects.toMatchObject({
      errors: [
        { message: expect.stringContaining(refusal) },
        { message: expect.stringContaining(refusal) },
      ],
    });
    expect(write.mock.calls.join('\n')).toContain(`other: ${refusal}`);
    write.mockRestore();
    expect(results.outcomeOf(missing)).toBeUndefined();
    // Nothing to do and no folder: no images are asked for.
    const done: Experiment = { title: 'done', runs: () => [known], report: () => [] };
    await conduct(tf, 'done', done, how);
    const named = { ...how, data: folder };
    await expect(conduct(tf, 'done', done, named)).rejects.toThrow('1 runs');
  });

  test('that trains to measure begins anew unless it is resumed, and leaves no checkpoint', async () => {
    const own = join(folder, 'heat');
    mkdirSync(own);
    const [measurement] = experiments.figure1.measurements?.(scope) ?? [];
    const bench = { tf, folder: undefined, checkpoints: own, remark: () => undefined };
    const path = join(own, `${identify(run)}-seen`);
    writeFileSync(path, 'left by something else');
    await expect(measurement.measure({ ...bench, resume: true })).rejects.toThrow(path);
    await measurement.measure({ ...bench, resume: false });
    expect(readdirSync(own)).toEqual([]);
  });

  test('carries on with the other runs where one fails, and tells of it at the end', async () => {
    const { results } = emptyResults();
    const bad = {
      ...run,
      steps: 1,
      optimizer: { name: 'sgd', options: { learningRate: -1 } },
    } as const;
    const good = { ...run, steps: 1, validations: 1 };
    const experiment: Experiment = { title: 'bad', runs: () => [bad, good], report: () => [] };
    const how = { scope, results, out: folder, data: undefined, resume: false, jobs: 0 };
    await expect(conduct(tf, 'bad', experiment, how)).rejects.toThrow('1 runs or measurements');
    expect(results.outcomeOf(good)?.findings.test).toBeDefined();
  });

  test('carries on with what needs no data where some is absent, and behind a measurement that fails', async () => {
    const { results } = emptyResults();
    const good = { ...run, steps: 1, validations: 1, seed: 2 };
    const absent = { ...good, data: { ...good.data, name: 'cifar10' } };
    const failing = {
      configuration: { measurement: 'failing' },
      seconds: () => 0,
      measure: () => Promise.reject(new RangeError('no measurement')),
    };
    const { experiment: one } = tiny();
    const experiment: Experiment = {
      title: 'absent',
      runs: () => [absent, good],
      measurements: (asked) => [failing, ...(one.measurements?.(asked) ?? [])],
      report: () => [],
    };
    const how = { scope, results, out: folder, data: undefined, resume: false, jobs: 0 };
    await expect(conduct(tf, 'absent', experiment, how)).rejects.toMatchObject({
      errors: [
        { message: expect.stringContaining('CIFAR-10 is not here') },
        { message: 'no measurement' },
      ],
    });
    expect(results.outcomeOf(good)?.findings.test).toBeDefined();
    expect(results.measured({ configuration: { measurement: 'tiny' } })).toEqual({ taken: 1 });
  });
});

test.each(Object.keys(experiments))(
  '%s reports what is there, and before anything is',
  async (name) => {
    const { results } = emptyResults();
    const { runs } = experiments[name];
    const before = await experiments[name].report(scope, results);
    expect(JSON.stringify(before)).not.toMatch(/undefined|Infinity/);
    for (const one of runs?.(scope) ?? []) {
      const diverges = one.optimizer.name === 'kfac';
      results.addRun(one, machineOf(tf), outcomeWith(diverges ? undefined : 0.25, 0.5));
    }
    const out = join(folder, name);
    const shown = await report([name], scope, results, out);
    expect(shown).toContain('report.html');
    const text = readFileSync(join(out, 'report.md'), 'utf8');
    expect(text).toContain(experiments[name].title);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    if (name === 'table3') {
      for (const optimizer of PAPER_ORDER) expect(text).toContain(optimizers[optimizer].title);
      expect(text).toContain('25.0 ± 0.00');
    }
    const pictures = readdirSync(out).filter((file) => file.endsWith('.svg'));
    for (const file of ['report.html', ...pictures]) {
      expect(readFileSync(join(out, file), 'utf8')).not.toMatch(/NaN|Infinity/);
    }
  },
);

test('figure 2 shows nothing of optimisers that have no curve there', async () => {
  const { results } = emptyResults();
  for (const one of experiments.figure2.runs?.(scope) ?? []) {
    if (one.optimizer.name === 'nysact-tracking') {
      results.addRun(one, machineOf(tf), outcomeWith(0.25, 0.5));
    }
  }
  expect(await experiments.figure2.report(scope, results)).toEqual([]);
});

function runsAt(name: string, scale: Scale): readonly Configuration[] {
  return experiments[name].runs?.({ scale, seeds: 1 }) ?? [];
}

test('tuning alone has trials; at small, table III has the short budget and figure 2 the long one', () => {
  for (const scale of ['smoke', 'small', 'full'] as const) {
    for (const { isTrial } of runsAt('tuning', scale)) expect(isTrial).toBe(true);
    for (const name of ['table3', 'figure2', 'figure3', 'table2']) {
      for (const { isTrial } of runsAt(name, scale)) expect(isTrial).toBeUndefined();
    }
  }
  const steps = ['tuning', 'table3', 'figure2'].map(
    (name) => new Set(runsAt(name, 'small').map((one) => one.steps)),
  );
  expect(steps).toEqual([new Set([468]), new Set([468]), new Set([1872])]);
});

test('the list counts runs, and forgets what is done', () => {
  const { results } = emptyResults();
  const names = ['tuning', 'table3', 'figure2', 'table6'];
  const counts = () => {
    const { rows } = listing(speedOf(tf), names, { scale: 'smoke', seeds: 3 }, results, 1);
    expect(rows[3].slice(4)).toEqual(['0 s', '0 s']);
    return rows.map((row) => row.slice(2, 4));
  };
  // Ten optimisers with two trials and three seeds each; figure 2 has the runs of table III.
  expect(counts()).toEqual([
    ['20', '20'],
    ['30', '30'],
    ['30', '30'],
    ['0', '0'],
  ]);
  const [done] = experiments.table3.runs?.(scope) ?? [];
  results.addRun(done, machineOf(tf), outcomeWith(0.5, 0.4));
  expect(counts()).toEqual([
    ['20', '20'],
    ['30', '29'],
    ['30', '29'],
    ['0', '0'],
  ]);
});

test('the list reckons with dearer steps, and with all images that are looked at', () => {
  const speed: Speed = { image: () => 10, refreshes: () => 0 };
  const takes = (name: string) => {
    const { results } = emptyResults();
    const { rows } = listing(speed, [name], { scale: 'smoke', seeds: 1 }, results, 1);
    return rows[0][4];
  };
  const { steps, batch, validations, data } = setting;
  const trained = ACCURACY.smoke.table3[0].names.reduce(
    (sum, name) => sum + optimizers[name].relativeCost * steps * batch,
    0,
  );
  const validated = (10 * data.validation) / 3;
  const tested = (10 * data.test) / 3;
  const hours = [2 * (trained + validated), trained + validations * validated + tested].map(
    (images) => `${formatMeasured((10 * images) / 3600)} h`,
  );
  expect([takes('tuning'), takes('table3')]).toEqual(hours);
});

test('the list times networks on images of the sizes that they are trained on and judged by', () => {
  const seen = new Set<string>();
  const speed: Speed = {
    image(network, side) {
      seen.add(`${network} ${side}`);
      return 1;
    },
    refreshes: () => 0,
  };
  mkdirSync(join(folder, 'imagenet', 'train'), { recursive: true });
  const { results } = emptyResults();
  listing(speed, ['table4', 'figure3'], { scale: 'full', seeds: 1, folder }, results, 1);
  listing(speed, ['figure3'], { scale: 'smoke', seeds: 1 }, results, 1);
  expect([...seen]).toEqual([
    ...['resnet50', 'resnet101'].flatMap((network) =>
      [RESNET.side, RESNET.testSide].map((side) => `${network} ${side}`),
    ),
    'deit 224',
    'resnet32 32',
    'lenet 28',
  ]);
});
