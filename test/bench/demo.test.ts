// The demonstration: its command line, its step times, its errors, its training and its reports.

import { fc, test } from '@fast-check/vitest';
import { beforeAll, describe, expect } from 'vitest';
import { relativeNorms, residualEigenvalues } from '../../bench/approximation/errors.js';
import { curves } from '../../bench/approximation/figure.js';
import { spectra } from '../../bench/approximation/spectra.js';
import { spectralTarget, type Target } from '../../bench/approximation/targets.js';
import { loadMnist } from '../../bench/data/mnist.js';
import { startTensorflow, type TensorFlow } from '../../bench/data/tensorflow.js';
import {
  batchSize,
  refreshEvery,
  scopes,
  stepsOf,
  stepsPerTurn,
} from '../../bench/demo/configuration.js';
import {
  approaches,
  damping,
  type ErrorRow,
  errorsAgainstRank,
  heatMapPanels,
} from '../../bench/demo/curvature.js';
import { readRequest, usage } from '../../bench/demo/options.js';
import { demoHtml, demoJson, type Outcome } from '../../bench/demo/report.js';
import { relativeSpectralError } from '../../bench/demo/spectral-error.js';
import { optimiserNotes, settingsTable } from '../../bench/demo/tables.js';
import type { Task } from '../../bench/demo/task.js';
import { lenet, perceptron } from '../../bench/demo/tasks.js';
import { meansOf, stepTimeRatio } from '../../bench/demo/timing.js';
import { type Plan, type Training, trainAll } from '../../bench/demo/training.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';

const seed = 23;
const silent = { update: () => undefined, stop: () => undefined };

describe('the command line', () => {
  test('asks for a full run with seed 1 unless told otherwise', () => {
    expect(readRequest([])).toEqual({ kind: 'run', quick: false, seed: 1 });
    expect(readRequest(['--quick', '--seed', '7'])).toEqual({ kind: 'run', quick: true, seed: 7 });
    expect(readRequest(['--help', '--quick'])).toEqual({ kind: 'help' });
  });

  test.each([
    ['--fast'],
    ['extra'],
    ['--seed'],
    ['--seed', '-1'],
    ['--seed', '1.5'],
    ['--seed', ''],
  ])('refuses %s %s', (...args) => {
    expect(readRequest(args).kind).toBe('misuse');
  });

  test('names every option in its usage', () => {
    for (const option of ['--quick', '--seed', '--help']) expect(usage).toContain(option);
  });
});

describe('step times', () => {
  const rhythm = { stepsPerTurn: 2, turnsPerCycle: 3 };
  const duration = fc.double({ min: 0.1, max: 10, noNaN: true });

  test('count first turns and others in the proportion of their numbers', () => {
    const baseline = Array.from({ length: 12 }, () => 2);
    const own = [10, 6, 4, 4, 4, 4, 10, 6, 4, 4, 4, 4];
    expect(stepTimeRatio(own, baseline, rhythm)).toBeCloseTo((4 + 2 + 2) / 3, 12);
  });

  test.prop([fc.array(duration, { minLength: 6, maxLength: 6 }), duration])(
    'do not notice a machine that slows down from round to round',
    (speeds, factor) => {
      const slowed = (base: number): number[] =>
        speeds.flatMap((speed) => [base / speed, base / speed]);
      const error = stepTimeRatio(slowed(3 * factor), slowed(3), rhythm) / factor - 1;
      expect(Math.abs(error)).toBeLessThanOrEqual(1e-12);
    },
  );

  test('are not moved by one interruption', () => {
    const baseline = Array.from({ length: 18 }, () => 1);
    const own = baseline.map((_, step) => (step === 9 ? 1000 : 2));
    expect(stepTimeRatio(own, baseline, rhythm)).toBe(2);
  });

  test('need a whole cycle, and as many steps as the baseline has', () => {
    expect(() => stepTimeRatio([1, 1], [1, 1], rhythm)).toThrow('expected at least 6');
    expect(() => stepTimeRatio([1], [1, 1], rhythm)).toThrow("expected the baseline's 2");
  });

  test('leave what is no whole piece out of the means', () => {
    expect(meansOf([1, 3, 5, 7, 100], 2)).toEqual([2, 6]);
  });
});

describe('the configuration', () => {
  test.each(Object.values(scopes))('of the $name run fits the rhythm', (scope) => {
    expect(scope.images.train % batchSize).toBe(0);
    expect(stepsOf(scope) % refreshEvery).toBe(0);
    expect(refreshEvery % stepsPerTurn).toBe(0);
    expect(scope.validateEvery % stepsPerTurn).toBe(0);
    expect(scope.rows).toBeLessThanOrEqual(scope.images.train);
  });

  test.each([
    [perceptron, ['sgd', 'adamw', 'foof', 'kfac', 'eva', 'nysact-g', 'nysact-s']],
    [lenet, ['sgd', 'adam', 'foof', 'nysact-g']],
  ])(
    'of $name names the optimisers, and shows where a learning rate is not the paper’s',
    (task, names) => {
      expect(task.contestants.map(({ name }) => name)).toEqual(names);
      const { rows } = settingsTable(task);
      task.contestants.forEach(({ paperLearningRate }, k) => {
        expect(rows[k][1].includes('tuned')).toBe(paperLearningRate !== undefined);
      });
    },
  );

  test('gives every approximation a look', () => {
    const looks = curves.map(({ name }) => name);
    for (const { method } of approaches) expect(looks).toContain(method.name);
  });
});

describe('errors against rank', () => {
  const targets: Target[] = spectra.map((spectrum, k) =>
    spectralTarget(spectrum, 96, foldIn(randomKey(seed), k)),
  );

  test('equal the largest |eigenvalue| of A − Â', () => {
    for (const target of targets) {
      for (const { method } of approaches) {
        const pairs = method.approximate(target, 12, randomKey(seed))(damping);
        const ofE = residualEigenvalues(target.A, pairs);
        const exact = relativeNorms(ofE, target.eigenvalues).spectral;
        const error = relativeSpectralError(target, pairs) / exact - 1;
        expect(Math.abs(error)).toBeLessThanOrEqual(1e-4);
      }
    }
  });

  test('of 1 belong to Â = 0, and of the best rank to the leading eigenpairs', () => {
    const [target] = targets;
    const leading = (rank: number, factor: number) => ({
      U: target.vectors.view(0, 0, 96, rank),
      eigenvalues: target.eigenvalues.slice(0, rank).map((value) => factor * value),
      shift: 0,
      retries: 0,
    });
    expect(relativeSpectralError(target, leading(4, 0))).toBeCloseTo(1, 10);
    const best = target.eigenvalues[4] / target.eigenvalues[0];
    expect(relativeSpectralError(target, leading(4, 1))).toBeCloseTo(best, 5);
  });

  test('are never below the best of their rank, and the same for the same key', () => {
    const study = { ranks: [3, 9], sketches: 3, key: randomKey(seed) };
    const rows = errorsAgainstRank(targets, study, silent);
    expect(rows).toHaveLength(targets.length * 2 * approaches.length);
    for (const { lower, bestRankR } of rows) {
      expect(lower).toBeGreaterThanOrEqual(bestRankR * (1 - 1e-4));
    }
    expect(errorsAgainstRank(targets, study, silent)).toEqual(rows);
  });
});

/** SGD and NysAct-G alone. */
function compared(task: Task): Task {
  const contestants = task.contestants.filter(({ name }) => ['sgd', 'nysact-g'].includes(name));
  return { ...task, contestants };
}

const plan: Plan = { steps: 20, validateEvery: 10, seed, key: randomKey(seed) };

function laws(training: () => Training, accuracy: number): void {
  test('starts all optimisers from the same loss, and all of them learn', () => {
    const { runs } = training();
    const [sgd, nysact] = runs;
    expect(nysact.losses[0]).toBe(sgd.losses[0]);
    expect(nysact.losses[1]).not.toBe(sgd.losses[1]);
    for (const { losses, validation, testAccuracy, trainLoss } of runs) {
      expect(losses).toHaveLength(plan.steps);
      expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]);
      expect(trainLoss).toBeLessThan(0.5 * losses[0]);
      expect(testAccuracy).toBeGreaterThan(accuracy);
      expect(validation.map(({ step }) => step)).toEqual([10, 20]);
    }
  });
}

describe('LeNet on Fashion-MNIST', () => {
  let tf: TensorFlow;
  let training: Training;

  beforeAll(async () => {
    tf = await startTensorflow();
    const kernels = await registerKernels(tf);
    const data = lenet.load({ train: 2_560, validation: 128, test: 512, seed });
    training = trainAll(tf, compared(lenet), data, plan, silent);
    kernels.restore();
  });

  laws(() => training, 0.5);

  test('has the weights that it is said to have', () => {
    const model = lenet.make(tf, 1);
    expect(lenet.network).toContain(model.countParams().toLocaleString('en-US'));
    model.dispose();
  });

  test('counts the bytes of the preconditioner alone', () => {
    const [sgd, nysact] = training.runs;
    expect(sgd.stateBytes).toBe(0);
    // Patches of 5×5 pixels of 1 and 6 channels, then dense layers, each with its bias.
    // Three matrices of p×r a layer, and a trace.
    expect(nysact.stateBytes).toBe(4 * (3 * 10 * (26 + 151 + 401 + 121 + 85) + 5));
  });
});

describe('training and reports', () => {
  let training: Training;
  let outcome: Outcome;

  beforeAll(async () => {
    const tf = await startTensorflow();
    const data = loadMnist({ train: 512, validation: 64, test: 64, seed });
    training = trainAll(tf, compared(perceptron), data, plan, silent);
    const target = spectralTarget(spectra[0], 24, randomKey(seed));
    const study = { ranks: [2, 4], sketches: 2, key: randomKey(seed) };
    const errors: ErrorRow[] = errorsAgainstRank([target], study, silent);
    // Step times of a whole cycle.
    const milliseconds = Array.from({ length: refreshEvery }, () => 2);
    const runs = training.runs.map((run) => ({ ...run, milliseconds }));
    outcome = {
      scope: scopes.quick,
      seed,
      tensorflow: { version: tf.version_core, backend: tf.getBackend() },
      trained: [
        { task: perceptron, runs },
        { task: lenet, runs },
      ],
      errors,
      heatMaps: [{ target, panels: heatMapPanels(target, 4, randomKey(seed)) }],
    };
  });

  laws(() => training, 0.6);

  test('counts the bytes of the preconditioner alone', () => {
    const [sgd, nysact] = training.runs;
    expect(sgd.stateBytes).toBe(0);
    expect(nysact.stateBytes).toBe(4 * (3 * 10 * (785 + 257 + 129) + 3));
  });

  test('the notes name two standard errors of the accuracy in the middle', () => {
    const [run] = outcome.trained[0].runs;
    const runs = [0.9, 0.8, 0.2].map((testAccuracy) => ({ ...run, testAccuracy }));
    const [note] = optimiserNotes(runs, scopes.full);
    // 2·√(0.8·0.2/10,000) = 0.008.
    expect(note).toContain('two standard errors are about 0.8 points');
  });

  test('the JSON file holds the keys that are relied on', () => {
    const document: unknown = JSON.parse(demoJson(outcome));
    const finding = {
      testAccuracy: expect.any(Number),
      trainLoss: expect.any(Number),
      stepTimeRatio: expect.any(Number),
      stateBytes: expect.any(Number),
    };
    expect(document).toMatchObject({
      name: 'demo',
      seed,
      backend: { name: 'tfjs', variant: 'wasm' },
      configuration: { scope: 'quick' },
      optimisers: { sgd: { ...finding, stepTimeRatio: 1 }, 'nysact-g': finding },
      furtherTasks: { lenet: { dataset: 'Fashion-MNIST', optimisers: { 'nysact-g': finding } } },
    });
    expect(document).toHaveProperty('errorVsRank.length', outcome.errors.length);
  });

  test('the page loads nothing and names its configuration', async () => {
    const html = await demoHtml(outcome);
    expect(html).not.toMatch(/<script|<link|src="(?!data:)|@import|url\((?!["']?(data:|#))/);
    for (const text of [
      'NysAct-G',
      '784–256–128–10',
      'LeNet on Fashion-MNIST',
      'quick',
      'data:image/png',
    ]) {
      expect(html).toContain(text);
    }
    expect(html).not.toMatch(/NaN|undefined/);
  });
});
