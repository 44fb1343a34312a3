// What the demonstration found, as tables and in words.

import { publishedAverage } from '../approximation/methods.js';
import { formatBytes, formatMeasured, formatMilliseconds, formatNumber } from '../report/format.js';
import { quantile } from '../report/statistics.js';
import type { Table } from '../report/table.js';
import { refreshEvery, type Scope, stepsPerTurn } from './configuration.js';
import { type Contestant, shared } from './contestants.js';
import { type Approach, approaches, damping, type ErrorRow } from './curvature.js';
import type { Task } from './task.js';
import { meansOf, type Rhythm, stepTimeRatio } from './timing.js';
import type { Run, Trained } from './training.js';

/** How training has the optimisers take turns. */
export const rhythm: Rhythm = { stepsPerTurn, turnsPerCycle: refreshEvery / stepsPerTurn };

const left = { align: 'left' } as const;
const right = { align: 'right' } as const;

/** The figures of one optimiser that readers of the JSON file rely on. */
export interface Finding {
  readonly testAccuracy: number;
  readonly trainLoss: number;
  readonly stepTimeRatio: number;
  readonly stateBytes: number;
}

/** One run's figures; `baseline` is SGD's run. */
export function findingOf(run: Run, baseline: Run): Finding {
  const { testAccuracy, trainLoss, stateBytes } = run;
  const ratio = stepTimeRatio(run.milliseconds, baseline.milliseconds, rhythm);
  return { testAccuracy, trainLoss, stepTimeRatio: ratio, stateBytes };
}

/** The comparison: one line an optimiser. The first run is the baseline. */
export function optimiserTable({ task, runs }: Trained): Table {
  return {
    title: `${task.title}: the same weights at first, the same batches`,
    columns: [
      { heading: 'optimiser', ...left },
      { heading: 'test accuracy', ...right },
      { heading: 'training loss', ...right },
      { heading: 'time per step (SGD = 1)', ...right },
      { heading: 'preconditioner state', ...right },
    ],
    rows: runs.map((run) => {
      const finding = findingOf(run, runs[0]);
      return [
        run.contestant.title,
        `${(100 * finding.testAccuracy).toFixed(2)} %`,
        finding.trainLoss.toFixed(4),
        `${finding.stepTimeRatio.toFixed(2)} ×`,
        finding.stateBytes === 0 ? 'none' : formatBytes(finding.stateBytes),
      ];
    }),
  };
}

/** What the columns of {@link optimiserTable} mean, one sentence each. */
export function optimiserNotes(runs: readonly Run[], { images }: Scope): string[] {
  const [baseline] = runs;
  const step = quantile(meansOf(baseline.milliseconds, stepsPerTurn), 0.5);
  const accuracy = quantile(
    runs.map(({ testAccuracy }) => testAccuracy),
    0.5,
  );
  const spread = 200 * Math.sqrt((accuracy * (1 - accuracy)) / images.test);
  return [
    `Test accuracy: share of ${formatCount(images.test)} test images classified correctly after the last step. They took no part in training or tuning. This is one run, and proves little: two standard errors are about ${spread.toFixed(1)} points, and another seed changes more than the images.`,
    `Training loss: mean cross-entropy over the ${formatCount(images.train)} training images after the last step.`,
    `Time per step: forward pass, backward pass and update, relative to SGD (${formatMilliseconds(step)} a step). Optimisers take turns of ${stepsPerTurn} steps, and a turn is compared with SGD’s in the same round: medians over turns with a refresh (1 in ${rhythm.turnsPerCycle}) and without, averaged in that proportion.`,
    `Preconditioner state: what is kept from step to step beside one buffer for momentum (${formatBytes(baseline.momentumBytes)} in all of them). For Adam and AdamW these are the second moments.`,
  ];
}

/** Learning rates, the paper's beside those that are not, and the settings that are not shared. */
export function settingsTable({ contestants }: Pick<Task, 'contestants'>): Table {
  return {
    title: 'Learning rates, and the settings that are not shared',
    columns: [
      { heading: 'optimiser', ...left },
      { heading: 'learning rate', ...left },
      { heading: 'other settings', ...left },
    ],
    rows: contestants.map(({ title, options, paperLearningRate }: Contestant) => {
      const { learningRate, ...others } = options;
      return [
        title,
        paperLearningRate === undefined
          ? formatNumber(learningRate)
          : `${formatNumber(learningRate)}, tuned (paper: ${formatNumber(paperLearningRate)})`,
        Object.entries(others)
          .filter(([name]) => !('refreshEvery' in options && shared.includes(name)))
          .map(describeOption)
          .join(', '),
      ];
    }),
  };
}

/** Median errors with their spread, one line an approach and layer. */
export function errorTable(rows: readonly ErrorRow[], sketches: number): Table {
  const ranks = [...new Set(rows.map(({ rank }) => rank))];
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  return {
    title: `Relative spectral error ‖A − Â‖₂/‖A‖₂ against rank r: median of ${sketches} sketches ± half the interquartile range`,
    columns: [
      { heading: 'activations', ...left },
      { heading: 'approximation', ...left },
      ...ranks.map((rank) => ({ heading: `r = ${rank}`, ...right })),
    ],
    rows: layers.flatMap((layer) => {
      const ofLayer = rows.filter((row) => row.layer === layer);
      const of = ({ method }: Approach): ErrorRow[] =>
        ofLayer.filter((row) => row.method === method.name);
      return [
        [
          `${layer}, p = ${ofLayer[0].inputs}`,
          'best rank r',
          ...of(approaches[0]).map(({ bestRankR }) => formatMeasured(bestRankR)),
        ],
        ...approaches.map((approach) => [
          '',
          approach.method.name,
          ...of(approach).map(formatSpread),
        ]),
      ];
    }),
  };
}

/** What {@link errorTable} shows. */
export function errorNotes({ rows }: Scope): string[] {
  return [
    `A = XᵀX/m is the second moment of what a layer of the perceptron trained with SGD sees: m = ${formatCount(rows)} training images, a column of ones for the bias included. Â has rank r. No approximation of that rank can have a smaller error than the best one, which drops all but the r largest eigenvalues.`,
    `Corrected is this library’s default: one sketch is held, and the eigenvalue shift is of rounding size. Published is what the code that came with the paper computes: it averages over ${publishedAverage.updates} different sketches with decay ${publishedAverage.decay} and has the damping, here ${damping}, inside the factor, where it hides much of A.`,
    'Gaussian sketches (NysAct-G) take r random combinations of the columns of A, subcolumn sketches (NysAct-S) r columns chosen at random.',
  ];
}

/** 19200 as 19,200. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

function formatSpread({ lower, median, upper }: ErrorRow): string {
  return `${formatMeasured(median)} ±${Math.round((50 * (upper - lower)) / median)}%`;
}

/** weightDecay: 5e-4 as 'weight decay 5e-4'. */
function describeOption([name, value]: [string, number | string]): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words.replace('kl ', 'KL ')} ${typeof value === 'number' ? formatNumber(value) : value}`;
}
