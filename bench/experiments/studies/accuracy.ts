// Table III and figure 2: test accuracy of every optimiser, and how it came about.

import { formatMeasured } from '../../report/format.js';
import type { Block } from '../../report/html.js';
import type { Series } from '../../report/line-chart.js';
import { lineChart } from '../../report/plots.js';
import { mean } from '../../report/statistics.js';
import type { Table } from '../../report/table.js';
import type { Configuration } from '../engine/configuration.js';
import type { Outcome } from '../engine/outcome.js';
import type { Found } from '../engine/results.js';
import { networkOf } from '../models/index.js';
import { type OptimizerName, optimizers, PAPER_ORDER, type Settings } from '../optimizers.js';
import type { Experiment, Scale, Scope } from './experiment.js';
import { formatSpread, formatSpreadOf, pointOf } from './format.js';
import { type PaperSetting, printedAccuracy } from './paper.js';
import { ACCURACY, type Contest, describeSetting, optionsIn, type Setting } from './settings.js';
import { overSgd } from './step-times.js';

/** What everything else is compared with. */
const BASELINE: OptimizerName = 'sgd';

/** A run for each seed. */
function runsOf(contest: Contest, name: OptimizerName, { seeds }: Scope): Configuration[] {
  return Array.from({ length: seeds }, (_, k) => ({
    ...contest.setting,
    optimizer: { name, options: optionsIn(contest, name) },
    seed: k + 1,
  }));
}

/** The runs of contests, optimisers in turn. */
function allRuns(contests: readonly Contest[], scope: Scope): Configuration[] {
  return contests.flatMap((contest) =>
    contest.names.flatMap((name) => runsOf(contest, name, scope)),
  );
}

/** The contests of both, each once. */
function contestsAt(scale: Scale): Contest[] {
  const { table3: short, figure2: long } = ACCURACY[scale];
  return [...new Set([...short, ...long])];
}

/** What is known of one optimiser. */
interface Contestant {
  readonly name: OptimizerName;
  readonly options: Settings;
  readonly outcomes: readonly Outcome[];
}

function contestants(contest: Contest, scope: Scope, found: Found): Contestant[] {
  return contest.names.flatMap((name) => {
    const outcomes = runsOf(contest, name, scope).flatMap((run) => found.outcomeOf(run) ?? []);
    return outcomes.length === 0 ? [] : [{ name, options: optionsIn(contest, name), outcomes }];
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

function accuracyTable(
  contest: Contest,
  all: readonly Contestant[],
  { scale }: Scope,
  found: Found,
): Table {
  const { setting, chosen } = contest;
  const settings = chosen === undefined ? "the paper's settings" : 'the settings of the tuning';
  const baseline = all.find(({ name }) => name === BASELINE);
  const goal = lastAccuracy(baseline);
  const paper = besideOurs(setting);
  const right = { align: 'right' } as const;
  return {
    title: `${describeSetting(setting)}, ${settings}; mean ± standard deviation over seeds`,
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
      const ratio = overSgd(setting, name, scale, found);
      return [
        optimizers[name].title,
        String(options.learningRate),
        String(options.damping ?? ''),
        formatSpread(accuraciesOf(contestant)),
        String(outcomes.length),
        String(outcomes.filter(({ findings }) => findings.diverged !== undefined).length),
        reached.length === 0 ? 'never' : formatSpreadOf(reached, steps.length),
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
  runs: (scope) => allRuns(ACCURACY[scope.scale].table3, scope),
  report: (scope, found) =>
    contestsAt(scope.scale).flatMap((contest): Block[] => {
      const all = contestants(contest, scope, found);
      if (all.length === 0) return [];
      return [{ kind: 'table', table: accuracyTable(contest, all, scope, found) }];
    }),
};

/** Figure 2. */
export const figure2: Experiment = {
  title: 'Figure 2: training loss and validation accuracy',
  runs: (scope) => allRuns(ACCURACY[scope.scale].figure2, scope),
  report: (scope, found) =>
    contestsAt(scope.scale).flatMap((contest): Block[] => {
      // As many curves as can be told apart.
      const all = contestants(contest, scope, found).filter(({ name }) =>
        PAPER_ORDER.includes(name),
      );
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

/** A curve of each, SGD's dashed. */
function curvesOf(
  all: readonly Contestant[],
  heightOf: (point: Outcome['curve'][number]) => number,
): Series[] {
  return all.map(({ name, outcomes }) => {
    // Runs that diverge have fewer points than the others.
    const curves = outcomes.map(({ curve }) => curve);
    const steps = new Set(curves.flatMap((curve) => curve.map(({ step }) => step)));
    const points = [...steps].map((x) =>
      pointOf(
        x,
        curves.flatMap((curve) => curve.filter(({ step }) => step === x).map(heightOf)),
      ),
    );
    return { name: optimizers[name].title, points, dashed: name === BASELINE };
  });
}
