// Figures 3, 4 and 5: what one setting at a time does to test accuracy.

import type { Block } from '../../report/html.js';
import type { Series } from '../../report/line-chart.js';
import { lineChart } from '../../report/plots.js';
import type { Table } from '../../report/table.js';
import type { Configuration } from '../engine/configuration.js';
import type { Found } from '../engine/results.js';
import { type OptimizerName, optimizers } from '../optimizers.js';
import type { Experiment, Scale, Scope } from './experiment.js';
import { formatSpreadOf, pointOf } from './format.js';
import { ABLATION, describeSetting, ESSENTIALS, type Setting } from './settings.js';
import { cadenceTimes, rankTimes, timeBlocks } from './step-times.js';

/** One setting that is varied, all others being the paper's. */
interface Sweep {
  readonly title: string;
  /** The option of the optimisers, or the size of the batch, where the epochs stay the same. */
  readonly option: 'learningRate' | 'decay' | 'damping' | 'batch' | 'refreshEvery' | 'rank';
  readonly values: readonly number[];
  readonly methods: readonly OptimizerName[];
  /** Optimisers that do not have the option. */
  readonly beside?: readonly OptimizerName[];
}

/** The paper's, which does not say what NysAct sketches with there. */
const COMPARED: readonly OptimizerName[] = ['kfac', 'eva', 'foof', 'nysact-g'];

/** Two values are enough for a look. */
function valuesAt(scale: Scale, values: readonly number[]): readonly number[] {
  return scale === 'smoke' ? values.slice(0, 2) : values;
}

function methodsAt(scale: Scale, methods: readonly OptimizerName[]): readonly OptimizerName[] {
  return scale === 'smoke' ? methods.slice(-2) : methods;
}

function essentials(scale: Scale): Sweep[] {
  const methods = methodsAt(scale, COMPARED);
  const swept = (title: string, option: Sweep['option'], values: readonly number[]): Sweep => ({
    title,
    option,
    values: valuesAt(scale, values),
    methods,
  });
  return [
    swept('learning rate η', 'learningRate', [0.001, 0.01, 0.1, 1]),
    swept('decay β₂', 'decay', [0.5, 0.9, 0.95, 0.99]),
    swept('damping ρ', 'damping', [0.01, 0.1, 1, 10]),
    swept('batch size', 'batch', scale === 'smoke' ? [16, 32] : [64, 128, 256, 512]),
  ];
}

function cadences(scale: Scale): Sweep[] {
  return [
    {
      title: 'steps between refreshes τ_inv',
      option: 'refreshEvery',
      values: valuesAt(scale, [5, 10, 50, 100]),
      methods: methodsAt(scale, ['eva', 'foof', 'nysact-g', 'nysact-s']),
    },
  ];
}

function ranks(scale: Scale): Sweep[] {
  return [
    {
      title: 'rank r',
      option: 'rank',
      values: valuesAt(scale, [5, 10, 15, 20]),
      methods: ['nysact-g', 'nysact-s'],
      beside: ['sgd', 'foof'],
    },
  ];
}

/** The runs of one method at one value, or at the paper's own settings. */
function runsAt(
  setting: Setting,
  name: OptimizerName,
  { seeds }: Scope,
  change?: { readonly option: Sweep['option']; readonly value: number },
): Configuration[] {
  const { cifar } = optimizers[name].paper;
  const configuration = {
    ...setting,
    optimizer: { name, options: cifar },
    ...(change === undefined ? {} : changed(setting, name, change.option, change.value)),
  };
  return Array.from({ length: seeds }, (_, k) => ({ ...configuration, seed: k + 1 }));
}

function changed(
  { steps, batch }: Setting,
  name: OptimizerName,
  option: Sweep['option'],
  value: number,
): Partial<Configuration> {
  if (option === 'batch') {
    return { batch: value, steps: Math.max(1, Math.round((steps * batch) / value)) };
  }
  return { optimizer: { name, options: { ...optimizers[name].paper.cifar, [option]: value } } };
}

function sweepRuns(setting: Setting, sweep: Sweep, scope: Scope): Configuration[] {
  const { option, values, methods, beside = [] } = sweep;
  return [
    ...methods.flatMap((name) =>
      values.flatMap((value) => runsAt(setting, name, scope, { option, value })),
    ),
    ...beside.flatMap((name) => runsAt(setting, name, scope)),
  ];
}

/** Test accuracies in % of the runs that are known, undefined for one that diverged. */
function accuracies(runs: readonly Configuration[], found: Found): (number | undefined)[] {
  return runs.flatMap((run) => {
    const outcome = found.outcomeOf(run);
    if (outcome === undefined) return [];
    const { test } = outcome.findings;
    return [test === undefined ? undefined : 100 * test.accuracy];
  });
}

function formatAccuracies(cell: readonly (number | undefined)[]): string {
  return formatSpreadOf(
    cell.filter((value) => value !== undefined),
    cell.length,
  );
}

/** What diverged counts as 0. */
function heightsOf(cell: readonly (number | undefined)[]): number[] {
  return cell.map((value) => value ?? 0);
}

function sweepBlocks(setting: Setting, sweep: Sweep, scope: Scope, found: Found): Block[] {
  const { title, option, values, methods, beside = [] } = sweep;
  const rows = [
    ...methods.map((name) => ({
      name,
      cells: values.map((value) =>
        accuracies(runsAt(setting, name, scope, { option, value }), found),
      ),
    })),
    ...beside.map((name) => {
      const alone = accuracies(runsAt(setting, name, scope), found);
      return { name, cells: values.map(() => alone) };
    }),
  ];
  if (rows.every(({ cells }) => cells.every((cell) => cell.length === 0))) return [];
  const table: Table = {
    title: `Test accuracy in % against the ${title}: ${describeSetting(setting)}, ${scope.seeds} seeds; × where all diverged`,
    columns: [
      { heading: 'optimiser', align: 'left' },
      ...values.map((value) => ({ heading: String(value), align: 'right' }) as const),
    ],
    rows: rows.map(({ name, cells }) => [optimizers[name].title, ...cells.map(formatAccuracies)]),
  };
  const figure = lineChart({
    title: `Test accuracy against the ${title}`,
    x: { label: title, scale: 'log', ticks: values },
    y: { label: '%, mean ± standard deviation over seeds', scale: 'linear' },
    series: rows.map(
      ({ name, cells }): Series => ({
        name: optimizers[name].title,
        points: cells.flatMap((cell, k) =>
          cell.length === 0 ? [] : [pointOf(values[k], heightsOf(cell))],
        ),
        dashed: name === 'sgd',
      }),
    ),
  });
  return [
    { kind: 'table', table },
    {
      kind: 'figures',
      figures: [figure],
      caption: `${describeSetting(setting)}; what diverged counts as 0`,
    },
  ];
}

/** An experiment of sweeps. */
function sensitivity(
  title: string,
  settings: Readonly<Record<Scale, Setting>>,
  sweepsAt: (scale: Scale) => readonly Sweep[],
): Experiment & { readonly runs: NonNullable<Experiment['runs']> } {
  return {
    title,
    runs: (scope) =>
      sweepsAt(scope.scale).flatMap((sweep) => sweepRuns(settings[scope.scale], sweep, scope)),
    report: (scope, found) =>
      sweepsAt(scope.scale).flatMap((sweep) =>
        sweepBlocks(settings[scope.scale], sweep, scope, found),
      ),
  };
}

/** Figure 3. */
export const figure3: Experiment = sensitivity(
  'Figure 3: learning rate, decay, damping and batch size',
  ESSENTIALS,
  essentials,
);

const byCadence = sensitivity('Figure 4: steps between refreshes', ABLATION, cadences);
const byRank = sensitivity('Figure 5: rank', ABLATION, ranks);

/** Figure 4: accuracy of runs, and times that were measured in turn. */
export const figure4: Experiment = {
  ...byCadence,
  measurements: ({ scale }) => [cadenceTimes(scale)],
  report: async (scope, found) => [
    ...(await byCadence.report(scope, found)),
    ...timeBlocks([cadenceTimes(scope.scale)], found),
  ],
};

/** Figure 5: likewise. */
export const figure5: Experiment = {
  ...byRank,
  measurements: ({ scale }) => [rankTimes(scale)],
  report: async (scope, found) => [
    ...(await byRank.report(scope, found)),
    ...timeBlocks([rankTimes(scope.scale)], found),
  ],
};
