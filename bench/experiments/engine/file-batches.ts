// Images in files as batches: decoded ahead of the steps that need them, changed as a recipe says.

import { checkInteger } from '../../../src/core/check.js';
import { fillUniform, foldIn, type RandomKey } from '../../../src/core/random.js';
import { decodeCrop, decodeMiddle, type ImageFiles, sizeOf } from '../../data/image-files.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import type { Labelled } from '../../demo/model.js';
import { drawRandAugment, drawTrivial } from './automatic.js';
import {
  drawBeta,
  drawBox,
  drawCrop,
  drawCutBox,
  ERASED,
  mixed,
  pasted,
  repeatedOrder,
  smoothed,
} from './mixing.js';
import { prefetched } from './prefetch.js';
import type { Recipe } from './recipe.js';

const CHANNELS = 3;

/** Mean and deviation of each colour of ImageNet's pixels, of 1. */
const MEAN = [0.485, 0.456, 0.406] as const;
const DEVIATION = [0.229, 0.224, 0.225] as const;

/** Batches that are decoded while a step computes. */
const AHEAD = 2;

/** How batches of files are made. */
export interface FilePlan {
  readonly batch: number;
  /** Images of one forward pass. */
  readonly pass: number;
  readonly recipe: Recipe;
  readonly key: RandomKey;
}

/** One image of a batch before it is mixed with another: its bytes, what is erased of it, and its class. */
interface Drawn {
  readonly pixels: Uint8Array;
  readonly key: RandomKey;
  readonly label: number;
}

/**
 * The training batch of each step in its passes. Every draw depends on nothing but the key, the epoch, and the
 * image and its copy, or the batch. The caller disposes of the tensors.
 *
 * @throws RangeError where there are fewer files than a batch has images.
 */
export function fileBatches(
  tf: TensorFlow,
  files: ImageFiles,
  { batch, pass, recipe, key }: FilePlan,
): (step: number) => Promise<Labelled[]> {
  checkInteger('fileBatches', 'batch', batch, 1, files.paths.length);
  const perEpoch = Math.floor(files.paths.length / batch);
  const [orders, images, mixtures] = [0, 1, 2].map((stream) => foldIn(key, stream));
  const orderOf = latest((epoch) =>
    repeatedOrder(foldIn(orders, epoch), files.paths.length, recipe.repeats),
  );
  const drawn = prefetched(async (step): Promise<Drawn[]> => {
    const epoch = Math.floor(step / perEpoch);
    const [order, ofEpoch] = [orderOf(epoch), foldIn(images, epoch)];
    const start = (step % perEpoch) * batch;
    return Promise.all(
      Array.from({ length: batch }, async (_, k) => {
        const { image, copy } = order(start + k);
        const own = foldIn(foldIn(ofEpoch, image), copy);
        const pixels = await augmented(files.paths[image], own, recipe);
        return { pixels, key: own, label: files.labels[image] };
      }),
    );
  }, AHEAD);
  return async (step) => {
    const all = await drawn(step);
    const mix = mixtureOf(foldIn(mixtures, step), recipe);
    const inputs = all.map((one) => inputOf(one, recipe));
    const targets = all.map(({ label }) =>
      smoothed(oneHot(label, files.classes), recipe.smoothing),
    );
    const passes: Labelled[] = [];
    for (let first = 0; first < batch; first += pass) {
      const rows = Array.from({ length: Math.min(pass, batch - first) }, (_, k) => first + k);
      // The last image with the first, and so on: copies of an image lie beside one another.
      const pairs = rows.map((row) => [row, batch - 1 - row] as const);
      passes.push(
        toTensors(
          tf,
          recipe.side,
          pairs.map(([a, b]) => mix.images(inputs[a], inputs[b])),
          pairs.map(([a, b]) => mixed(targets[a], targets[b], mix.share)),
        ),
      );
    }
    return passes;
  };
}

/** The middle of all images, in batches of at most `size`. The caller disposes of them. */
export async function* middles(
  tf: TensorFlow,
  files: ImageFiles,
  { testSide: side, resize }: Recipe,
  size: number,
): AsyncGenerator<Labelled> {
  const decoded = prefetched(async (index) => {
    const paths = files.paths.slice(index * size, (index + 1) * size);
    return Promise.all(paths.map((path) => decodeMiddle(path, { resize, side })));
  }, 1);
  for (let index = 0; index * size < files.paths.length; index++) {
    const pixels = await decoded(index);
    const labels = files.labels.subarray(index * size, (index + 1) * size);
    yield toTensors(
      tf,
      side,
      pixels.map(normalised),
      Array.from(labels, (label) => oneHot(label, files.classes)),
    );
  }
}

/** `make` of an index, made anew only for another one than last. */
function latest<T>(make: (index: number) => T): (index: number) => T {
  let last: { readonly index: number; readonly made: T } | undefined;
  return (index) => {
    if (last?.index !== index) last = { index, made: make(index) };
    return last.made;
  };
}

/** A random crop, mirrored every other time, and what automatic augmentation makes of it. */
async function augmented(
  path: string,
  key: RandomKey,
  { side, automatic }: Recipe,
): Promise<Uint8Array> {
  const box = drawCrop(foldIn(key, 0), await sizeOf(path));
  const flip = uniform(foldIn(key, 1)) < 0.5;
  const pixels = await decodeCrop(path, { ...box, side, flip });
  const own = foldIn(key, 2);
  const change =
    automatic === 'trivial' ? drawTrivial(own, side) : drawRandAugment(own, side, automatic);
  return change(pixels, side);
}

/** Normalised, with a box erased or not. */
function inputOf({ pixels, key }: Drawn, { side, erasing }: Recipe): Float32Array {
  const input = normalised(pixels);
  if (uniform(foldIn(key, 3)) >= erasing) return input;
  const box = drawBox(foldIn(key, 4), { width: side, height: side }, ERASED);
  return box === undefined ? input : pasted(input, { side, channels: CHANNELS }, box);
}

/** What becomes of each image and its partner in a batch, and the share of its own class. */
interface Mixture {
  readonly images: (a: Float32Array, b: Float32Array) => Float32Array;
  readonly share: number;
}

/** Mixup or CutMix, each every other time. */
function mixtureOf(key: RandomKey, { side, mixup, cutmix }: Recipe): Mixture {
  const isCut = uniform(foldIn(key, 0)) < 0.5;
  const lambda = drawBeta(foldIn(key, 1), isCut ? cutmix : mixup);
  if (!isCut) return { images: (a, b) => mixed(a, b, lambda), share: lambda };
  const box = drawCutBox(foldIn(key, 2), side, lambda);
  return {
    images: (a, b) => pasted(a, { side, channels: CHANNELS }, box, b),
    share: 1 - (box.width * box.height) / side ** 2,
  };
}

function uniform(key: RandomKey): number {
  const u = new Float64Array(1);
  fillUniform(key, u);
  return u[0];
}

/** For each colour the normalised value of each byte: colour c begins at 256·c. */
const NORMALISED = Float32Array.from({ length: 256 * CHANNELS }, (_, i) => {
  const channel = Math.floor(i / 256);
  return ((i % 256) / 255 - MEAN[channel]) / DEVIATION[channel];
});

function normalised(pixels: Uint8Array): Float32Array {
  const input = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) input[i] = NORMALISED[256 * (i % CHANNELS) + pixels[i]];
  return input;
}

function oneHot(label: number, classes: number): Float32Array {
  const row = new Float32Array(classes);
  row[label] = 1;
  return row;
}

function toTensors(
  tf: TensorFlow,
  side: number,
  inputs: readonly Float32Array[],
  targets: readonly Float32Array[],
): Labelled {
  return {
    x: tf.tensor4d(joined(inputs), [inputs.length, side, side, CHANNELS]),
    y: tf.tensor2d(joined(targets), [targets.length, targets[0].length]),
  };
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const [{ length }] = rows;
  const all = new Float32Array(rows.length * length);
  for (const [k, row] of rows.entries()) all.set(row, k * length);
  return all;
}
