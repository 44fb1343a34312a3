// Settings are chosen on validation images: as many trials for every optimiser, at a seed that no result has.

import type { Block } from '../../report/html.js';
import type { Table } from '../../report/table.js';
import type { Configuration } from '../engine/configuration.js';
import type { Outcome } from '../engine/outcome.js';
import type { Found } from '../engine/results.js';
import { type OptimizerName, optimizers, type Settings } from '../optimizers.js';
import type { Experiment, Scale } from './experiment.js';
import { ACCURACY, type Contest, describeSetting, optionsIn, type Setting } from './settings.js';

const TUNING_SEED = 0;

/** Factors of the paper's learning rate, and of its damping where there is one: as many pairs. */
const FACTORS: Readonly<
  Record<Scale, { readonly alone: readonly number[]; readonly damped: readonly [number, number][] }>
> = {
  smoke: {
    alone: [1, 0.3],
    damped: [
      [1, 1],
      [0.3, 1],
    ],
  },
  small: {
    alone: [0.1, 0.3, 1, 3, 10, 30],
    damped: [0.3, 1].flatMap((rate) =>
      [0.1, 1, 10].map((damping): [number, number] => [rate, damping]),
    ),
  },
  // The paper's settings as they are.
  full: { alone: [], damped: [] },
};

/** The settings that are tried for an optimiser. */
export function trialsOf(name: OptimizerName, scale: Scale): Settings[] {
  const { cifar } = optimizers[name].paper;
  const { alone, damped } = FACTORS[scale];
  const { learningRate, damping } = cifar;
  if (typeof damping !== 'number') {
    return alone.map((rate) => ({ ...cifar, learningRate: rounded(rate * learningRate) }));
  }
  return damped.map(([rate, damp]) => ({
    ...cifar,
    learningRate: rounded(rate * learningRate),
    damping: rounded(damp * damping),
  }));
}

/** The run of one trial, which is judged once, at its end. */
function trialOf(setting: Setting, name: OptimizerName, options: Settings): Configuration {
  const trial = { seed: TUNING_SEED, validations: 1, isTrial: true } as const;
  return { ...setting, optimizer: { name, options }, ...trial };
}

/** The runs that the choice of settings needs. */
export function tuningRuns(setting: Setting, name: OptimizerName, scale: Scale): Configuration[] {
  return trialsOf(name, scale).map((options) => trialOf(setting, name, options));
}

/** The settings that did best on the validation images; undefined while trials are missing. */
export function tuned(
  setting: Setting,
  name: OptimizerName,
  scale: Scale,
  found: Found,
): Settings | undefined {
  const trials = trialsOf(name, scale);
  const scores = trials.map((options) => {
    const outcome = found.outcomeOf(trialOf(setting, name, options));
    return outcome === undefined ? undefined : scoreOf(outcome);
  });
  if (scores.includes(undefined)) return undefined;
  const best = scores.reduce<number>(
    (leading, score, k) => ((score ?? -1) > (scores[leading] ?? -1) ? k : leading),
    0,
  );
  return trials[best];
}

/** What was tried of each optimiser, and what came of it. */
function tuningTable(contest: Contest, scale: Scale, found: Found): Table {
  const { setting, names } = contest;
  const counts = names.map((name) => trialsOf(name, scale).length);
  return {
    title: `Validation accuracy in % of the trials, η or η, ρ; * the best, † what table III and figure 2 take: ${describeSetting(setting)}`,
    columns: [
      { heading: 'optimiser', align: 'left' },
      ...Array.from(
        { length: Math.max(...counts) },
        (_, k) => ({ heading: `trial ${k + 1}`, align: 'right' }) as const,
      ),
    ],
    rows: names.map((name) => {
      const best = tuned(setting, name, scale, found);
      const taken = optionsIn(contest, name);
      return [
        optimizers[name].title,
        ...trialsOf(name, scale).map((options) => {
          const { learningRate, damping } = options;
          const outcome = found.outcomeOf(trialOf(setting, name, options));
          const values = [learningRate, damping].filter((value) => value !== undefined).join(', ');
          const marks = `${isSame(options, best) ? '*' : ''}${isSame(options, taken) ? '†' : ''}`;
          return `${values}: ${outcome === undefined ? '–' : formatScore(outcome)}${marks}`;
        }),
      ];
    }),
  };
}

/** Both are the paper's but for these. */
function isSame(options: Settings, others: Settings | undefined): boolean {
  return options.learningRate === others?.learningRate && options.damping === others.damping;
}

function formatScore(outcome: Outcome): string {
  const { diverged } = outcome.findings;
  return diverged === undefined
    ? (100 * scoreOf(outcome)).toFixed(1)
    : `diverged at step ${diverged.step}`;
}

/** Accuracy on the validation images at the end; what diverged is behind all else. */
function scoreOf({ findings, curve }: Outcome): number {
  return findings.diverged === undefined ? (curve.at(-1)?.validation.accuracy ?? 0) : -1;
}

/** Decimals that people write. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

/** The trials for table III and figure 2, at the budget of the former. */
export const tuning: Experiment = {
  title: 'Tuning: the settings of table III and figure 2',
  runs: ({ scale }) =>
    ACCURACY[scale].table3.flatMap(({ setting, names }) =>
      names.flatMap((name) => tuningRuns(setting, name, scale)),
    ),
  report: ({ scale }, found) =>
    scale === 'full'
      ? [{ kind: 'text', text: "No trials: all optimisers take the paper's settings." }]
      : ACCURACY[scale].table3.map(
          (contest): Block => ({ kind: 'table', table: tuningTable(contest, scale, found) }),
        ),
};
