// The images that experiments are about, by name: from packages, or from the folder that the user names.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CIFAR_SIDE, CIFAR10, CIFAR100, type CifarLayout, loadCifar } from '../data/cifar.js';
import { loadCifarFolders } from '../data/cifar-folders.js';
import { loadFashionMnist } from '../data/fashion-mnist.js';
import { splitFiles } from '../data/image-files.js';
import { type ImageSplit, imagesOf, splitImages } from '../data/images.js';
import { loadMnist } from '../data/mnist.js';
import type { Split, SplitSizes } from '../data/samples.js';
import { packageFolder } from '../report/json.js';
import type { Configuration, DataChoice } from './engine/configuration.js';
import type { Dataset } from './engine/source.js';

/** The samples are the same for all seeds of an experiment. */
const SPLIT_SEED = 1;

type Load = (sizes: SplitSizes, folder: string | undefined) => ImageSplit | Promise<ImageSplit>;

/** Images that are held as bytes. */
interface HeldImages {
  /** Pixels a side. */
  readonly side: number;
  readonly load: Load;
}

const HELD: Readonly<Record<string, HeldImages>> = {
  mnist: { side: 28, load: (sizes) => split(loadMnist(sizes)) },
  'fashion-mnist': { side: 28, load: (sizes) => split(loadFashionMnist(sizes)) },
  cifar10: { side: CIFAR_SIDE, load: cifar(CIFAR10, 'cifar10') },
  cifar100: { side: CIFAR_SIDE, load: cifar(CIFAR100, 'cifar100') },
};

/** What configurations call the images of ImageNet, and their folder below the user's. */
export const IMAGENET = 'imagenet';

/** Whether the user's folder has them. */
export function hasImageNet(folder: string | undefined): boolean {
  return folder !== undefined && existsSync(join(folder, IMAGENET, 'train'));
}

/**
 * The samples of a choice: files for images that are too many to hold, otherwise as {@link loadData}.
 *
 * @throws RangeError as {@link loadData}.
 */
export async function openData(choice: DataChoice, folder: string | undefined): Promise<Dataset> {
  const { name, ...sizes } = choice;
  if (name !== IMAGENET) return loadData(choice, folder);
  if (folder === undefined || !hasImageNet(folder)) {
    const why = folder === undefined ? '--data names no folder' : `${folder} holds none`;
    throw new RangeError(
      `ImageNet is not here: ${why}. Put its images into a folder as ${IMAGENET}/train/<class>/<file>.JPEG and ${IMAGENET}/val/<class>/<file>.JPEG, and name the folder with --data.`,
    );
  }
  return splitFiles(join(folder, IMAGENET), { ...sizes, seed: SPLIT_SEED });
}

/**
 * The samples of a choice that are held as bytes. `folder` is what the user names with `--data`.
 *
 * @throws RangeError where there is no such data set, its files are absent or malformed, or more images are asked
 *   for than there are.
 */
export async function loadData(
  { name, ...sizes }: DataChoice,
  folder: string | undefined,
): Promise<ImageSplit> {
  return heldImages('loadData', name).load({ ...sizes, seed: SPLIT_SEED }, folder);
}

/**
 * Pixels a side of the images that a configuration trains on: what its recipe makes of files, or what is held.
 *
 * @throws RangeError where there is no such data set.
 */
export function sideOf({
  data,
  augmentation,
}: Pick<Configuration, 'data' | 'augmentation'>): number {
  if (typeof augmentation === 'object') return augmentation.side;
  return heldImages('sideOf', data.name).side;
}

/** Pixels a side of the images that it is judged by. */
export function judgedSideOf(run: Pick<Configuration, 'data' | 'augmentation'>): number {
  const { augmentation } = run;
  return typeof augmentation === 'object' ? augmentation.testSide : sideOf(run);
}

function heldImages(caller: string, name: string): HeldImages {
  if (Object.hasOwn(HELD, name)) return HELD[name];
  const known = Object.keys(HELD).join(', ');
  throw new RangeError(`${caller}: there is no data set '${name}', expected one of ${known}`);
}

function split({ train, validation, test }: Split): ImageSplit {
  return { train: imagesOf(train), validation: imagesOf(validation), test: imagesOf(test) };
}

/**
 * The published files, or folders of images below `<folder>/<name>`: `train/<class>/…`, and `test/<class>/…`
 * where there are test images; otherwise those are held out of the others.
 */
function cifar(layout: CifarLayout, name: string): Load {
  return async (sizes, folder) => {
    if (folder === undefined) throw new RangeError(absent(layout, name, '--data names no folder'));
    const published = loadCifar(layout, folder);
    if (published !== undefined) return splitImages(published.train, published.test, sizes);
    const cache = packageFolder('build', 'experiments', 'decoded');
    const images = await loadCifarFolders(layout, join(folder, name), cache);
    if (images === undefined) {
      throw new RangeError(absent(layout, name, `${folder} holds none`));
    }
    return splitImages(images.train, images.test, sizes);
  };
}

function absent(layout: CifarLayout, name: string, why: string): string {
  return `${layout.name} is not here: ${why}. Put ${layout.archive} of https://www.cs.toronto.edu/~kriz/cifar.html into a folder, packed or unpacked (${layout.folder}/), or images as ${name}/train/<class>/<file>.png, and name the folder with --data.`;
}
