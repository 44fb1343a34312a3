// Where a run has its images from: bytes that are held, or files that are decoded on demand.

import type { RandomKey } from '../../../src/core/random.js';
import type { FileSplit } from '../../data/image-files.js';
import type { ImageSplit } from '../../data/images.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import type { Labelled } from '../../demo/model.js';
import type { Configuration } from './configuration.js';
import { fileBatches, middles } from './file-batches.js';
import { allBatches, normalisationOf, trainingBatches } from './loader.js';

/** The samples of a run. */
export type Dataset = ImageSplit | FileSplit;

/** Samples that no training image is in. */
export type Judged = 'validation' | 'test';

/** What a run sees. The caller disposes of all tensors. */
export interface Source {
  /** The images that are trained on. */
  readonly shape: {
    readonly side: number;
    readonly channels: number;
    readonly classes: number;
  };
  /** Pixels a side of the images that are judged. */
  readonly testSide: number;
  /** The batch of a step, in the passes that its gradient is the mean of. */
  readonly batch: (step: number) => Promise<Labelled[]> | Labelled[];
  readonly judged: (sample: Judged) => Iterable<Labelled> | AsyncIterable<Labelled>;
}

/** Images in a pass that judges: many small ones, or fewer large ones. */
const JUDGED_BYTES = 500;
const JUDGED_FILES = 50;

/**
 * The images of a configuration, in an order and with an augmentation that the key decides.
 *
 * @throws RangeError where the augmentation is not for such images.
 */
export function openSource(
  tf: TensorFlow,
  data: Dataset,
  { batch, pass = batch, augmentation }: Configuration,
  key: RandomKey,
): Source {
  if (isFiles(data)) {
    if (typeof augmentation === 'string') {
      throw new RangeError(
        `openSource: augmentation '${augmentation}' is for bytes, expected a recipe`,
      );
    }
    const recipe = augmentation;
    return {
      shape: { side: recipe.side, channels: 3, classes: data.train.classes },
      testSide: recipe.testSide,
      batch: fileBatches(tf, data.train, { batch, pass, recipe, key }),
      judged: (sample) => middles(tf, data[sample], recipe, JUDGED_FILES),
    };
  }
  const normalisation = normalisationOf(data.train);
  const batches = trainingBatches(tf, data.train, normalisation, { batch, augmentation, key });
  const { side, channels, classes } = data.train;
  return {
    shape: { side, channels, classes },
    testSide: side,
    batch: (step) => inPasses(tf, batches(step), pass),
    judged: (sample) => allBatches(tf, data[sample], normalisation, JUDGED_BYTES),
  };
}

function isFiles(data: Dataset): data is FileSplit {
  return 'paths' in data.train;
}

function inPasses(tf: TensorFlow, { x, y }: Labelled, pass: number): Labelled[] {
  const [rows] = y.shape;
  if (pass >= rows) return [{ x, y }];
  const passes: Labelled[] = [];
  for (let start = 0; start < rows; start += pass) {
    const count = Math.min(pass, rows - start);
    passes.push({
      x: tf.slice(x, [start], [count]),
      y: tf.slice(y, [start], [count]),
    });
  }
  tf.dispose([x, y]);
  return passes;
}
