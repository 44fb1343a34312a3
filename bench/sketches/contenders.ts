// What the study compares: policies of sketches by forms of damping, and SGD beside them.

import { cosine } from '../../src/optimize/schedules.js';
import type { NysactOptions } from '../../src/precondition/nysact.js';
import { nysact, sgd, type TfjsOptimizer } from '../../src/tfjs/index.js';
import type { TensorFlow } from '../data/tensorflow.js';

/** What is tuned: ρ, or α where the damping is relative, and the learning rate at the start. */
export interface Setting {
  readonly damping?: number;
  readonly learningRate: number;
}

/** What an optimiser is told of a run. */
export interface RunPlan {
  readonly steps: number;
  readonly seed: number;
}

/** An optimiser, and the settings that it is tried with: as many for each. */
export interface Contender {
  readonly name: string;
  readonly settings: readonly Setting[];
  make(tf: TensorFlow, setting: Setting, plan: RunPlan): TfjsOptimizer;
}

const momentum = 0.9;

/** Windows of ten observations, as by default, but closer ones: a run of few steps has many. */
export const cadence = { observeEvery: 2, refreshEvery: 20 } as const;

/** When new sketches are drawn; the first is the default. */
export const POLICIES = [
  { name: 'restart', options: { policy: 'restart' } },
  { name: 'track', options: { policy: 'track' } },
  { name: 'track + carry', options: { policy: 'track', carry: true } },
] as const satisfies readonly { readonly name: string; readonly options: NysactOptions }[];

/** Forms of damping; the first is the default. Smaller ones go with smaller rates. */
export const DAMPINGS = [
  {
    name: 'absolute',
    settings: grid([1, [0.03, 0.1, 0.3]], [0.1, [0.01, 0.03, 0.1]]),
    options: (damping: number): NysactOptions => ({ damping }),
  },
  {
    name: 'relative',
    settings: grid([1, [0.01, 0.03, 0.1]], [0.1, [0.001, 0.003, 0.01]]),
    options: (relative: number): NysactOptions => ({ damping: { relative } }),
  },
  {
    name: 'tail',
    settings: grid([0.1, [0.01, 0.03, 0.1]], [0.01, [0.003, 0.01, 0.03]]),
    options: (damping: number): NysactOptions => ({ damping, tail: true }),
  },
] as const;

/** What a policy with a form of damping is called. */
export function nameOf(policy: string, damping: string): string {
  return `${policy}, ${damping}`;
}

const SGD: Contender = {
  name: 'SGD',
  settings: [0.003, 0.01, 0.03, 0.1, 0.3, 1].map((learningRate) => ({ learningRate })),
  make: (tf, { learningRate }, { steps }) =>
    sgd(tf, { learningRate: cosine({ learningRate, steps }), momentum }),
};

/** Every contender, the baseline first. */
export const CONTENDERS: readonly Contender[] = [
  SGD,
  ...POLICIES.flatMap((policy) =>
    DAMPINGS.map(
      ({ name, settings, options }): Contender => ({
        name: nameOf(policy.name, name),
        settings,
        make: (tf, { damping = 1, learningRate }, { steps, seed }) =>
          nysact(tf, {
            ...cadence,
            ...policy.options,
            ...options(damping),
            learningRate: cosine({ learningRate, steps }),
            momentum,
            seed,
          }),
      }),
    ),
  ),
];

/** Every damping with each of its rates. */
function grid(
  ...rows: readonly (readonly [damping: number, rates: readonly number[]])[]
): Setting[] {
  return rows.flatMap(([damping, rates]) =>
    rates.map((learningRate) => ({ damping, learningRate })),
  );
}
