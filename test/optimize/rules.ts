// Transforms and plain update rules side by side: random gradients in, parameters out.

import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { descend } from '../../src/optimize/descend.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { chain, stateless, type Transform } from '../../src/optimize/transform.js';
import { placeRounded } from '../support/backends.js';
import { gaussian, type Matrix, uniform } from '../support/matrices.js';

/** Two parameters, so that what belongs to one cannot pass for what belongs to all. */
const SHAPES = [
  [3, 4],
  [3, 1],
] as const;

/** Where a run begins and what it is given. */
export interface Start {
  readonly parameters: readonly Matrix[];
  /** By step, then by parameter. */
  readonly gradients: readonly (readonly Matrix[])[];
}

/** Parameters of order 1 and gradients of order `scale`, for so many steps. */
export function randomStart(seed: number, steps: number, scale = 1): Start {
  const random = uniform(seed);
  const draw = () => SHAPES.map(([rows, cols]) => gaussian(random, rows, cols));
  const parameters = draw();
  const gradients = Array.from({ length: steps }, draw);
  for (const G of gradients.flat()) {
    G.data.forEach((g, i) => {
      G.data[i] = scale * g;
    });
  }
  return { parameters, gradients };
}

/** All elements of some matrices, one after the other. */
export function flat(matrices: readonly { readonly data: ArrayLike<number> }[]): number[] {
  return matrices.flatMap(({ data }) => Array.from(data));
}

/** The parameters after every step of a transform. */
export function trajectory(
  dtype: DType,
  transform: Transform,
  { parameters, gradients }: Start,
): number[][] {
  const backend = cpuBackend(dtype);
  const theta = parameters.map((A) => placeRounded(backend, A));
  const optimizer = new Optimizer({ backend, transform, parameters: theta });
  return gradients.map((step) => {
    optimizer.step(
      step.map((G) => placeRounded(backend, G)),
      theta,
    );
    return flat(theta.map((slot) => backend.readSync(slot)));
  });
}

/** What links without a last one make of gradients: the updates of every step, θ moved by nothing. */
export function updates(
  dtype: DType,
  transform: Transform,
  { parameters, gradients }: Start,
): number[][] {
  const backend = cpuBackend(dtype);
  const theta = parameters.map((A) => placeRounded(backend, A));
  const seen: number[][] = [];
  const tap = stateless({}, (_, slots) => {
    seen.push(flat(slots.map((slot) => backend.readSync(slot))));
    return slots;
  });
  const optimizer = new Optimizer({
    backend,
    transform: chain(transform, tap, descend(0)),
    parameters: theta,
  });
  for (const step of gradients) {
    optimizer.step(
      step.map((G) => placeRounded(backend, G)),
      theta,
    );
  }
  return seen;
}

/** A published rule for one element: the next θ from θ, g and the step t = 1, 2, … */
export type ElementRule = (theta: number, g: number, t: number) => number;

/** The parameters after every step of a rule; `makeRule` gives every element a rule of its own. */
export function ruled(makeRule: () => ElementRule, { parameters, gradients }: Start): number[][] {
  const rules = flat(parameters).map(makeRule);
  let theta = flat(parameters);
  return gradients.map((step, k) => {
    const g = flat(step);
    theta = theta.map((value, i) => rules[i](value, g[i], k + 1));
    return theta;
  });
}

/** The largest difference of two trajectories, relative to the largest parameter. */
export function deviation(ours: readonly number[][], theirs: readonly number[][]): number {
  const [a, b] = [ours.flat(), theirs.flat()];
  if (a.length !== b.length) throw new RangeError(`deviation: ${a.length} against ${b.length}`);
  // Math.max keeps NaN, so a NaN anywhere fails every comparison.
  const worst = a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
  return worst / b.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}
