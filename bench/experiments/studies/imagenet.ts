// Tables IV and V: the ImageNet setting. Networks are built and take steps on synthetic images; what the whole
// training would cost follows from that.

import type { Tensor } from '@tensorflow/tfjs';
import { crossEntropy } from '../../demo/model.js';
import { formatBytes, formatMeasured, formatMilliseconds } from '../../report/format.js';
import type { Block } from '../../report/html.js';
import type { Table } from '../../report/table.js';
import type { Measured } from '../engine/results.js';
import { networkOf } from '../models/index.js';
import { type OptimizerName, optimizers } from '../optimizers.js';
import type { Experiment, Scale } from './experiment.js';

/** What steps are taken of. */
interface Plan {
  readonly networks: readonly string[];
  readonly names: readonly OptimizerName[];
  readonly side: number;
  readonly batch: number;
  /** Steps that are timed, behind a first one that observes and refreshes. */
  readonly steps: number;
}

const ALL: readonly OptimizerName[] = ['sgd', 'adamw', 'kfac', 'eva', 'foof', 'nysact-s'];

const PLAN: Readonly<Record<Scale, Plan>> = {
  smoke: { networks: ['resnet50'], names: ['sgd', 'nysact-s'], side: 32, batch: 2, steps: 1 },
  small: {
    networks: ['resnet50', 'resnet101', 'deit'],
    names: ALL,
    side: 64,
    batch: 4,
    steps: 5,
  },
  full: { networks: ['resnet50', 'resnet101', 'deit'], names: ALL, side: 224, batch: 32, steps: 5 },
};

/** Training images of ImageNet, and how often the paper passes over them. */
const IMAGES = 1_281_167;
const EPOCHS = 100;
const CLASSES = 1_000;

/** Steps of one optimiser. */
interface StepCost {
  /** Milliseconds of the first step, which looks at layers and refreshes, and of the mean of the others. */
  readonly first: number;
  readonly mean: number;
  readonly loss: number;
  readonly tensorBytes: number;
  readonly stateBytes: number;
}

function costOf(scale: Scale, network: string, name: OptimizerName): Measured<StepCost> {
  const { side, batch, steps } = PLAN[scale];
  const options = optimizers[name].paper.imagenet ?? optimizers[name].paper.cifar;
  return {
    configuration: { measurement: 'ImageNet steps', network, name, options, side, batch, steps },
    seconds: (speed) => (steps + 1) * batch * speed(network, side),
    measure: async ({ tf, remark }) => {
      remark(`${network}, ${optimizers[name].title}`);
      const model = networkOf(network).make(tf, { classes: CLASSES, side, seed: 1 });
      // A rate that leaves a few steps on noise finite.
      const optimizer = optimizers[name].make(tf, { ...options, learningRate: 1e-3 });
      const x = tf.randomNormal([batch, side, side, 3], 0, 1, 'float32', 1);
      const y = tf.tidy(() =>
        tf
          .oneHot(tf.range(0, batch, 1, 'int32').toInt(), CLASSES)
          .toFloat()
          .as2D(batch, CLASSES),
      );
      const inTraining = { apply: (images: Tensor) => model.apply(images, { training: true }) };
      const step = (): number => {
        const cost = optimizer.minimize(() => crossEntropy(tf, inTraining, { x, y }), true);
        const loss = cost?.dataSync()[0] ?? Number.NaN;
        cost?.dispose();
        return loss;
      };
      try {
        let loss = Number.NaN;
        const start = performance.now();
        const { peakBytes } = await tf.profile(() => {
          loss = step();
          return [];
        });
        const behindFirst = performance.now();
        for (let k = 0; k < steps; k++) loss = step();
        return {
          first: behindFirst - start,
          mean: (performance.now() - behindFirst) / steps,
          loss,
          tensorBytes: peakBytes,
          stateBytes: optimizer.stateBytes,
        };
      } finally {
        optimizer.dispose();
        model.dispose();
        tf.dispose([x, y]);
      }
    },
  };
}

function costs(scale: Scale): Measured<StepCost>[] {
  const { networks, names } = PLAN[scale];
  return networks.flatMap((network) => names.map((name) => costOf(scale, network, name)));
}

/** Table IV: accuracy would take a GPU and the data; what a training takes here is told instead. */
export const table4: Experiment = {
  title: 'Table IV: the ImageNet setting, projected',
  measurements: ({ scale }) => costs(scale),
  report: ({ scale }, found) => {
    const { networks, names, side, batch } = PLAN[scale];
    const rows = networks.flatMap((network) =>
      names.flatMap((name) => {
        const cost = found.measured(costOf(scale, network, name));
        if (cost === undefined) return [];
        const days = ((cost.mean / batch) * IMAGES * EPOCHS) / 86_400_000;
        return [
          [
            networkOf(network).name,
            optimizers[name].title,
            formatMilliseconds(cost.mean / batch),
            `${formatMeasured(days)} days`,
            formatBytes(cost.tensorBytes),
            formatBytes(cost.stateBytes),
          ],
        ];
      }),
    );
    const right = { align: 'right' } as const;
    const table: Table = {
      title: `Steps on synthetic images of ${side}×${side} pixels, ${batch} a batch, and ${EPOCHS} epochs of ImageNet at that size and speed`,
      columns: [
        { heading: 'network', align: 'left' },
        { heading: 'optimiser', align: 'left' },
        { heading: 'an image', ...right },
        { heading: `${EPOCHS} epochs`, ...right },
        { heading: 'peak of tensors', ...right },
        { heading: "optimiser's state", ...right },
      ],
      rows,
    };
    return rows.length === 0 ? [] : [{ kind: 'table', table }];
  },
};

/** Table V: the same steps over those of SGD. */
export const table5: Experiment = {
  title: 'Table V: time and memory over SGD in the ImageNet setting',
  measurements: ({ scale }) => costs(scale),
  report: ({ scale }, found) => {
    const { networks, names } = PLAN[scale];
    return networks.flatMap((network): Block[] => {
      const baseline = found.measured(costOf(scale, network, 'sgd'));
      if (baseline === undefined) return [];
      const rows = names.flatMap((name) => {
        const cost = found.measured(costOf(scale, network, name));
        if (cost === undefined) return [];
        return [
          [
            optimizers[name].title,
            formatMeasured(cost.mean / baseline.mean),
            formatMilliseconds(cost.first),
            formatMeasured(cost.tensorBytes / baseline.tensorBytes),
          ],
        ];
      });
      const table: Table = {
        title: `${networkOf(network).name}: a step and its peak of tensors, × SGD`,
        columns: [
          { heading: 'optimiser', align: 'left' },
          { heading: 'time', align: 'right' },
          { heading: 'first step, with its refresh', align: 'right' },
          { heading: 'memory', align: 'right' },
        ],
        rows,
      };
      return [{ kind: 'table', table }];
    });
  },
};
