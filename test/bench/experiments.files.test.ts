// Images in files: what is listed and decoded, how batches of them are made, and runs on them.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeCrop, decodeMiddle, sizeOf, splitFiles } from '../../bench/data/image-files.js';
import { startTensorflow } from '../../bench/data/tensorflow.js';
import { outputOf } from '../../bench/demo/model.js';
import { conduct } from '../../bench/experiments/conduct.js';
import { openData } from '../../bench/experiments/data.js';
import { checkpointAt } from '../../bench/experiments/engine/checkpoint.js';
import type { Configuration } from '../../bench/experiments/engine/configuration.js';
import { fileBatches, middles } from '../../bench/experiments/engine/file-batches.js';
import { prefetched } from '../../bench/experiments/engine/prefetch.js';
import { DEIT, RESNET, type Recipe } from '../../bench/experiments/engine/recipe.js';
import { machineOf, Results } from '../../bench/experiments/engine/results.js';
import { type RunState, runConfiguration } from '../../bench/experiments/engine/run.js';
import { openSource } from '../../bench/experiments/engine/source.js';
import { networkOf } from '../../bench/experiments/models/index.js';
import { optimizers } from '../../bench/experiments/optimizers.js';
import { table4 } from '../../bench/experiments/studies/imagenet.js';
import { fillUniform, foldIn, permutation, randomKey } from '../../src/core/random.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { SEED } from '../support/seed.js';

const tf = await startTensorflow();
const registered = await registerKernels(tf);
const folder = mkdtempSync(join(tmpdir(), 'files-'));
afterAll(() => {
  registered.restore();
  rmSync(folder, { recursive: true });
});

const CLASSES = ['n01', 'n02', 'n03'];

/** An image of noise in a format that its name says. */
async function writeNoise(path: string, seed: number, width: number, height: number) {
  const uniform = new Float64Array(3 * width * height);
  fillUniform(foldIn(randomKey(SEED), seed), uniform);
  const raw = { width, height, channels: 3 } as const;
  const image = sharp(
    Uint8Array.from(uniform, (u) => 255 * u),
    { raw },
  );
  const bytes = path.endsWith('.png') ? image.png() : image.jpeg();
  writeFileSync(path, await bytes.toBuffer());
}

beforeAll(async () => {
  let seed = 0;
  for (const [sample, count] of [
    ['train', 6],
    ['val', 3],
  ] as const) {
    for (const name of CLASSES) {
      const path = join(folder, 'imagenet', sample, name);
      mkdirSync(path, { recursive: true });
      for (let k = 0; k < count; k++) {
        const file = `${k}.${k % 2 === 0 ? 'JPEG' : 'png'}`;
        await writeNoise(join(path, file), seed, 14 + (seed % 5), 12 + (seed % 3));
        seed += 1;
      }
    }
  }
});

const SIZES = { train: 13, validation: 5, test: 9 };
const CHOICE = { name: 'imagenet', ...SIZES };
const RECIPE: Recipe = { ...RESNET, side: 8, testSide: 10, resize: 12, repeats: 2 };

describe('files', () => {
  test('are split without a common one, the same for the same seed', () => {
    const split = splitFiles(join(folder, 'imagenet'), { ...SIZES, seed: 1 });
    const all = [split.train, split.validation, split.test].flatMap(({ paths }) => paths);
    expect(new Set(all).size).toBe(27);
    expect(split.test.paths.every((path) => path.includes('/val/'))).toBe(true);
    for (const { paths, labels, classes } of [split.train, split.validation, split.test]) {
      expect(classes).toBe(3);
      expect(paths.map((path) => CLASSES.findIndex((name) => path.includes(name)))).toEqual([
        ...labels,
      ]);
    }
    expect(splitFiles(join(folder, 'imagenet'), { ...SIZES, seed: 1 })).toEqual(split);
    expect(() => splitFiles(join(folder, 'imagenet'), { ...SIZES, train: 14, seed: 1 })).toThrow(
      'images taken for training and validation is 19, expected an integer >= 0 and <= 18',
    );
  });

  test('that are absent, or of other classes, are told of', async () => {
    const advice = /ImageNet is not here: .*imagenet\/train\/<class>.*--data/;
    await expect(openData(CHOICE, undefined)).rejects.toThrow(advice);
    await expect(openData(CHOICE, join(folder, 'nowhere'))).rejects.toThrow(advice);
    const other = join(folder, 'other', 'imagenet');
    mkdirSync(join(other, 'train', 'cat'), { recursive: true });
    await writeNoise(join(other, 'train', 'cat', '1.png'), 1, 8, 8);
    await expect(openData(CHOICE, join(folder, 'other'))).rejects.toThrow('val is not there');
    mkdirSync(join(other, 'val', 'dog'), { recursive: true });
    await writeNoise(join(other, 'val', 'dog', '1.png'), 1, 8, 8);
    await expect(openData(CHOICE, join(folder, 'other'))).rejects.toThrow(
      /val has other classes than .*train: cat is in one of them alone/,
    );
  });

  test('are cropped and mirrored as their pixels are', async () => {
    const path = join(folder, 'plain.png');
    await writeNoise(path, 7, 9, 6);
    const whole = await sharp(path).raw().toBuffer();
    const at = (x: number, y: number): number[] => [...whole.subarray(3 * (9 * y + x))].slice(0, 3);
    expect(await sizeOf(path)).toEqual({ width: 9, height: 6 });
    const crop = { left: 3, top: 2, width: 2, height: 2, side: 2 };
    const [plain, mirrored] = await Promise.all(
      [false, true].map((flip) => decodeCrop(path, { ...crop, flip })),
    );
    expect([...plain]).toEqual([at(3, 2), at(4, 2), at(3, 3), at(4, 3)].flat());
    expect([...mirrored]).toEqual([at(4, 2), at(3, 2), at(4, 3), at(3, 3)].flat());
    // The shorter side is 6 already: the middle 4 of 6 rows and of 9 columns, of which the first 6 or 7 are left.
    const middle = await decodeMiddle(path, { resize: 6, side: 4 });
    const starts = [2, 3].map((left) =>
      [1, 2, 3, 4].flatMap((y) => [0, 1, 2, 3].flatMap((x) => at(left + x, y))),
    );
    expect(starts).toContainEqual([...middle]);
  });

  test('without colours or with transparency have three bytes a pixel', async () => {
    const noise = { width: 6, height: 6, channels: 4, background: '#12345678' } as const;
    const grey = await sharp({ create: noise }).removeAlpha().greyscale().jpeg().toBuffer();
    const clear = await sharp({ create: noise }).png().toBuffer();
    for (const [name, bytes] of Object.entries({ grey, clear })) {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      expect(await decodeMiddle(path, { resize: 5, side: 4 })).toHaveLength(3 * 16);
    }
    writeFileSync(join(folder, 'cut'), grey.subarray(0, grey.length - 20));
    await expect(decodeMiddle(join(folder, 'cut'), { resize: 5, side: 4 })).rejects.toThrow(
      'cut: not a whole JPEG or PNG image',
    );
    await expect(sizeOf(join(folder, 'nothing'))).rejects.toThrow('nothing: not a whole');
  });
});

describe('what is made ahead', () => {
  test('is bounded, comes in any order, and fails where it is asked for', async () => {
    const made: number[] = [];
    const next = prefetched(async (index) => {
      made.push(index);
      if (index === 4) throw new Error('the fourth');
      return 10 * index;
    }, 2);
    expect(await next(0)).toBe(0);
    expect(made).toEqual([0, 1, 2]);
    expect(await next(1)).toBe(10);
    expect(made).toEqual([0, 1, 2, 3]);
    expect(await next(7)).toBe(70);
    expect(await next(2)).toBe(20);
    expect(made).toEqual([0, 1, 2, 3, 7, 8, 9, 2, 3, 4]);
    await expect(next(4)).rejects.toThrow('the fourth');
  });
});

function files() {
  return splitFiles(join(folder, 'imagenet'), { ...SIZES, seed: 1 });
}

async function valuesOf(
  batches: ReturnType<typeof fileBatches>,
  step: number,
): Promise<{ x: number[]; y: number[] }> {
  const passes = await batches(step);
  const x = passes.flatMap((pass) => [...pass.x.dataSync()]);
  const y = passes.flatMap((pass) => [...pass.y.dataSync()]);
  for (const pass of passes) tf.dispose([pass.x, pass.y]);
  return { x, y };
}

describe('batches of files', () => {
  const plan = { batch: 4, pass: 4, recipe: RECIPE, key: randomKey(SEED) };

  test.each(['trivial', DEIT.automatic] as const)(
    'depend on nothing but the step: %j',
    async (automatic) => {
      const own = { ...plan, recipe: { ...RECIPE, automatic } };
      const [forwards, backwards] = [1, 2].map(() => fileBatches(tf, files().train, own));
      const steps = [0, 1, 2, 3, 4];
      const first = [];
      for (const step of steps) first.push(await valuesOf(forwards, step));
      const second = [];
      for (const step of steps.toReversed()) second.push(await valuesOf(backwards, step));
      expect(second.toReversed()).toEqual(first);
      // Three batches an epoch; the next epoch is another one.
      expect(first[3]).not.toEqual(first[0]);
      const other = fileBatches(tf, files().train, { ...own, key: randomKey(SEED + 1) });
      expect(await valuesOf(other, 0)).not.toEqual(first[0]);
    },
  );

  test('are the same in one pass as in several', async () => {
    const whole = await valuesOf(fileBatches(tf, files().train, plan), 1);
    const parts = await valuesOf(fileBatches(tf, files().train, { ...plan, pass: 3 }), 1);
    expect(parts).toEqual(whole);
  });

  test('have classes that are distributions, and finite pixels', async () => {
    const batches = fileBatches(tf, files().train, plan);
    for (let step = 0; step < 6; step++) {
      const { x, y } = await valuesOf(batches, step);
      expect(x).toHaveLength(4 * 8 * 8 * 3);
      expect(x.every(Number.isFinite)).toBe(true);
      for (let row = 0; row < 4; row++) {
        const total = y.slice(3 * row, 3 * row + 3).reduce((a, b) => a + b, 0);
        // Three numbers below 1, each rounded three times.
        expect(Math.abs(total - 1)).toBeLessThanOrEqual(9 * 2 ** -24);
      }
      // Smoothing leaves every class ε/K at least.
      expect(Math.min(...y)).toBeGreaterThanOrEqual((0.1 / 3) * (1 - 2 ** -22));
    }
  });

  test('are refused where there are too few files, or something else is asked of them', () => {
    expect(() => fileBatches(tf, files().train, { ...plan, batch: 14 })).toThrow(
      'batch is 14, expected an integer >= 1 and <= 13',
    );
    const plain = { ...CONFIGURATION, augmentation: 'none' } as const;
    expect(() => openSource(tf, files(), plain, randomKey(1))).toThrow("'none' is for bytes");
    const bytes = {
      side: 1,
      channels: 1,
      classes: 1,
      pixels: Uint8Array.of(1),
      labels: Int32Array.of(0),
    };
    const split = { train: bytes, validation: bytes, test: bytes };
    expect(() => openSource(tf, split, CONFIGURATION, randomKey(1))).toThrow(
      'a recipe is for images in files',
    );
  });

  test('that are judged have every image once, in order', async () => {
    const { test: judged } = files();
    const shapes: number[][] = [];
    const labels: number[] = [];
    for await (const { x, y } of middles(tf, judged, RECIPE, 4)) {
      shapes.push(x.shape);
      labels.push(...y.argMax(1).dataSync());
      tf.dispose([x, y]);
    }
    expect(shapes).toEqual([4, 4, 1].map((rows) => [rows, 10, 10, 3]));
    expect(labels).toEqual([...judged.labels]);
  });
});

const CONFIGURATION: Configuration = {
  network: 'resnet8-narrow',
  data: CHOICE,
  optimizer: {
    name: 'nysact-s',
    options: {
      ...optimizers['nysact-s'].paper.cifar,
      learningRate: 0.01,
      observeEvery: 2,
      refreshEvery: 3,
      rank: 4,
    },
  },
  seed: 3,
  batch: 5,
  pass: 3,
  steps: 6,
  warmUp: 2,
  validations: 2,
  augmentation: RECIPE,
};

class Cut extends Error {}

/** The weights at the end, and what came out, of a run that is cut off after the given steps. */
async function trained(configuration: Configuration, cuts: readonly number[]) {
  const data = await openData(configuration.data, folder);
  const checkpoint = checkpointAt<RunState>(join(folder, 'checkpoint'));
  checkpoint.remove();
  let weights: number[][] = [];
  const keep = (model: LayersModel): void => {
    weights = model.getWeights().map((weight) => [...weight.dataSync()]);
  };
  for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
    try {
      const outcome = await runConfiguration(tf, configuration, data, {
        checkpoint,
        isDue: (step) => step % 2 === 1,
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

/** The losses of a run in passes of so many images. */
async function lossesIn(pass: number): Promise<number[]> {
  const seen: number[] = [];
  const options = { learningRate: 0.1 };
  const configuration: Configuration = {
    ...CONFIGURATION,
    network: 'mlp',
    optimizer: { name: 'sgd', options },
    augmentation: { ...RECIPE, testSide: 8 },
    pass,
  };
  await runConfiguration(tf, configuration, await openData(CHOICE, folder), {
    checkpoint: checkpointAt(join(folder, `passes-${pass}`)),
    isDue: () => false,
    onStep: (_, loss) => void seen.push(loss),
  });
  return seen;
}

/** The weights after one step. */
async function weightsAfterOne(warmUp: number, learningRate: number) {
  const checkpoint = checkpointAt<RunState>(join(folder, `warm-${warmUp}`));
  const configuration: Configuration = {
    ...CONFIGURATION,
    optimizer: { name: 'sgd', options: { learningRate } },
    warmUp,
  };
  const data = await openData(CHOICE, folder);
  const cut = runConfiguration(tf, configuration, data, {
    checkpoint,
    isDue: () => true,
    onStep: () => {
      throw new Cut();
    },
  });
  await expect(cut).rejects.toThrow(Cut);
  return checkpoint.load()?.weights;
}

describe('a run on files', () => {
  const transformer: Configuration = {
    ...CONFIGURATION,
    network: 'transformer-tiny',
    augmentation: { ...DEIT, side: 8, testSide: 8, resize: 10, stochasticDepth: 0.5 },
  };

  test.each([
    ['a residual network', CONFIGURATION],
    ['a transformer with stochastic depth', transformer],
  ])('that was cut off ends with the bits of one that was not: %s', async (_, configuration) => {
    const tensors = tf.memory().numTensors;
    const [first, second] = permutation(randomKey(SEED), 5).subarray(0, 2).toSorted();
    const whole = await trained(configuration, []);
    const cut = await trained(configuration, [first + 1, second + 1]);
    expect(cut.weights).toEqual(whole.weights);
    expect(cut.outcome.findings).toEqual(whole.outcome.findings);
    expect(cut.outcome.curve).toEqual(whole.outcome.curve);
    expect(whole.outcome.findings.test?.accuracy).toBeGreaterThanOrEqual(0);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test('learns otherwise where more is left out', async () => {
    const shallow = { ...transformer, augmentation: { ...DEIT, side: 8, testSide: 8, resize: 10 } };
    const [deep, other] = [await trained(transformer, []), await trained(shallow, [])];
    expect(deep.weights).not.toEqual(other.weights);
  });

  test('has a step of several passes that is one of the whole batch', async () => {
    const [whole, parts] = [await lossesIn(5), await lossesIn(2)];
    // Sums over 5 images and their 192 values in another order, in each of 6 steps.
    const tolerance = 6 * Math.sqrt(5 * 192) * 2 ** -23;
    expect(whole).toHaveLength(6);
    whole.forEach((loss, step) => {
      expect(Math.abs(parts[step] - loss)).toBeLessThanOrEqual(tolerance * loss);
    });
  });

  test('begins with the first part of its rate where it warms up', async () => {
    expect(await weightsAfterOne(4, 0.04)).toEqual(await weightsAfterOne(0, 0.01));
  });

  test('is carried out, written down with what computed it, and not carried out again', async () => {
    const path = join(folder, 'results.jsonl');
    const experiment = { title: 'files', runs: () => [CONFIGURATION], report: () => [] };
    const how = {
      scope: { scale: 'full', seeds: 1, folder } as const,
      out: folder,
      data: folder,
      resume: false,
      jobs: 0,
    };
    await conduct(tf, 'files', experiment, { ...how, results: new Results(path) });
    const text = readFileSync(path, 'utf8');
    const line: unknown = JSON.parse(text);
    expect(line).toMatchObject({
      configuration: { augmentation: RECIPE },
      machine: { backend: 'wasm, kernels of nysact/tfjs-wasm' },
    });
    await conduct(tf, 'files', experiment, { ...how, results: new Results(path) });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

test('stochastic depth leaves branches out in training only, and keeps what is left of them greater', () => {
  const network = { side: 8, classes: 3, seed: 1 };
  const { make } = networkOf('transformer-tiny');
  let key = randomKey(SEED);
  const plain = make(tf, network);
  const deep = make(tf, { ...network, depth: { rate: 0.5, key: () => key } });
  const x = tf.randomNormal([64, 8, 8, 3], 0, 1, 'float32', 1);
  const answer = (model: LayersModel, training: boolean): number[] =>
    tf.tidy(() => [...outputOf(tf, { apply: (y) => model.apply(y, { training }) }, x).dataSync()]);
  const judged = answer(plain, false);
  expect(answer(deep, false)).toEqual(judged);
  const first = answer(deep, true);
  expect(answer(deep, true)).toEqual(first);
  key = foldIn(key, 1);
  expect(answer(deep, true)).not.toEqual(first);
  // The branches of the second block are left out or twice as great: no image is as it was.
  const changed = Array.from({ length: 64 }, (_, row) =>
    [0, 1, 2].some((c) => first[3 * row + c] !== judged[3 * row + c]),
  );
  expect(changed.every(Boolean)).toBe(true);
  tf.dispose(x);
  plain.dispose();
  deep.dispose();
});

describe('table IV', () => {
  const scope = { scale: 'full', seeds: 1 } as const;

  test('trains at the full scale where the images are, and nowhere else', () => {
    expect(table4.runs?.(scope)).toEqual([]);
    expect(table4.runs?.({ ...scope, scale: 'small', folder })).toEqual([]);
    const runs = table4.runs?.({ ...scope, folder }) ?? [];
    // Three networks, six optimisers, 100 and 200 epochs.
    expect(runs).toHaveLength(36);
    for (const { steps, warmUp, batch, data, augmentation, network } of runs) {
      expect(batch).toBe(1024);
      expect([100, 200]).toContain((steps * 5) / (warmUp ?? 0));
      expect(data.train + data.validation).toBe(1_281_167);
      expect(augmentation).toBe(network === 'deit' ? DEIT : RESNET);
    }
  });

  test('tells of accuracies that are there', async () => {
    const results = new Results(join(folder, 'accuracies.jsonl'));
    const [run, other] = table4.runs?.({ ...scope, folder }) ?? [];
    const cost = { seconds: [1], tensorBytes: 1, processBytes: 1, stateBytes: 1 };
    const images = 'of a test';
    results.addRun(run, machineOf(tf), {
      images,
      findings: { test: { loss: 1, accuracy: 0.7816 } },
      curve: [],
      cost,
    });
    results.addRun(other, machineOf(tf), {
      images,
      findings: { diverged: { step: 3, message: 'a loss is not finite' } },
      curve: [],
      cost,
    });
    const blocks = await table4.report(scope, results);
    expect(blocks).toMatchObject([
      {
        table: {
          rows: [
            ['ResNet-50', 'SGD', '78.2', '', '78.05', '79.46'],
            ['ResNet-50', 'AdamW', 'diverged', '', '76.73', '79.14'],
          ],
        },
      },
    ]);
  });
});
