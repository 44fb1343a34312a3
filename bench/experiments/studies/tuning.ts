// Settings chosen on validation images: as many trials for every optimiser, at a seed that no result has.

import type { Table } from '../../report/table.js';
import type { Configuration } from '../engine/configuration.js';
import type { Outcome } from '../engine/outcome.js';
import type { Found } from '../engine/results.js';
import { type OptimizerName, optimizers, type Settings } from '../optimizers.js';
import type { Scale } from './experiment.js';
import { describeSetting, type Setting } from './settings.js';

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
  full: { alone: [1], damped: [[1, 1]] },
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

/** The run of one trial. */
function trialOf(setting: Setting, name: OptimizerName, options: Settings): Configuration {
  return { ...setting, optimizer: { name, options }, seed: TUNING_SEED };
}

/** The runs that the choice of settings needs; none where there is one trial only. */
export function tuningRuns(setting: Setting, name: OptimizerName, scale: Scale): Configuration[] {
  const trials = trialsOf(name, scale);
  return trials.length === 1 ? [] : trials.map((options) => trialOf(setting, name, options));
}

/** The settings that did best on the validation images; undefined while trials are missing. */
export function tuned(
  setting: Setting,
  name: OptimizerName,
  scale: Scale,
  found: Found,
): Settings | undefined {
  const trials = trialsOf(name, scale);
  if (trials.length === 1) return trials[0];
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

/** What was tried of each optimiser, and what came of it; the settings that were chosen with a star. */
export function tuningTable(
  setting: Setting,
  names: readonly OptimizerName[],
  scale: Scale,
  found: Found,
): Table {
  const counts = names.map((name) => trialsOf(name, scale).length);
  return {
    title: `Validation accuracy in % of the trials, η or η, ρ: ${describeSetting(setting)}`,
    columns: [
      { heading: 'optimiser', align: 'left' },
      ...Array.from(
        { length: Math.max(...counts) },
        (_, k) => ({ heading: `trial ${k + 1}`, align: 'right' }) as const,
      ),
    ],
    rows: names.map((name) => {
      const chosen = tuned(setting, name, scale, found);
      return [
        optimizers[name].title,
        ...trialsOf(name, scale).map((options) => {
          const { learningRate, damping } = options;
          const outcome = found.outcomeOf(trialOf(setting, name, options));
          const values = [learningRate, damping].filter((value) => value !== undefined).join(', ');
          const star = JSON.stringify(options) === JSON.stringify(chosen) ? '*' : '';
          return `${values}: ${outcome === undefined ? '–' : formatScore(outcome)}${star}`;
        }),
      ];
    }),
  };
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
