// Table II and the times of figures 4 and 5: steps over those of SGD, all optimisers in turn in one process;
// and peaks of memory, each in a process of its own.

import { formatBytes, formatMeasured, formatMilliseconds } from '../../report/format.js';
import type { Block } from '../../report/html.js';
import type { Table } from '../../report/table.js';
import { classification } from '../../tfjs/models.js';
import { type Contender, type OptimizerRow, timeOptimizers } from '../../tfjs/optimizers.js';
import type { Configuration } from '../engine/configuration.js';
import type { Found, Measured } from '../engine/results.js';
import { networkOf } from '../models/index.js';
import { type OptimizerName, optimizers, PAPER_ORDER, type Settings } from '../optimizers.js';
import type { Experiment, Scale, Scope } from './experiment.js';
import { ABLATION, ACCURACY, STEPS } from './settings.js';

/** Steps of networks of 32×32 colour images with noise for data, which take as long as with any other. */
const SIDE = 32;

/** Milliseconds that a network is measured for, and turns that are made at least: each cycle has ten. */
const PLAN: Readonly<Record<Scale, { readonly budget: number; readonly turns: number }>> = {
  smoke: { budget: 500, turns: 2 },
  small: { budget: 60_000, turns: 10 },
  full: { budget: 600_000, turns: 10 },
};

/** One optimiser with its options. */
interface Timed {
  readonly title: string;
  readonly name: OptimizerName;
  readonly options: Settings;
}

function timesOf(
  scale: Scale,
  network: string,
  batch: number,
  timed: readonly Timed[],
): Measured<OptimizerRow> {
  return {
    configuration: { measurement: 'step times', network, side: SIDE, batch, timed, ...PLAN[scale] },
    measure: async ({ tf, remark }) => {
      remark(`steps of ${network}`);
      const { name, make } = networkOf(network);
      const workload = classification({
        key: network,
        name,
        batch,
        stepsInARow: 1,
        input: [SIDE, SIDE, 3],
        network: (host, seed) => make(host, { side: SIDE, classes: 10, seed }),
      });
      const contenders = timed.map(
        ({ title, name: optimizer, options }): Contender => ({
          name: title,
          make: (host) => optimizers[optimizer].make(host, options),
          ...(typeof options.refreshEvery === 'number'
            ? { refreshEvery: options.refreshEvery }
            : {}),
        }),
      );
      return timeOptimizers(tf, workload, { ...PLAN[scale], seed: 1, contenders });
    },
  };
}

/** The optimisers of table II beside SGD. */
const COMPARED: readonly OptimizerName[] = [
  'kfac',
  'eva',
  'foof',
  'nysact-g',
  'nysact-s',
  'nysact-tracking',
];

function tableTimes(scale: Scale): Measured<OptimizerRow>[] {
  const { networks, batch } = STEPS[scale];
  const timed = COMPARED.map((name) => ({
    title: optimizers[name].title,
    name,
    options: optimizers[name].paper.cifar,
  }));
  return networks.map((network) => timesOf(scale, network, batch, timed));
}

function varied(
  scale: Scale,
  names: readonly OptimizerName[],
  option: 'refreshEvery' | 'rank',
  values: readonly number[],
): Measured<OptimizerRow> {
  const { network, batch } = ABLATION[scale];
  const timed = names.flatMap((name) =>
    (scale === 'smoke' ? values.slice(0, 2) : values).map((value) => ({
      title: `${optimizers[name].title}, ${option === 'rank' ? 'r' : 'τ_inv'} = ${value}`,
      name,
      options: { ...optimizers[name].paper.cifar, [option]: value },
    })),
  );
  return timesOf(scale, network, batch, timed);
}

/** The times of figure 4. */
export function cadenceTimes(scale: Scale): Measured<OptimizerRow> {
  return varied(scale, ['eva', 'foof', 'nysact-g', 'nysact-s'], 'refreshEvery', [5, 10, 50, 100]);
}

/** The times of figure 5. */
export function rankTimes(scale: Scale): Measured<OptimizerRow> {
  return varied(scale, ['nysact-g', 'nysact-s'], 'rank', [5, 10, 15, 20]);
}

/** A table of each measurement that was taken. */
export function timeBlocks(all: readonly Measured<OptimizerRow>[], found: Found): Block[] {
  return all.flatMap((measurement): Block[] => {
    const row = found.measured(measurement);
    return row === undefined ? [] : [{ kind: 'table', table: timeTable(row) }];
  });
}

function timeTable({ name, batch, sgd, over, turns }: OptimizerRow): Table {
  return {
    title: `${name}, batches of ${batch}: a step over SGD's of ${formatMilliseconds(sgd)}, refreshes and observations at their share (${turns} turns)`,
    columns: [
      { heading: 'optimiser', align: 'left' },
      { heading: '× SGD', align: 'right' },
      { heading: 'middle half of turns without refresh', align: 'right' },
    ],
    rows: over.map(({ name: optimizer, ratio, spread }) => [
      optimizer,
      formatMeasured(ratio),
      `${formatMeasured(spread.lower)} – ${formatMeasured(spread.upper)}`,
    ]),
  };
}

/** So many steps that one refreshes with all state there, and is counted. */
const MEMORY_STEPS = 51;

/** Short runs whose peaks are looked at, of every optimiser on every network of table II. */
function memoryRuns({ scale }: Scope): { network: string; runs: Configuration[] }[] {
  const [{ data }] = ACCURACY[scale];
  const { networks, batch } = STEPS[scale];
  const names: readonly OptimizerName[] = scale === 'smoke' ? ['sgd', 'nysact-g'] : PAPER_ORDER;
  return networks.map((network) => ({
    network,
    runs: names.map((name) => ({
      network,
      data: { ...data, validation: 1, test: 1 },
      optimizer: { name, options: optimizers[name].paper.cifar },
      seed: 1,
      batch,
      steps: scale === 'smoke' ? 2 : MEMORY_STEPS,
      validations: 1,
      augmentation: 'crop and flip',
    })),
  }));
}

function memoryTable(
  network: string,
  runs: readonly Configuration[],
  found: Found,
): Table | undefined {
  const known = runs.flatMap((run) => {
    const outcome = found.outcomeOf(run);
    return outcome === undefined ? [] : [{ name: run.optimizer.name, cost: outcome.cost }];
  });
  const baseline = known.find(({ name }) => name === 'sgd');
  if (baseline === undefined) return undefined;
  return {
    title: `${networkOf(network).name}: peaks of memory, × SGD`,
    columns: [
      { heading: 'optimiser', align: 'left' },
      { heading: 'tensors in a step', align: 'right' },
      { heading: 'process', align: 'right' },
      { heading: "optimiser's state", align: 'right' },
    ],
    rows: known.map(({ name, cost }) => [
      optimizers[name].title,
      beside(cost.tensorBytes, baseline.cost.tensorBytes),
      beside(cost.processBytes, baseline.cost.processBytes),
      formatBytes(cost.stateBytes),
    ]),
  };
}

function beside(bytes: number, base: number): string {
  return `${formatBytes(bytes)} ×${formatMeasured(bytes / base)}`;
}

/** Table II. */
export const table2: Experiment = {
  title: 'Table II: time and memory over SGD',
  isApart: true,
  runs: (scope) => memoryRuns(scope).flatMap(({ runs }) => runs),
  measurements: ({ scale }) => tableTimes(scale),
  report: (scope, found) => [
    ...timeBlocks(tableTimes(scope.scale), found),
    ...memoryRuns(scope).flatMap(({ network, runs }): Block[] => {
      const table = memoryTable(network, runs, found);
      return table === undefined ? [] : [{ kind: 'table', table }];
    }),
  ],
};
