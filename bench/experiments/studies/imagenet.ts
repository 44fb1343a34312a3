// Tables IV and V: the ImageNet setting. Networks are built and take steps on synthetic images; what the whole
// training would cost follows from that. Where the images are, the full scale trains.

import type { Tensor } from '@tensorflow/tfjs';
import { formatBytes, formatMeasured, formatMilliseconds } from '../../report/format.js';
import type { Block } from '../../report/html.js';
import { mean } from '../../report/statistics.js';
import type { Table } from '../../report/table.js';
import { hasImageNet, IMAGENET } from '../data.js';
import type { Configuration } from '../engine/configuration.js';
import { peakBytesOf } from '../engine/memory.js';
import { stepOver } from '../engine/passes.js';
import { DEIT, RESNET, type Recipe } from '../engine/recipe.js';
import type { Found, Measured } from '../engine/results.js';
import { networkOf } from '../models/index.js';
import { type OptimizerName, optimizers, type Settings } from '../optimizers.js';
import type { Experiment, Scale, Scope } from './experiment.js';
import { formatSpread } from './format.js';
import { printedAccuracy, printedCost } from './paper.js';

/** What steps are taken of. */
interface Plan {
  readonly networks: readonly string[];
  readonly namesOf: (network: string) => readonly OptimizerName[];
  /** Pixels a side; at the full scale each network has those of its recipe. */
  readonly side?: number;
  readonly batch: number;
  /** Steps that are timed, behind a first one that observes and refreshes. */
  readonly steps: number;
}

const ALL: readonly OptimizerName[] = ['sgd', 'adamw', 'kfac', 'eva', 'foof', 'nysact-s'];

/** Eigenvectors of second moments of up to 4,608 inputs take KFAC an hour on a processor. */
const WITHOUT_KFAC = ALL.filter((name) => name !== 'kfac');

const PLAN: Readonly<Record<Scale, Plan>> = {
  smoke: {
    networks: ['resnet50'],
    namesOf: () => ['sgd', 'nysact-s'],
    side: 32,
    batch: 2,
    steps: 1,
  },
  small: {
    networks: ['resnet50', 'resnet101', 'deit'],
    namesOf: (network) => (network === 'deit' ? ALL : WITHOUT_KFAC),
    side: 64,
    batch: 4,
    steps: 5,
  },
  full: { networks: ['resnet50', 'resnet101', 'deit'], namesOf: () => ALL, batch: 32, steps: 5 },
};

/** Training images of ImageNet, those that are judged on the way, and the published ones of the test. */
const IMAGES = 1_281_167;
const VALIDATION = 10_000;
const TEST = 50_000;
const CLASSES = 1_000;

/** How often the paper passes over the images. */
const EPOCHS = [100, 200] as const;
const BATCH = 1_024;
const WARM_UP_EPOCHS = 5;

function recipeOf(network: string): Recipe {
  return network === 'deit' ? DEIT : RESNET;
}

function sideOf(scale: Scale, network: string): number {
  return PLAN[scale].side ?? recipeOf(network).side;
}

function settingsOf(network: string, name: OptimizerName): Settings {
  const { imagenet, cifar } = optimizers[name].paper;
  return imagenet?.[network === 'deit' ? 'deit' : 'resnet'] ?? cifar;
}

/** The paper's training, in passes as large as the steps that are measured. */
function trainingOf(
  network: string,
  name: OptimizerName,
  epochs: number,
  seed: number,
): Configuration {
  const train = IMAGES - VALIDATION;
  const perEpoch = Math.floor(train / BATCH);
  return {
    network,
    data: { name: IMAGENET, train, validation: VALIDATION, test: TEST },
    optimizer: { name, options: settingsOf(network, name) },
    seed,
    batch: BATCH,
    pass: PLAN.full.batch,
    steps: epochs * perEpoch,
    warmUp: WARM_UP_EPOCHS * perEpoch,
    validations: epochs,
    augmentation: recipeOf(network),
  };
}

function trainings(
  network: string,
  name: OptimizerName,
  epochs: number,
  { seeds }: Scope,
): Configuration[] {
  return Array.from({ length: seeds }, (_, k) => trainingOf(network, name, epochs, k + 1));
}

/** The runs of the full scale, where there are images for them. */
function runs(scope: Scope): Configuration[] {
  if (scope.scale !== 'full' || !hasImageNet(scope.folder)) return [];
  const { networks, namesOf } = PLAN.full;
  return EPOCHS.flatMap((epochs) =>
    networks.flatMap((network) =>
      namesOf(network).flatMap((name) => trainings(network, name, epochs, scope)),
    ),
  );
}

/** Top-1 accuracy of the runs that are there. */
function accuracies(scope: Scope, found: Found): Table | undefined {
  if (scope.scale !== 'full') return undefined;
  const { networks, namesOf } = PLAN.full;
  const rows = networks.flatMap((network) =>
    namesOf(network).flatMap((name) => {
      const paper = EPOCHS.map((epochs) => printedAccuracy({ network, epochs }, name) ?? '');
      const cells = EPOCHS.map((epochs) => {
        const outcomes = trainings(network, name, epochs, scope).flatMap(
          (run) => found.outcomeOf(run) ?? [],
        );
        const known = outcomes.flatMap(({ findings: { test } }) =>
          test === undefined ? [] : [100 * test.accuracy],
        );
        if (known.length > 0) return formatSpread(known);
        return outcomes.length > 0 ? 'diverged' : '';
      });
      const isKnown = cells.some((cell) => cell !== '');
      return isKnown ? [[networkOf(network).name, optimizers[name].title, ...cells, ...paper]] : [];
    }),
  );
  if (rows.length === 0) return undefined;
  return {
    title: 'Top-1 accuracy on ImageNet, %',
    columns: [
      { heading: 'network', align: 'left' },
      { heading: 'optimiser', align: 'left' },
      ...['', "the paper's "].flatMap((whose) =>
        EPOCHS.map((epochs) => ({ heading: `${whose}${epochs} epochs`, align: 'right' }) as const),
      ),
    ],
    rows,
  };
}

/** Steps of one optimiser. */
interface StepCost {
  /** Milliseconds of the first step, which looks at layers and refreshes, and of the mean of the others. */
  readonly first: number;
  readonly mean: number;
  readonly tensorBytes: number;
  readonly stateBytes: number;
}

function costOf(scale: Scale, network: string, name: OptimizerName): Measured<StepCost> {
  const { batch, steps } = PLAN[scale];
  const side = sideOf(scale, network);
  const options = settingsOf(network, name);
  return {
    readsLater: true,
    configuration: { measurement: 'ImageNet steps', network, name, options, side, batch, steps },
    seconds: (speed) =>
      (steps + 1) * batch * speed.image(network, side) * optimizers[name].relativeCost +
      speed.refreshes({ name, options }, steps + 1, network, side),
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
      const step = async (): Promise<void> => {
        await stepOver(tf, optimizer, inTraining, [{ x, y }]);
        await optimizer.flush();
      };
      try {
        const times: number[] = [];
        const tensorBytes = await peakBytesOf(tf, async () => {
          for (let k = 0; k <= steps; k++) {
            const start = performance.now();
            await step();
            times.push(performance.now() - start);
          }
        });
        const [first, ...others] = times;
        return {
          first,
          mean: mean(others),
          tensorBytes,
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
  const { networks, namesOf } = PLAN[scale];
  return networks.flatMap((network) =>
    namesOf(network).map((name) => costOf(scale, network, name)),
  );
}

/** What a step is known to cost. */
interface KnownCost extends StepCost {
  /** Milliseconds of a step, with refreshes at their share. */
  readonly step: number;
}

/**
 * The costs of steps that were measured. Of refreshes that come behind the last of those steps the first one knows:
 * they take what it took longer than SGD's.
 */
function knownCost(
  scale: Scale,
  network: string,
  name: OptimizerName,
  found: Found,
): KnownCost | undefined {
  const cost = found.measured(costOf(scale, network, name));
  const baseline = found.measured(costOf(scale, network, 'sgd'));
  if (cost === undefined || baseline === undefined) return undefined;
  const { refreshEvery } = settingsOf(network, name);
  const isSeen = typeof refreshEvery !== 'number' || refreshEvery <= PLAN[scale].steps;
  const refresh = isSeen ? 0 : Math.max(0, cost.first - baseline.first) / refreshEvery;
  return { ...cost, step: cost.mean + refresh };
}

/** Table IV: accuracy where the images are, and what a training takes here. */
export const table4: Experiment = {
  title: 'Table IV: the ImageNet setting',
  runs,
  measurements: ({ scale }) => costs(scale),
  report: (scope, found) => {
    const { scale } = scope;
    const { networks, namesOf, batch } = PLAN[scale];
    const [epochs] = EPOCHS;
    const rows = networks.flatMap((network) =>
      namesOf(network).flatMap((name) => {
        const cost = knownCost(scale, network, name, found);
        if (cost === undefined) return [];
        const days = ((cost.step / batch) * IMAGES * epochs) / 86_400_000;
        return [
          [
            networkOf(network).name,
            optimizers[name].title,
            formatMilliseconds(cost.step / batch),
            String(sideOf(scale, network)),
            `${formatMeasured(days)} days`,
            formatBytes(cost.tensorBytes),
            formatBytes(cost.stateBytes),
          ],
        ];
      }),
    );
    const right = { align: 'right' } as const;
    const table: Table = {
      title: `Steps on ${batch} synthetic images, and ${epochs} epochs of ImageNet at that size and speed`,
      columns: [
        { heading: 'network', align: 'left' },
        { heading: 'optimiser', align: 'left' },
        { heading: 'an image', ...right },
        { heading: 'pixels a side', ...right },
        { heading: `${epochs} epochs`, ...right },
        { heading: 'peak of tensors', ...right },
        { heading: "optimiser's state", ...right },
      ],
      rows,
    };
    const accuracy = accuracies(scope, found);
    return [
      ...(accuracy === undefined ? [] : [accuracy]),
      ...(rows.length === 0 ? [] : [table]),
    ].map((one): Block => ({ kind: 'table', table: one }));
  },
};

/** Table V: the same steps over those of SGD. */
export const table5: Experiment = {
  title: 'Table V: time and memory over SGD in the ImageNet setting',
  measurements: ({ scale }) => costs(scale),
  report: ({ scale }, found) => {
    const { networks, namesOf } = PLAN[scale];
    return networks.flatMap((network): Block[] => {
      const baseline = knownCost(scale, network, 'sgd', found);
      if (baseline === undefined) return [];
      const rows = namesOf(network).flatMap((name) => {
        const cost = knownCost(scale, network, name, found);
        if (cost === undefined) return [];
        return [
          [
            optimizers[name].title,
            formatMeasured(cost.step / baseline.step),
            formatMilliseconds(cost.first),
            formatMeasured(cost.tensorBytes / baseline.tensorBytes),
            formatBytes(cost.stateBytes),
            printedCost(network, name)?.time.toFixed(2) ?? '',
            printedCost(network, name)?.memory.toFixed(2) ?? '',
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
          { heading: "optimiser's state", align: 'right' },
          { heading: "the paper's time", align: 'right' },
          { heading: "the paper's memory", align: 'right' },
        ],
        rows,
      };
      return [{ kind: 'table', table }];
    });
  },
};
