// Every experiment with the time that it takes here, from steps that are measured now.

import { zeros } from '../../src/core/matrix.js';
import { fillNormal, randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { eigh } from '../../src/linalg/eigh.js';
import { dampedInverse } from '../../src/precondition/dense-inverse.js';
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
  const secondsOf = ({
    network,
    optimizer,
    steps,
    batch,
    validations,
    data,
  }: Configuration): number => {
    const looked = validations * data.validation + data.test;
    const side = sideOf(data.name);
    return (
      speed.image(network, side) * (steps * batch + FORWARD * looked) +
      speed.refreshes(optimizer, steps, network, side)
    );
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

/** Steps between refreshes where nothing else is said. */
const EVERY = 50;

/** How fast steps and factorisations are here; each is measured once. */
function speedOf(tf: TensorFlow): Speed {
  const image = once((network: string, side: number) => secondsAnImage(tf, network, side));
  const cubes = once((network: string, side: number) => cubesOf(tf, network, side));
  const aCube = once(secondsACube);
  return {
    image,
    refreshes({ name, options: { refreshEvery = EVERY } }, steps, network, side) {
      const { inverse } = optimizers[name];
      if (inverse === undefined) return 0;
      const { inputs, outputs } = cubes(network, side);
      const one = aCube(inverse) * (inverse === 'eigenbasis' ? inputs + outputs : inputs);
      return Math.ceil(steps / Number(refreshEvery)) * one;
    },
  };
}

/** The function, called once for all that it is called with. */
function once<A extends readonly unknown[], R>(f: (...given: A) => R): (...given: A) => R {
  const known = new Map<string, R>();
  return (...given) => {
    const key = JSON.stringify(given);
    const value = known.get(key) ?? f(...given);
    known.set(key, value);
    return value;
  };
}

/** Σp³ and Σq³ over the layers of a network. */
function cubesOf(
  tf: TensorFlow,
  network: string,
  side: number,
): { readonly inputs: number; readonly outputs: number } {
  const model = networkOf(network).make(tf, { side, classes: 10, seed: 1 });
  try {
    const kernels = model.trainableWeights.flatMap(({ shape }) =>
      shape.length < 2 ? [] : [shape.map(Number)],
    );
    const sum = (of: (shape: readonly number[]) => number): number =>
      kernels.reduce((total, shape) => total + of(shape) ** 3, 0);
    return {
      inputs: sum((shape) => shape.slice(0, -1).reduce((product, n) => product * n, 1)),
      outputs: sum((shape) => shape[shape.length - 1]),
    };
  } finally {
    model.dispose();
  }
}

/** Rows of the matrix that is factorised for a measure. */
const MEASURE = 192;

/** Seconds that a factorisation of an n×n matrix takes, over n³. */
function secondsACube(inverse: 'eigenbasis' | 'cholesky'): number {
  const A = zeros('float32', MEASURE, MEASURE);
  fillNormal(randomKey(1), A.data);
  const S = zeros('float32', MEASURE, MEASURE);
  gemm(1, A, 'T', A, 'N', 0, S);
  const factorise = () => (inverse === 'eigenbasis' ? eigh(S) : dampedInverse(S, 1));
  factorise();
  const start = performance.now();
  factorise();
  return (performance.now() - start) / 1e3 / MEASURE ** 3;
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
