// Every experiment with the time that it takes here, from steps that are measured now.

import type { TensorFlow } from '../data/tensorflow.js';
import type { Table } from '../report/table.js';
import { classification } from '../tfjs/models.js';
import { missingOf } from './conduct.js';
import type { Configuration } from './engine/configuration.js';
import type { Found, Results, Speed } from './engine/results.js';
import { networkOf } from './models/index.js';
import { optimizers } from './optimizers.js';
import type { Scope } from './studies/experiment.js';
import { experiments } from './studies/index.js';

/** Images of the steps that are measured: few, or many where few take less than so many milliseconds. */
const FEW = 8;
const MANY = 128;
const SHORT = 100;

/** A forward pass takes about a third of a step. */
const FORWARD = 1 / 3;

/** Runs, and the hours that those take that are not done, with so many at once. */
export function listing(
  tf: TensorFlow,
  names: readonly string[],
  scope: Scope,
  results: Results,
  jobs: number,
): Table {
  const speed = speedOf(tf);
  const secondsOf = ({ network, steps, batch, validations, data }: Configuration): number => {
    const looked = validations * data.validation + data.test;
    return speed(network, sideOf(data.name)) * (steps * batch + FORWARD * looked);
  };
  return {
    title: `Experiments at the scale '${scope.scale}' with ${scope.seeds} seeds, ${Math.max(1, jobs)} runs at once`,
    columns: [
      { heading: 'name', align: 'left' },
      { heading: 'what', align: 'left' },
      { heading: 'runs', align: 'right' },
      { heading: 'still to do', align: 'right' },
      { heading: 'runs take about', align: 'right' },
      { heading: 'measurements', align: 'right' },
    ],
    rows: names.map((name) => {
      const { title, runs, measurements } = experiments[name];
      const all = missingOf(runs?.(scope, foreseen(results)) ?? [], NOTHING);
      const missing = missingOf(all, results);
      const takes = missing.reduce((sum, run) => sum + secondsOf(run), 0) / Math.max(1, jobs);
      const toMeasure = (measurements?.(scope) ?? []).filter(
        (measurement) => results.measured(measurement) === undefined,
      );
      const measuring = toMeasure.reduce((sum, { seconds }) => sum + seconds(speed), 0);
      return [
        name,
        title,
        String(all.length),
        String(missing.length),
        formatDuration(takes),
        formatDuration(measuring),
      ];
    }),
  };
}

const NOTHING: Found = { outcomeOf: () => undefined, measured: () => undefined };

/** What is known, and for all that is not an outcome: so runs that hang on others are foreseen too. */
function foreseen(results: Results): Found {
  const none = { seconds: [], tensorBytes: 0, processBytes: 0, stateBytes: 0 };
  return {
    outcomeOf: (run) => results.outcomeOf(run) ?? { findings: {}, curve: [], cost: none },
    measured: (measurement) => results.measured(measurement),
  };
}

/** Pixels a side of the images of a data set. */
function sideOf(data: string): number {
  return data.startsWith('cifar') ? 32 : 28;
}

/** How fast SGD is here; each is measured once. */
function speedOf(tf: TensorFlow): Speed {
  const known = new Map<string, number>();
  return (network, side) => {
    const key = `${network}, ${side}`;
    const seconds = known.get(key) ?? secondsAnImage(tf, network, side);
    known.set(key, seconds);
    return seconds;
  };
}

/** Seconds of SGD for one image. */
function secondsAnImage(tf: TensorFlow, network: string, side: number): number {
  const few = shortestStep(tf, network, side, FEW);
  return few > SHORT ? few / FEW / 1e3 : shortestStep(tf, network, side, MANY) / MANY / 1e3;
}

/** Milliseconds of the shortest of some steps; the first one compiles. */
function shortestStep(tf: TensorFlow, network: string, side: number, batch: number): number {
  const { make } = networkOf(network);
  const training = classification({
    key: network,
    name: network,
    batch,
    stepsInARow: 1,
    input: [side, side, 3],
    network: (host, seed) => make(host, { side, classes: 10, seed }),
  }).make(tf, 1);
  const optimizer = optimizers.sgd.make(tf, { learningRate: 1e-3 });
  try {
    const times = Array.from({ length: 3 }, () => {
      const start = performance.now();
      optimizer.minimize(() => training.loss(), false, training.variables);
      return performance.now() - start;
    });
    return Math.min(...times.slice(1));
  } finally {
    optimizer.dispose();
    training.dispose();
  }
}

function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5_400) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}
