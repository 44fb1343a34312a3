// Error against rank on one target, as a figure.

import { type CurveLook, panelFigure } from '../report/panels.js';
import { measuresOf, type Row } from './measure.js';
import type { Target } from './targets.js';

const gaussian = { colour: '#d55e00', symbol: 'circle' } as const;
const subcolumn = { colour: '#0072b2', symbol: 'square' } as const;
const oversampled = { colour: '#009e73', symbol: 'triangle' } as const;
/** The looks of all methods: colour and shape tell the sketch, dashes the published variant. */
export const curves: readonly CurveLook[] = [
  { name: 'best rank r', colour: 'gray' },
  { name: 'corrected, Gaussian', ...gaussian },
  { name: 'corrected, subcolumn', ...subcolumn },
  { name: 'corrected, Gaussian, r + 10', ...oversampled },
  { name: 'corrected, diagonal', colour: '#e69f00', symbol: 'star' },
  { name: 'power, 2 passes', colour: '#cc79a7', symbol: 'diamond' },
  { name: 'track, 2 passes', colour: '#56b4e9', symbol: 'cross' },
  { name: 'published, Gaussian', ...gaussian, dashed: true },
  { name: 'published, subcolumn', ...subcolumn, dashed: true },
];

const normTitles: Readonly<Record<string, string>> = {
  spectral: '‖A − Â‖₂ / ‖A‖₂',
  frobenius: '‖A − Â‖F / ‖A‖F',
  nuclear: '‖A − Â‖₁ / ‖A‖₁ (nuclear)',
};

/** Median errors with their quartiles as bands, one panel a measure. */
export function errorFigure(target: Target, rows: readonly Row[], seeds: number): string {
  const panels = measuresOf(target).map((measure) => ({
    title: normTitles[measure] ?? `error of G(Â + ρI)⁻¹, ${measure.replace('inverse, ', '')}`,
    points: Object.fromEntries(
      curves.map(({ name }) => [
        name,
        rows
          .filter(({ method }) => method === name)
          .map(({ rank, errors }) => {
            const { lower, median, upper } = errors[measure];
            return { x: rank, y: median, low: lower, high: upper };
          }),
      ]),
    ),
  }));
  return panelFigure({
    title: `${target.name}: ${target.description}`,
    subtitle: `Relative errors, medians and quartiles of ${seeds} seeds; λ̄ is the mean eigenvalue. Norms of the published variant are at ρ = ${target.dampings[0].label}.`,
    curves,
    xLabel: 'rank r',
    xTicks: [...new Set(rows.map(({ rank }) => rank))],
    panels,
    columns: 3,
  });
}
