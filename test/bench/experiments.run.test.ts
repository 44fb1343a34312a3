// A run of an experiment: the same bits however often it is cut off, and what it tells.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import type { LayersModel } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ImageSplit, type Images, splitImages } from '../../bench/data/images.js';
import { startTensorflow } from '../../bench/data/tensorflow.js';
import { checkpointAt } from '../../bench/experiments/engine/checkpoint.js';
import { type Configuration, identify } from '../../bench/experiments/engine/configuration.js';
import type { Outcome } from '../../bench/experiments/engine/outcome.js';
import { type RunState, runConfiguration } from '../../bench/experiments/engine/run.js';
import { type OptimizerName, optimizers } from '../../bench/experiments/optimizers.js';
import { fillUniform, foldIn, permutation, randomKey } from '../../src/core/random.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { SEED } from '../support/seed.js';

const tf = await startTensorflow();
const registered = await registerKernels(tf);
const folder = mkdtempSync(join(tmpdir(), 'experiments-'));
afterAll(() => {
  registered.restore();
  rmSync(folder, { recursive: true });
});

/** Images of noise whose class shows in their brightness. */
function noise(count: number): Images {
  const shape = { side: 8, channels: 3, classes: 3 };
  const uniform = new Float64Array(count * 8 * 8 * 3);
  fillUniform(randomKey(SEED), uniform);
  const labels = Int32Array.from({ length: count }, (_, k) => k % 3);
  const pixels = Uint8Array.from(
    uniform,
    (u, i) => 85 * u + 85 * labels[Math.floor(i / (8 * 8 * 3))],
  );
  return { ...shape, pixels, labels };
}

let data: ImageSplit;
beforeAll(() => {
  data = splitImages(noise(60), undefined, { train: 32, validation: 12, test: 16, seed: 1 });
});

function configurationOf(name: OptimizerName, steps: number): Configuration {
  return {
    network: 'resnet8-narrow',
    data: { name: 'noise', train: 32, validation: 12, test: 16 },
    optimizer: {
      name,
      options: { ...optimizers[name].paper.cifar, ...cadenceOf(name), learningRate: 0.01 },
    },
    seed: 3,
    batch: 8,
    steps,
    validations: 3,
    augmentation: 'crop and flip',
  };
}

function cadenceOf(name: OptimizerName): object {
  if (['sgd', 'adam', 'adamw', 'adahessian'].includes(name)) return {};
  return name === 'sketchy-sgd' ? { refreshEvery: 3 } : { observeEvery: 2, refreshEvery: 3 };
}

class Cut extends Error {}

/** The weights at the end, and what came out, of a run that is cut off after the given steps. */
async function trained(
  configuration: Configuration,
  cuts: readonly number[],
): Promise<{ weights: number[][]; outcome: Outcome }> {
  const checkpoint = checkpointAt<RunState>(join(folder, identify(configuration)));
  checkpoint.remove();
  let weights: number[][] = [];
  const keep = (model: LayersModel): void => {
    weights = model.getWeights().map((weight) => [...weight.dataSync()]);
  };
  for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
    try {
      const outcome = await runConfiguration(tf, configuration, data, {
        checkpoint,
        isDue: (step) => step % 3 === 2,
        onStep: (step) => {
          if (step >= cut) throw new Cut();
        },
        onEnd: keep,
      });
      return { weights, outcome };
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
    }
  }
  throw new Error('the last run was cut off');
}

describe('a run that was cut off', () => {
  test.each(['sgd', 'adam', 'nysact-g', 'nysact-s', 'nysact-tracking', 'kfac', 'eva'] as const)(
    'ends with the same bits as one that was not: %s',
    async (name) => {
      const configuration = configurationOf(name, 9);
      // Two random steps, the second behind the first; a cut may come before any checkpoint.
      const [first, second] = permutation(foldIn(randomKey(SEED), name.length), 8)
        .subarray(0, 2)
        .toSorted();
      const whole = await trained(configuration, []);
      const cut = await trained(configuration, [first + 1, second + 1]);
      expect(cut.weights).toEqual(whole.weights);
      expect(cut.outcome.findings).toEqual(whole.outcome.findings);
      expect(cut.outcome.curve).toEqual(whole.outcome.curve);
      expect(whole.outcome.curve.map(({ step }) => step)).toEqual([3, 6, 9]);
    },
  );

  test('does not go on with other images', async () => {
    const configuration = configurationOf('sgd', 4);
    const checkpoint = checkpointAt<RunState>(join(folder, 'other-images'));
    const cutAt = (step: number, images: ImageSplit) =>
      runConfiguration(tf, configuration, images, {
        checkpoint,
        isDue: () => true,
        onStep: (taken) => {
          if (taken === step) throw new Cut();
        },
      });
    await expect(cutAt(2, data)).rejects.toThrow(Cut);
    const [first, ...others] = data.test.pixels;
    const changed = { ...data.test, pixels: Uint8Array.of((first + 1) % 256, ...others) };
    const { numTensors } = tf.memory();
    await expect(cutAt(4, { ...data, test: changed })).rejects.toThrow('expected');
    expect(tf.memory().numTensors).toBe(numTensors);
    const same = { ...data, test: { ...data.test, pixels: data.test.pixels.slice() } };
    expect((await cutAt(0, same)).curve).toHaveLength(3);
  });

  test('would not, were the statistics of batch norm forgotten', async () => {
    const configuration = configurationOf('sgd', 6);
    const whole = await trained(configuration, []);
    const checkpoint = checkpointAt<RunState>(join(folder, 'forgetful'));
    const forgetful = {
      ...checkpoint,
      load: () => {
        const state = checkpoint.load();
        if (state === undefined) return undefined;
        // The last of all weights is the variance that a batch norm has seen.
        const last = state.weights.length - 1;
        return {
          ...state,
          weights: state.weights.with(
            last,
            state.weights[last].map(() => 1),
          ),
        };
      },
    };
    const keeping = { checkpoint: forgetful, isDue: (step: number) => step === 3 };
    await expect(
      runConfiguration(tf, configuration, data, {
        ...keeping,
        onStep: (step) => {
          if (step === 4) throw new Cut();
        },
      }),
    ).rejects.toThrow(Cut);
    const resumed = await runConfiguration(tf, configuration, data, {
      ...keeping,
      onStep: () => undefined,
    });
    expect(resumed.curve).not.toEqual(whole.outcome.curve);
  });
});

describe('a checkpoint', () => {
  test('is written beside what another process writes', () => {
    const path = join(folder, 'shared');
    writeFileSync(`${path}.draft`, 'half of another one');
    writeFileSync(`${path}.1.draft`, 'half of a third one');
    const checkpoint = checkpointAt<{ readonly step: number }>(path);
    checkpoint.save({ step: 3 });
    expect(checkpoint.load()).toEqual({ step: 3 });
    expect(readFileSync(`${path}.draft`, 'utf8')).toBe('half of another one');
    expect(readFileSync(`${path}.1.draft`, 'utf8')).toBe('half of a third one');
  });

  test('that is broken, or of another version, is refused by its name', () => {
    const path = join(folder, 'foreign');
    const checkpoint = checkpointAt<{ readonly step: number }>(path);
    writeFileSync(path, 'something else');
    expect(() => checkpoint.load()).toThrow(`${path} is no checkpoint, or broken: run without`);
    writeFileSync(path, serialize(null));
    expect(() => checkpoint.load()).toThrow(`${path} is a checkpoint of version undefined`);
    writeFileSync(path, serialize({ version: '0.0.9', state: { step: 3 } }));
    expect(() => checkpoint.load()).toThrow(`${path} is a checkpoint of version 0.0.9, expected`);
  });

  test('that cannot be saved leaves nothing', () => {
    const own = join(folder, 'unsaved');
    mkdirSync(join(own, 'taken'), { recursive: true });
    expect(() => checkpointAt(join(own, 'taken')).save({ step: 3 })).toThrow('taken');
    expect(readdirSync(own)).toEqual(['taken']);
  });
});

describe('a run', () => {
  test('that diverges is a result, and leaves no tensor', async () => {
    const numbers = tf.memory().numTensors;
    const configuration = configurationOf('sgd', 30);
    const { options } = configuration.optimizer;
    const { outcome } = await trained(
      { ...configuration, optimizer: { name: 'sgd', options: { ...options, learningRate: 1e12 } } },
      [],
    );
    expect(outcome.findings.test).toBeUndefined();
    expect(outcome.findings.diverged?.step).toBeLessThan(30);
    expect(outcome.findings.diverged?.message).toContain('training diverged');
    expect(tf.memory().numTensors).toBe(numbers);
  });

  test('whose memory is at an end has failed, and not diverged', async () => {
    const spy = vi.spyOn(tf.engine(), 'gradients');
    const full = 'Array buffer allocation failed';
    await expect(
      runConfiguration(tf, configurationOf('sgd', 3), data, {
        checkpoint: checkpointAt<RunState>(join(folder, 'full')),
        isDue: () => false,
        onStep: () => {
          spy.mockImplementation(() => {
            throw new RangeError(full);
          });
        },
      }),
    ).rejects.toThrow(full);
    spy.mockRestore();
  });

  test('that is a trial looks at no test image, and is any other in all else', async () => {
    const configuration = configurationOf('nysact-g', 4);
    const { outcome } = await trained(configuration, []);
    const trial = await trained({ ...configuration, isTrial: true }, []);
    expect(outcome.findings.test).toBeDefined();
    expect(trial.outcome.findings).toEqual({});
    expect(trial.outcome.curve).toEqual(outcome.curve);
  });

  test('tells what it took', async () => {
    const { outcome } = await trained(configurationOf('nysact-g', 4), []);
    const { seconds, tensorBytes, processBytes, stateBytes } = outcome.cost;
    expect(seconds).toHaveLength(3);
    expect(seconds.toSorted((a, b) => a - b)).toEqual(seconds);
    expect(Math.min(...seconds)).toBeGreaterThan(0);
    expect(stateBytes).toBeGreaterThan(0);
    expect(tensorBytes).toBeGreaterThan(stateBytes);
    expect(processBytes).toBeGreaterThan(tensorBytes);
  });

  test('has all state in the peak of tensors, behind the first steps', async () => {
    // Peaks are of all tensors of the process: those of other tests too.
    const others = tf.memory().numBytes;
    const { cost: sgd } = (await trained(configurationOf('sgd', 6), [])).outcome;
    const { cost: kfac } = (await trained(configurationOf('kfac', 6), [])).outcome;
    const state = kfac.stateBytes - sgd.stateBytes;
    expect(state).toBeGreaterThan(0.1 * (sgd.tensorBytes - others));
    expect(kfac.tensorBytes - sgd.tensorBytes).toBeGreaterThanOrEqual(state);
  });

  test('starts with the weights and the batch that all optimisers of its seed have', async () => {
    const firsts = await Promise.all(
      (['sgd', 'adam', 'foof'] as const).map(async (name) => {
        const losses: number[] = [];
        await runConfiguration(tf, { ...configurationOf(name, 1), validations: 1 }, data, {
          checkpoint: checkpointAt(join(folder, `first-${name}`)),
          isDue: () => false,
          onStep: (_, loss) => void losses.push(loss),
        });
        return losses[0];
      }),
    );
    expect(new Set(firsts).size).toBe(1);
  });
});

test('configurations are told apart by what they hold, not by its order', () => {
  const configuration = configurationOf('sgd', 4);
  const { seed, ...others } = configuration;
  expect(identify({ ...others, seed })).toBe(identify({ seed, ...others }));
  expect(identify({ ...configuration, seed: seed + 1 })).not.toBe(identify(configuration));
  expect(identify({ list: [1, 2] })).not.toBe(identify({ list: [2, 1] }));
});
