// The errors of every method at every rank on one target, over many seeds.

import { foldIn, type RandomKey } from '../../src/core/random.js';
import { normalMatrix, product } from '../measure/matrices.js';
import { type Quartiles, quartiles } from '../report/statistics.js';
import { inverseError, relativeNorms, residualEigenvalues } from './errors.js';
import { best, type Method, methods } from './methods.js';
import type { Target } from './targets.js';

/** Rows of the gradient that the inverses are applied to. */
export const outputs = 32;

/** Relative errors of one approximation, or their quartiles over seeds, by the name of the measure. */
type Errors<T> = Readonly<Record<string, T>>;

/** One method at one rank. */
export interface Row {
  readonly method: string;
  readonly rank: number;
  readonly errors: Errors<Quartiles>;
}

/** What to measure. */
export interface Study {
  readonly ranks: readonly number[];
  readonly seeds: number;
  readonly key: RandomKey;
  /** Told after every seed. */
  readonly onSeed: (seed: number) => void;
}

/** The names of the measures on a target: three norms of A − Â, and one inverse for each damping. */
export function measuresOf({ dampings }: Target): string[] {
  return [
    'spectral',
    'frobenius',
    'nuclear',
    ...dampings.map(({ label }) => inverseMeasure(label)),
  ];
}

/** The name of the error of G(Â + ρI)⁻¹ at the damping with this label. */
export function inverseMeasure(label: string): string {
  return `inverse, ρ = ${label}`;
}

/** Quartiles over seeds of every error of every method at every rank. */
export function measureTarget(target: Target, { ranks, seeds, key, onSeed }: Study): Row[] {
  const cells = methods.flatMap((method) => ranks.map((rank) => ({ method, rank })));
  const samples = cells.map((): Errors<number>[] => []);
  for (let seed = 0; seed < seeds; seed++) {
    const seedKey = foldIn(key, seed);
    const errorsOf = errorMeter(target, foldIn(seedKey, 0));
    cells.forEach(({ method, rank }, k) => {
      samples[k].push(errorsOf(method, rank, foldIn(seedKey, 1)));
    });
    onSeed(seed);
  }
  return cells.map(({ method, rank }, k) => ({
    method: method.name,
    rank,
    errors: Object.fromEntries(
      measuresOf(target).map((name) => [name, quartiles(samples[k].map((errors) => errors[name]))]),
    ),
  }));
}

type ErrorMeter = (method: Method, rank: number, key: RandomKey) => Errors<number>;

/** Measures against one Gaussian G, whose exact P is computed once for each damping. */
function errorMeter(target: Target, key: RandomKey): ErrorMeter {
  const { A, eigenvalues, dampings } = target;
  const G = normalMatrix('float64', outputs, A.rows, key);
  const exact = dampings.map(({ inverse }) => product(G, inverse));
  return (method, rank, sketchKey) => {
    const approximation = method.approximate(target, rank, sketchKey);
    const pairs = dampings.map(({ rho }) => approximation(rho));
    // What the best approximation leaves is the rest of the spectrum.
    const residual = method === best ? eigenvalues.slice(rank) : residualEigenvalues(A, pairs[0]);
    const inverses = dampings.map(({ label, rho }, k): [string, number] => [
      inverseMeasure(label),
      inverseError(G, exact[k], pairs[k], rho),
    ]);
    return { ...relativeNorms(residual, eigenvalues), ...Object.fromEntries(inverses) };
  };
}
