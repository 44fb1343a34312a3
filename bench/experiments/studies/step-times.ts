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
import type { Experiment, Scale } from './experiment.js';
import { printedCost } from './paper.js';
import { ABLATION, ACCURACY, STEPS, type Steps } from './settings.js';

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
  { network, batch, turns = PLAN[scale].turns }: Omit<Steps, 'names'>,
  timed: readonly Timed[],
): Measured<OptimizerRow> {
  const plan = { ...PLAN[scale], turns };
  return {
    configuration: { measurement: 'step times', network, side: SIDE, batch, timed, ...plan },
    // A turn is of five steps, and some are taken before the first.
    seconds: (speed) => {
      const steps = 5 * plan.turns + 3;
      const ofSgd = steps * batch * speed.image(network, SIDE);
      const others = timed.map(
        (one) =>
          ofSgd * optimizers[one.name].relativeCost + speed.refreshes(one, steps, network, SIDE),
      );
      return Math.max(
        plan.budget / 1e3,
        others.reduce((a, b) => a + b, ofSgd),
      );
    },
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
      return timeOptimizers(tf, workload, { ...plan, seed: 1, contenders });
    },
  };
}

/** The times of the optimisers on one network, with the paper's settings. */
export function tableTimes(scale: Scale, steps: Steps): Measured<OptimizerRow> {
  const timed = steps.names.map((name) => ({
    title: optimizers[name].title,
    name,
    options: optimizers[name].paper.cifar,
  }));
  return timesOf(scale, steps, timed);
}

/** A step of an optimiser over one of SGD, from table II; undefined where that is not measured. */
export function overSgd(
  { network, batch }: Pick<Steps, 'network' | 'batch'>,
  name: OptimizerName,
  scale: Scale,
  found: Found,
): number | undefined {
  if (name === 'sgd') return 1;
  const steps = STEPS[scale].find((one) => one.network === network && one.batch === batch);
  const row = steps && found.measured(tableTimes(scale, steps));
  return row?.over.find((over) => over.name === optimizers[name].title)?.ratio;
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
  return timesOf(scale, { network, batch }, timed);
}

/** The times of figure 4. */
export function cadenceTimes(scale: Scale): Measured<OptimizerRow> {
  return varied(scale, ['eva', 'foof', 'nysact-g', 'nysact-s'], 'refreshEvery', [5, 10, 50, 100]);
}

/** The times of figure 5. */
export function rankTimes(scale: Scale): Measured<OptimizerRow> {
  return varied(scale, ['nysact-g', 'nysact-s'], 'rank', [5, 10, 15, 20]);
}

/** The networks of the paper's table II. */
const PRINTED = ['resnet32', 'resnet110', 'densenet121'] as const;
const PRINTED_ON = PRINTED.map((network) => networkOf(network).name).join(' / ');

/** What the paper has for an optimiser, on each of its networks. */
function printed(name: OptimizerName, what: 'time' | 'memory'): string {
  const values = PRINTED.map((network) => printedCost(network, name)?.[what]);
  return values.includes(undefined) ? '' : values.map((value) => value?.toFixed(2)).join(' / ');
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
      { heading: 'middle half of turns (without refresh, where some are)', align: 'right' },
    ],
    rows: over.map(({ name: optimizer, ratio, spread }) => [
      optimizer,
      formatMeasured(ratio),
      `${formatMeasured(spread.lower)} – ${formatMeasured(spread.upper)}`,
    ]),
  };
}

/** The first observes and refreshes, the last observes with all state there. */
const MEMORY_STEPS = 6;

/** Short runs whose peaks are looked at, of every optimiser on a network of table II. */
function memoryRuns(scale: Scale, { network, batch }: Steps): Configuration[] {
  const [{ setting }] = ACCURACY[scale].table3;
  const names: readonly OptimizerName[] = scale === 'smoke' ? ['sgd', 'nysact-g'] : PAPER_ORDER;
  return names.map((name) => ({
    network,
    data: { ...setting.data, validation: 1, test: 1 },
    optimizer: { name, options: optimizers[name].paper.cifar },
    seed: 1,
    batch,
    steps: MEMORY_STEPS,
    validations: 1,
    augmentation: 'crop and flip',
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
      { heading: `the paper's memory: ${PRINTED_ON}`, align: 'right' },
    ],
    rows: known.map(({ name, cost }) => [
      optimizers[name].title,
      beside(cost.tensorBytes, baseline.cost.tensorBytes),
      beside(cost.processBytes, baseline.cost.processBytes),
      formatBytes(cost.stateBytes),
      printed(name, 'memory'),
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
  runs: ({ scale }) => STEPS[scale].flatMap((steps) => memoryRuns(scale, steps)),
  measurements: ({ scale }) => STEPS[scale].map((steps) => tableTimes(scale, steps)),
  report: ({ scale }, found) => [
    ...STEPS[scale].flatMap((steps): Block[] => {
      const row = found.measured(tableTimes(scale, steps));
      return row === undefined ? [] : [{ kind: 'table', table: besidePaper(row) }];
    }),
    ...STEPS[scale].flatMap((steps): Block[] => {
      const table = memoryTable(steps.network, memoryRuns(scale, steps), found);
      return table === undefined ? [] : [{ kind: 'table', table }];
    }),
  ],
};

function besidePaper(row: OptimizerRow): Table {
  const { title, columns, rows } = timeTable(row);
  const paper = new Map(PAPER_ORDER.map((name) => [optimizers[name].title, printed(name, 'time')]));
  return {
    title,
    columns: [...columns, { heading: `the paper's: ${PRINTED_ON}`, align: 'right' }],
    rows: rows.map((cells) => [...cells, paper.get(cells[0]) ?? '']),
  };
}
