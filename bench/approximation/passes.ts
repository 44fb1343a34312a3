// Error against passes over the rows at one rank: what a policy has after so many.

import { foldIn, type RandomKey } from '../../src/core/random.js';
import { relativeSpectralError } from '../demo/spectral-error.js';
import { type CurveLook, panelFigure } from '../report/panels.js';
import { type Quartiles, quartiles } from '../report/statistics.js';
import { corrected, type Method, oversampling, powered, tracked } from './methods.js';
import type { Target } from './targets.js';

/** r. */
export const rank = 10;

/** The numbers of passes that are compared. */
export const passes = [1, 2, 3, 4, 5] as const;

/** A way to spend passes, and what it has after so many, if anything. */
interface Path {
  readonly look: CurveLook;
  readonly after: (passes: number) => Method | undefined;
}

const best: CurveLook = { name: 'best rank r', colour: 'gray' };

/** A new sketch has forgotten all passes but its own. */
const paths: readonly Path[] = [
  {
    look: { name: 'Gaussian, a new one every pass', colour: '#d55e00', symbol: 'circle' },
    after: () => corrected('gaussian', 0),
  },
  {
    look: { name: 'Gaussian, r + 10, a new one every pass', colour: '#009e73', symbol: 'triangle' },
    after: () => corrected('gaussian', oversampling),
  },
  {
    look: { name: 'power, passes − 1 steps', colour: '#cc79a7', symbol: 'diamond' },
    after: (count) => (count > 1 ? powered(count) : undefined),
  },
  {
    look: { name: 'track, 8 + 2 fresh', colour: '#0072b2', symbol: 'square' },
    after: tracked,
  },
];

/** Every path. */
export const pathNames: readonly string[] = paths.map(({ look }) => look.name);

/** ‖A − Â‖₂/‖A‖₂ of one path after so many passes. */
export interface PassRow {
  readonly path: string;
  readonly passes: number;
  readonly error: Quartiles;
}

/** What is left of the spectrum. */
export function bestError({ eigenvalues }: Target): number {
  return eigenvalues[rank] / eigenvalues[0];
}

/** Whether there is anything to gain: where the best leaves ‖A‖₂ itself, every factor does. */
export function isTelling(target: Target): boolean {
  return bestError(target) < 0.9;
}

/** Quartiles over seeds of every path after every number of passes. */
export function measurePasses(target: Target, seeds: number, key: RandomKey): PassRow[] {
  return paths.flatMap(({ look, after }) =>
    passes.flatMap((count) => {
      const method = after(count);
      if (method === undefined) return [];
      const errors = Array.from({ length: seeds }, (_, seed) => {
        // Of one seed a path goes on; a new sketch is another one at every pass.
        const own = foldIn(key, seed);
        const pairs = method.approximate(
          target,
          rank,
          method.passes < count ? foldIn(own, count) : own,
        );
        return relativeSpectralError(target, pairs(0));
      });
      return [{ path: look.name, passes: count, error: quartiles(errors) }];
    }),
  );
}

/** One panel a target. */
export function passFigure(
  studies: readonly { readonly target: Target; readonly passRows: readonly PassRow[] }[],
  seeds: number,
): string {
  const looks = paths.map(({ look }) => look);
  return panelFigure({
    title: `Error against passes over the rows, r = ${rank}`,
    subtitle: `‖A − Â‖₂ / ‖A‖₂ of the factor that so many passes give, medians and quartiles of ${seeds} seeds.`,
    curves: [best, ...looks],
    xLabel: 'passes over the rows',
    xTicks: [...passes],
    xScale: 'linear',
    panels: studies.map(({ target, passRows }) => ({
      title: target.name,
      points: {
        [best.name]: passes.map((x) => ({ x, y: bestError(target) })),
        ...Object.fromEntries(
          looks.map(({ name }) => [
            name,
            passRows
              .filter(({ path }) => path === name)
              .map(({ passes: x, error: { lower, median, upper } }) => ({
                x,
                y: median,
                low: lower,
                high: upper,
              })),
          ]),
        ),
      },
    })),
    columns: 2,
  });
}
