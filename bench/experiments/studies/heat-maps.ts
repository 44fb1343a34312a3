// Figure 1: what the layers of a trained network see, and what sketches make of it.

import { join } from 'node:path';
import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { DenseMatrix } from '../../../src/core/matrix.js';
import { foldIn, randomKey } from '../../../src/core/random.js';
import { foof } from '../../../src/tfjs/index.js';
import { corrected } from '../../approximation/methods.js';
import { momentTarget, type Target } from '../../approximation/targets.js';
import type { Images } from '../../data/images.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import { damping, heatMapPanels } from '../../demo/curvature.js';
import { crossEntropy } from '../../demo/model.js';
import { relativeSpectralError } from '../../demo/spectral-error.js';
import { heatMaps } from '../../report/heatmap.js';
import type { Block } from '../../report/html.js';
import { loadData, sideOf } from '../data.js';
import { checkpointAt } from '../engine/checkpoint.js';
import { type Configuration, identify } from '../engine/configuration.js';
import { normalisationOf, trainingBatches } from '../engine/loader.js';
import type { Measured } from '../engine/results.js';
import { type RunState, runConfiguration } from '../engine/run.js';
import { optimizers } from '../optimizers.js';
import type { Experiment, Scale } from './experiment.js';
import { ACCURACY } from './settings.js';

/** What is known of one layer. */
interface LayerFigure {
  readonly inputs: number;
  /** ‖A − Â‖₂/‖A‖₂ of each kind of sketch. */
  readonly errors: { readonly gaussian: number; readonly subcolumn: number };
  readonly figure: string;
}

/** The layers of a network. */
interface LayerFigures {
  readonly layers: readonly LayerFigure[];
}

const RANK = 10;
/** Larger ones cost O(p³) each. */
const LARGEST = 600;
const SHOWN = 3;
/** Batches behind each second moment. */
const OBSERVATIONS = 20;

/** SGD trains the last network of table III that is small enough, or the paper's. */
const NETWORKS: Readonly<Record<Scale, string>> = {
  smoke: 'lenet',
  small: 'resnet8-narrow',
  full: 'resnet32',
};

function trainingOf(scale: Scale): Configuration {
  const settings = ACCURACY[scale].table3
    .map(({ setting }) => setting)
    .filter(({ network }) => network === NETWORKS[scale]);
  const setting = settings.find(({ data }) => data.name === 'cifar100') ?? settings[0];
  return {
    ...setting,
    optimizer: { name: 'sgd', options: optimizers.sgd.paper.cifar },
    seed: 1,
  };
}

function layerFigures(scale: Scale): Measured<LayerFigures> {
  const training = trainingOf(scale);
  return {
    configuration: { measurement: 'what layers see', training, rank: RANK },
    data: training.data,
    seconds: (speed) =>
      training.steps * training.batch * speed.image(training.network, sideOf(training)),
    measure: async ({ tf, folder, checkpoints, resume, remark }) => {
      const checkpoint = checkpointAt<RunState>(join(checkpoints, `${identify(training)}-seen`));
      if (!resume) checkpoint.remove();
      const data = await loadData(training.data, folder);
      let targets: readonly Target[] = [];
      const { images } = await runConfiguration(tf, training, data, {
        checkpoint,
        isDue: (step) => step % 100 === 0,
        onStep: (step) => {
          if (step % 100 === 0) remark(`${step} of ${training.steps} steps`);
        },
        onEnd: async (model) => {
          targets = await seenBy(tf, model, data.train, training);
        },
      });
      const layers: LayerFigure[] = [];
      for (const target of targets) layers.push(await figureOf(target));
      checkpoint.remove();
      return { images, layers };
    },
  };
}

/** The second moments of the largest layers' inputs. FOOF keeps them, and without a rate trains nothing. */
async function seenBy(
  tf: TensorFlow,
  model: LayersModel,
  images: Images,
  { batch, augmentation }: Configuration,
): Promise<Target[]> {
  const observer = foof(tf, { learningRate: 0, observeEvery: 1, refreshEvery: OBSERVATIONS + 1 });
  const key = randomKey(2);
  const plan = { batch, augmentation, key };
  const batches = trainingBatches(tf, images, normalisationOf(images), plan);
  const inTraining = { apply: (x: Tensor) => model.apply(x, { training: true }) };
  for (let step = 0; step < OBSERVATIONS; step++) {
    const { x, y } = batches(step);
    observer.minimize(() => crossEntropy(tf, inTraining, { x, y }));
    tf.dispose([x, y]);
  }
  const { entries } = await observer.exportState();
  observer.dispose();
  const moments = Object.entries(entries).flatMap(([name, entry]) => {
    if (!name.endsWith('/A/average') || typeof entry === 'number' || !('rows' in entry)) return [];
    const { rows, cols, data } = entry;
    return [new DenseMatrix('float64', rows, cols, Float64Array.from(data))];
  });
  const bySize = new Map(moments.map((A) => [A.rows, A]));
  return [...bySize.values()]
    .filter(({ rows }) => rows <= LARGEST)
    .toSorted((A, B) => B.rows - A.rows)
    .slice(0, SHOWN)
    .map((A) => momentTarget(`p = ${A.rows}`, `moving average over ${OBSERVATIONS} batches`, A));
}

async function figureOf(target: Target): Promise<LayerFigure> {
  const key = randomKey(3);
  const errorOf = (sketch: 'gaussian' | 'subcolumn'): number => {
    const approximate = corrected(sketch, 0).approximate(target, RANK, foldIn(key, 0));
    return relativeSpectralError(target, approximate(damping));
  };
  return {
    inputs: target.A.rows,
    errors: { gaussian: errorOf('gaussian'), subcolumn: errorOf('subcolumn') },
    figure: await heatMaps(heatMapPanels(target, RANK, key)),
  };
}

/** Figure 1. */
export const figure1: Experiment = {
  title: 'Figure 1: exact and approximate second moments',
  measurements: ({ scale }) => [layerFigures(scale)],
  report: ({ scale }, found) => {
    const { network, steps } = trainingOf(scale);
    const { layers = [] } = found.measured(layerFigures(scale)) ?? {};
    return layers.map(
      ({ inputs, errors, figure }): Block => ({
        kind: 'figures',
        figures: [figure],
        caption: `A layer of ${network} after ${steps} steps of SGD with p = ${inputs}, r = ${RANK}: ‖A − Â‖₂/‖A‖₂ is ${errors.gaussian.toFixed(3)} (Gaussian) and ${errors.subcolumn.toFixed(3)} (subcolumn). Means over blocks, one colour scale.`,
      }),
    );
  },
};
