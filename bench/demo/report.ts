// The report of a run as one HTML page, and the same figures as JSON.

import { curves } from '../approximation/figure.js';
import { best } from '../approximation/methods.js';
import type { Target } from '../approximation/targets.js';
import { heatMaps, type Panel } from '../report/heatmap.js';
import { type Block, htmlReport } from '../report/html.js';
import { environment, surroundings, toJson } from '../report/json.js';
import { panelFigure } from '../report/panels.js';
import { lineChart, type Point } from '../report/plots.js';
import {
  batchSize,
  contestants,
  rank,
  type Scope,
  settingsNotes,
  stepsOf,
  widths,
} from './configuration.js';
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
import type { Run } from './training.js';

/** Steps behind each point of a loss curve. */
const stepsPerLoss = 10;

/** All that a run was and found. */
export interface Outcome {
  readonly scope: Scope;
  readonly seed: number;
  /** Version and backend of TensorFlow.js. */
  readonly tensorflow: { readonly version: string; readonly backend: string };
  readonly runs: readonly Run[];
  readonly errors: readonly ErrorRow[];
  /** For each layer, the matrices to draw. */
  readonly heatMaps: readonly { readonly target: Target; readonly panels: readonly Panel[] }[];
}

/** The JSON file: `optimisers` by name and the rows of `errorVsRank`, with everything around them. */
export function demoJson({ scope, seed, tensorflow, runs, errors }: Outcome): string {
  const { images, epochs, rows, ranks, sketches } = scope;
  const about = surroundings({
    name: 'demo',
    seed,
    backend: { name: 'tfjs', variant: tensorflow.backend, threads: 1 },
    configuration: {
      scope: scope.name,
      tensorflow: tensorflow.version,
      widths,
      batchSize,
      epochs,
      steps: stepsOf(scope),
      images,
      schedule: 'cosine to 0',
      stepTime: rhythm,
      settings: settingsNotes,
      approximation: { rows, ranks, sketches },
    },
  });
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
  return toJson({ ...about, optimisers: Object.fromEntries(optimisers), errorVsRank: errors });
}

/** The page: table, training curves, settings, error against rank, heat maps. */
export async function demoHtml(outcome: Outcome): Promise<string> {
  const { scope, runs, errors } = outcome;
  return htmlReport({
    title: 'NysAct on MNIST',
    summary: `Seven optimisers train the same perceptron through TensorFlow.js; then sketches approximate the activation second moments of the trained network.${scope.name === 'quick' ? ' This was a quick run: for a look, not for figures to quote.' : ''}`,
    configuration: configurationOf(outcome),
    sections: [
      {
        heading: 'Training',
        blocks: [
          { kind: 'table', table: optimiserTable(runs) },
          ...optimiserNotes(runs, scope).map(text),
          trainingFigures(runs),
        ],
      },
      {
        heading: 'Settings',
        blocks: [{ kind: 'table', table: settingsTable(contestants) }, ...settingsNotes.map(text)],
      },
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

function text(paragraph: string): Block {
  return { kind: 'text', text: paragraph };
}

function configurationOf({ scope, seed, tensorflow }: Outcome): Record<string, string | number> {
  const { nysact, node, cpu } = environment();
  const { images, epochs } = scope;
  return {
    run: scope.name,
    seed,
    network: `${widths.join('–')}, ReLU, softmax`,
    'training images': formatCount(images.train),
    'validation images': formatCount(images.validation),
    'test images': formatCount(images.test),
    epochs,
    'batch size': batchSize,
    steps: stepsOf(scope),
    'learning rates': 'cosine to 0',
    'TensorFlow.js': `${tensorflow.version}, ${tensorflow.backend}`,
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
