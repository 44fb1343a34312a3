// CIFAR-10 and CIFAR-100 as images in a folder for each class.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CIFAR_SIDE, type CifarLayout } from './cifar.js';
import { checkSameClasses, listClassFolders, loadClassFolders } from './class-folders.js';
import type { Images } from './images.js';

/**
 * The images of `<folder>/train/<class>/…`, and of `<folder>/test/<class>/…` where there are test images; undefined
 * where there are none to train on. What was decoded is kept in `cache`.
 *
 * @throws RangeError where there are not as many classes as the data set has, test images have others than training
 *   images, or an image is malformed or of another size.
 */
export async function loadCifarFolders(
  layout: Pick<CifarLayout, 'name' | 'classes'>,
  folder: string,
  cache: string,
): Promise<{ readonly train: Images; readonly test?: Images } | undefined> {
  const [training, testing] = ['train', 'test'].map((sample) => join(folder, sample));
  if (!existsSync(training)) return undefined;
  const listed = listClassFolders(training);
  const { length } = listed.classes;
  if (length !== layout.classes) {
    throw new RangeError(
      `${training}: ${length} folders, expected the ${layout.classes} classes of ${layout.name}`,
    );
  }
  const images = { side: CIFAR_SIDE, cache };
  if (!existsSync(testing)) return { train: await loadClassFolders(training, images) };
  // Labels are places in the order of names: those of both mean the same for the same names alone.
  checkSameClasses(listed, listClassFolders(testing));
  return {
    train: await loadClassFolders(training, images),
    test: await loadClassFolders(testing, images),
  };
}
