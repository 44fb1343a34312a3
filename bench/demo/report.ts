// The report of a run as one HTML page, and the same figures as JSON.

import { curves } from '../approximation/figure.js';
import { best } from '../approximation/methods.js';
import type { Target } from '../approximation/targets.js';
import { heatMaps, type Panel } from '../report/heatmap.js';
import { type Block, htmlReport, type Section } from '../report/html.js';
import { environment, surroundings, toJson } from '../report/json.js';
import type { Point } from '../report/line-chart.js';
import { panelFigure } from '../report/panels.js';
import { lineChart } from '../report/plots.js';
import { batchSize, rank, type Scope, stepsOf } from './configuration.js';
import type { ErrorRow } from './curvature.js';
import {
  errorNotes,
  errorTable,
  findingOf,
  formatCount,
  optimiserNotes,
  optimiserTable,
  rhythm,
  settingsTable,
} from './tables.js';
import { meansOf } from './timing.js';
import type { Run, Trained } from './training.js';

/** Steps behind each point of a loss curve. */
const stepsPerLoss = 10;

/** All that a run was and found. */
export interface Outcome {
  readonly scope: Scope;
  readonly seed: number;
  /** Version and backend of TensorFlow.js. */
  readonly tensorflow: { readonly version: string; readonly backend: string };
  /** Every task; the networks that are looked into are the first one's. */
  readonly trained: readonly [Trained, ...Trained[]];
  readonly errors: readonly ErrorRow[];
  /** For each layer, the matrices to draw. */
  readonly heatMaps: readonly { readonly target: Target; readonly panels: readonly Panel[] }[];
}

/**
 * The JSON file, with everything around the figures: `optimisers` of the first task by name, the rows of
 * `errorVsRank`, and under `furtherTasks` what is known of each other task by its name.
 */
export function demoJson({ scope, seed, tensorflow, trained, errors }: Outcome): string {
  const { images, epochs, rows, ranks, sketches } = scope;
  const [first, ...others] = trained;
  const about = surroundings({
    name: 'demo',
    seed,
    backend: { name: 'tfjs', variant: tensorflow.backend, threads: 1 },
    configuration: {
      scope: scope.name,
      tensorflow: tensorflow.version,
      kernels: 'nysact/tfjs-wasm',
      ...taskOf(first),
      batchSize,
      epochs,
      steps: stepsOf(scope),
      images,
      schedule: 'cosine to 0',
      stepTime: rhythm,
      approximation: { rows, ranks, sketches },
    },
  });
  return toJson({
    ...about,
    optimisers: optimisersOf(first),
    errorVsRank: errors,
    furtherTasks: Object.fromEntries(
      others.map((other): [string, object] => [
        other.task.name,
        { ...taskOf(other), optimisers: optimisersOf(other) },
      ]),
    ),
  });
}

function taskOf({ task }: Trained): object {
  const { dataset, network, notes } = task;
  return { dataset, network, settings: notes };
}

function optimisersOf({ runs }: Trained): Record<string, object> {
  const optimisers = runs.map((run): [string, object] => {
    const { name, options, paperLearningRate } = run.contestant;
    const { validation } = run;
    return [
      name,
      {
        ...findingOf(run, runs[0]),
        validationAccuracy: validation.at(-1)?.accuracy,
        options,
        ...(paperLearningRate === undefined ? {} : { paperLearningRate }),
        curves: { stepsPerLoss, losses: meansOf(run.losses, stepsPerLoss), validation },
      },
    ];
  });
  return Object.fromEntries(optimisers);
}

/** The page: of every task table, training curves and settings; error against rank, heat maps. */
export async function demoHtml(outcome: Outcome): Promise<string> {
  const { scope, trained, errors } = outcome;
  const datasets = trained.map(({ task }) => task.dataset).join(' and ');
  return htmlReport({
    title: `NysAct on ${datasets}`,
    summary: `Optimisers train the same networks through TensorFlow.js; then sketches approximate the activation second moments of the trained perceptron.${scope.name === 'quick' ? ' This was a quick run: for a look, not for figures to quote.' : ''}`,
    configuration: configurationOf(outcome),
    sections: [
      ...trained.map((one) => trainingSection(one, scope)),
      {
        heading: 'How well sketches approximate the activation second moments',
        blocks: [
          { kind: 'table', table: errorTable(errors, scope.sketches) },
          ...errorNotes(scope).map(text),
          {
            kind: 'figures',
            figures: [errorFigure(errors, scope.ranks)],
            caption: `Median error of ${scope.sketches} sketches; bands span the middle half.`,
          },
        ],
      },
      { heading: `Exact and approximate, r = ${rank}`, blocks: await heatMapBlocks(outcome) },
    ],
  });
}

function trainingSection(trained: Trained, scope: Scope): Section {
  const { task, runs } = trained;
  return {
    heading: task.title,
    blocks: [
      { kind: 'table', table: optimiserTable(trained) },
      trainingFigures(runs),
      ...optimiserNotes(runs, scope).map(text),
      { kind: 'table', table: settingsTable(task) },
      ...task.notes.map(text),
    ],
  };
}

function text(paragraph: string): Block {
  return { kind: 'text', text: paragraph };
}

function configurationOf({
  scope,
  seed,
  tensorflow,
  trained,
}: Outcome): Record<string, string | number> {
  const { nysact, node, cpu } = environment();
  const { images, epochs } = scope;
  return {
    run: scope.name,
    seed,
    networks: trained.map(({ task }) => task.network).join('; '),
    'training images': formatCount(images.train),
    'validation images': formatCount(images.validation),
    'test images': formatCount(images.test),
    epochs,
    'batch size': batchSize,
    steps: stepsOf(scope),
    'learning rates': 'cosine to 0',
    'TensorFlow.js': `${tensorflow.version}, ${tensorflow.backend} on kernels of nysact/tfjs-wasm`,
    versions: `nysact ${nysact}, Node ${node}`,
    processor: cpu,
  };
}

function trainingFigures(runs: readonly Run[]): Block {
  const x = { label: 'step', scale: 'linear' } as const;
  const loss = lineChart({
    title: 'Training loss',
    x,
    y: { label: `cross-entropy, mean of ${stepsPerLoss} steps`, scale: 'log' },
    series: runs.map(({ contestant, losses }) => ({
      name: contestant.title,
      points: lossPoints(losses),
    })),
  });
  const accuracy = lineChart({
    title: 'Validation accuracy',
    x,
    y: { label: '% of validation images', scale: 'linear' },
    series: runs.map(({ contestant, validation }) => ({
      name: contestant.title,
      points: validation.map((point) => ({ x: point.step, y: 100 * point.accuracy })),
    })),
  });
  return {
    kind: 'figures',
    figures: [loss, accuracy],
    caption:
      'The loss is that of the batches, before each step. All optimisers see the same batches in the same order.',
  };
}

function lossPoints(losses: readonly number[]): Point[] {
  return meansOf(losses, stepsPerLoss).map((y, k) => ({ x: (k + 1) * stepsPerLoss, y }));
}

function errorFigure(errors: readonly ErrorRow[], ranks: readonly number[]): string {
  const layers = [...new Set(errors.map(({ layer }) => layer))];
  const shown = new Set([best.name, ...errors.map(({ method }) => method)]);
  return panelFigure({
    title: '‖A − Â‖₂/‖A‖₂ against rank',
    curves: curves.filter(({ name }) => shown.has(name)),
    xLabel: 'rank r',
    xTicks: ranks,
    columns: 2,
    panels: layers.map((layer) => {
      const rows = errors.filter((row) => row.layer === layer);
      return { title: `${layer}, p = ${rows[0].inputs}`, points: errorPoints(rows) };
    }),
  });
}

/** The points of one layer by curve. */
function errorPoints(rows: readonly ErrorRow[]): Record<string, Point[]> {
  const points: Record<string, Point[]> = {};
  for (const { method, rank: x, bestRankR, lower: low, median: y, upper: high } of rows) {
    points[best.name] ??= [];
    points[best.name].push({ x, y: bestRankR });
    points[method] ??= [];
    points[method].push({ x, y, low, high });
  }
  return points;
}

async function heatMapBlocks(outcome: Outcome): Promise<Block[]> {
  const blocks: Block[] = [];
  for (const { target, panels } of outcome.heatMaps) {
    blocks.push({
      kind: 'figures',
      figures: [await heatMaps(panels)],
      caption: `Second moment of what the ${target.name} sees (p = ${target.A.rows}), and its approximations by the corrected variant; means over blocks, one colour scale.`,
    });
  }
  return blocks;
}
