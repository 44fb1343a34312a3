// Table III and figure 2: test accuracy of every optimiser, and how it came about.

import { formatMeasured } from '../../report/format.js';
import type { Block } from '../../report/html.js';
import type { Point, Series } from '../../report/line-chart.js';
import { lineChart } from '../../report/plots.js';
import { deviation, mean } from '../../report/statistics.js';
import type { Table } from '../../report/table.js';
import type { Configuration } from '../engine/configuration.js';
import type { Outcome } from '../engine/outcome.js';
import type { Found } from '../engine/results.js';
import { networkOf } from '../models/index.js';
import { type OptimizerName, optimizers, PAPER_ORDER, type Settings } from '../optimizers.js';
import type { Experiment, Scope } from './experiment.js';
import { formatSpread } from './format.js';
import { type PaperSetting, printedAccuracy } from './paper.js';
import { ACCURACY, type Contest, describeSetting, type Setting } from './settings.js';
import { overSgd } from './step-times.js';
import { trialsOf, tuned, tuningRuns, tuningTable } from './tuning.js';

/** What everything else is compared with. */
const BASELINE: OptimizerName = 'sgd';

/** Settings are chosen at the first, shortest budget of a network and its data. */
function tunedAt(setting: Setting, { scale }: Scope): Setting {
  const settings = ACCURACY[scale].map((contest) => contest.setting);
  const isAlike = ({ network, data }: Setting): boolean =>
    network === setting.network && data.name === setting.data.name;
  return settings.find(isAlike) ?? setting;
}

function optionsOf(
  setting: Setting,
  name: OptimizerName,
  scope: Scope,
  found: Found,
): Settings | undefined {
  return tuned(tunedAt(setting, scope), name, scope.scale, found);
}

/** The runs that count: one for each seed. */
function finalRuns(
  setting: Setting,
  name: OptimizerName,
  options: Settings,
  { seeds }: Scope,
): Configuration[] {
  return Array.from({ length: seeds }, (_, k) => ({
    ...setting,
    optimizer: { name, options },
    seed: k + 1,
  }));
}

function runs(scope: Scope, found: Found): Configuration[] {
  return ACCURACY[scope.scale].flatMap(({ setting, names }) =>
    names.flatMap((name) => {
      const options = optionsOf(setting, name, scope, found);
      return [
        ...tuningRuns(tunedAt(setting, scope), name, scope.scale),
        ...(options === undefined ? [] : finalRuns(setting, name, options, scope)),
      ];
    }),
  );
}

/** What is known of one optimiser. */
interface Contestant {
  readonly name: OptimizerName;
  readonly options: Settings;
  readonly outcomes: readonly Outcome[];
}

function contestants({ setting, names }: Contest, scope: Scope, found: Found): Contestant[] {
  return names.flatMap((name) => {
    const options = optionsOf(setting, name, scope, found);
    if (options === undefined) return [];
    const outcomes = finalRuns(setting, name, options, scope).flatMap(
      (run) => found.outcomeOf(run) ?? [],
    );
    return outcomes.length === 0 ? [] : [{ name, options, outcomes }];
  });
}

/** Accuracies in % of the runs that did not diverge. */
function accuraciesOf({ outcomes }: Contestant): number[] {
  return outcomes.flatMap(({ findings: { test } }) =>
    test === undefined ? [] : [100 * test.accuracy],
  );
}

/** The validation accuracy that those end with which do not diverge; undefined where there are none. */
function lastAccuracy(contestant: Contestant | undefined): number | undefined {
  const last = (contestant?.outcomes ?? [])
    .filter(({ findings }) => findings.diverged === undefined)
    .flatMap(({ curve }) => curve.slice(-1).map(({ validation }) => validation.accuracy));
  return last.length === 0 ? undefined : mean(last);
}

/** Steps until a validation accuracy was seen; undefined where it never was. */
export function stepsTo(accuracy: number, { curve }: Outcome): number | undefined {
  return curve.find(({ validation }) => validation.accuracy >= accuracy)?.step;
}

/** The figures of the paper that stand beside ours: its smallest network where ours is none of its. */
function besideOurs({ network, data, steps, batch }: Setting): PaperSetting {
  const epochs = Math.round((steps * batch) / data.train);
  const same = { network, data: data.name, epochs };
  return printedAccuracy(same, BASELINE) === undefined
    ? { network: 'resnet32', data: 'cifar10', epochs: 100 }
    : same;
}

function accuracyTable(contest: Contest, scope: Scope, found: Found): Table {
  const { setting } = contest;
  const all = contestants(contest, scope, found);
  const baseline = all.find(({ name }) => name === BASELINE);
  const goal = lastAccuracy(baseline);
  const paper = besideOurs(setting);
  const right = { align: 'right' } as const;
  return {
    title: `${describeSetting(setting)}; mean ± standard deviation over seeds, ${trialsOf(BASELINE, scope.scale).length} trials for each optimiser`,
    columns: [
      { heading: 'optimiser', align: 'left' },
      { heading: 'η', ...right },
      { heading: 'ρ', ...right },
      { heading: 'test accuracy, %', ...right },
      { heading: 'seeds', ...right },
      { heading: 'diverged', ...right },
      { heading: "steps to SGD's last validation accuracy", ...right },
      { heading: "that time, in SGD's whole time", ...right },
      {
        heading: `the paper's %, ${networkOf(paper.network).name}, ${paper.data}, ${paper.epochs} epochs`,
        ...right,
      },
    ],
    rows: all.map((contestant) => {
      const { name, options, outcomes } = contestant;
      const steps = outcomes.map((outcome) =>
        goal === undefined ? undefined : stepsTo(goal, outcome),
      );
      const reached = steps.filter((step) => step !== undefined);
      const ofAll = reached.length < steps.length ? ` (${reached.length} of ${steps.length})` : '';
      const ratio = overSgd(setting, name, scope.scale, found);
      return [
        optimizers[name].title,
        String(options.learningRate),
        String(options.damping ?? ''),
        formatSpread(accuraciesOf(contestant)),
        String(outcomes.length),
        String(outcomes.filter(({ findings }) => findings.diverged !== undefined).length),
        reached.length === 0 ? 'never' : `${formatSpread(reached)}${ofAll}`,
        ratio === undefined || reached.length === 0
          ? '–'
          : formatMeasured((mean(reached) * ratio) / setting.steps),
        printedAccuracy(paper, name) ?? '–',
      ];
    }),
  };
}

/** Table III. */
export const table3: Experiment = {
  title: 'Table III: test accuracy',
  runs,
  report: (scope, found) =>
    ACCURACY[scope.scale].flatMap((contest): Block[] => {
      const { setting, names } = contest;
      const { scale } = scope;
      const table: Block = { kind: 'table', table: accuracyTable(contest, scope, found) };
      if (
        tuningRuns(setting, BASELINE, scale).length === 0 ||
        tunedAt(setting, scope) !== setting
      ) {
        return [table];
      }
      return [table, { kind: 'table', table: tuningTable(setting, names, scale, found) }];
    }),
};

/** Figure 2: from the runs of table III. */
export const figure2: Experiment = {
  title: 'Figure 2: training loss and validation accuracy',
  runs,
  report: (scope, found) =>
    ACCURACY[scope.scale].flatMap((contest): Block[] => {
      const all = contestants(contest, scope, found);
      if (all.length === 0) return [];
      const x = { label: 'step', scale: 'linear' } as const;
      const loss = lineChart({
        title: 'Training loss',
        x,
        y: { label: 'cross-entropy, mean over seeds', scale: 'log' },
        series: curvesOf(all, (point) => point.loss),
      });
      const accuracy = lineChart({
        title: 'Validation accuracy',
        x,
        y: { label: '%, mean ± standard deviation over seeds', scale: 'linear' },
        series: curvesOf(all, ({ validation }) => 100 * validation.accuracy),
      });
      return [
        { kind: 'figures', figures: [loss, accuracy], caption: describeSetting(contest.setting) },
      ];
    }),
};

/** The paper's optimisers, SGD dashed: as many curves as can be told apart. */
function curvesOf(
  all: readonly Contestant[],
  heightOf: (point: Outcome['curve'][number]) => number,
): Series[] {
  return all
    .filter(({ name }) => PAPER_ORDER.includes(name))
    .map(({ name, outcomes }) => {
      // Runs that diverge have fewer points than the others.
      const curves = outcomes.map(({ curve }) => curve);
      const steps = new Set(curves.flatMap((curve) => curve.map(({ step }) => step)));
      const points = [...steps].map((x): Point => {
        const values = curves.flatMap((curve) =>
          curve.filter(({ step }) => step === x).map(heightOf),
        );
        const y = mean(values);
        if (values.length < 2) return { x, y };
        const spread = deviation(values);
        return { x, y, low: y - spread, high: y + spread };
      });
      return { name: optimizers[name].title, points, dashed: name === BASELINE };
    });
}
