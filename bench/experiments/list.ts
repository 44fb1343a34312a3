// Every experiment with the time that it takes at the speed of a machine.

import { formatMeasured } from '../report/format.js';
import type { Table } from '../report/table.js';
import { missingOf, runsOf } from './conduct.js';
import { judgedSideOf, sideOf } from './data.js';
import type { Configuration } from './engine/configuration.js';
import type { Results, Speed } from './engine/results.js';
import { optimizers } from './optimizers.js';
import type { Scope } from './studies/experiment.js';
import { experiments } from './studies/index.js';

/** A forward pass takes about a third of a step. */
const FORWARD = 1 / 3;

/** Runs, and the hours that those take that are not done, with so many at once. */
export function listing(
  speed: Speed,
  names: readonly string[],
  scope: Scope,
  results: Results,
  jobs: number,
): Table {
  const secondsOf = (run: Configuration): number => {
    const { network, optimizer, steps, batch, validations, data, isTrial } = run;
    const looked = validations * data.validation + (isTrial ? 0 : data.test);
    const [side, judged] = [sideOf(run), judgedSideOf(run)];
    return (
      speed.image(network, side) * optimizers[optimizer.name].relativeCost * steps * batch +
      speed.image(network, judged) * FORWARD * looked +
      speed.refreshes(optimizer, steps, network, side)
    );
  };
  return {
    title: `Experiments at the scale '${scope.scale}', seeds: ${scope.seeds}, runs at once: ${Math.max(1, jobs)}`,
    columns: [
      { heading: 'name', align: 'left' },
      { heading: 'what', align: 'left' },
      { heading: 'runs', align: 'right' },
      { heading: 'still to do', align: 'right' },
      { heading: 'runs take about', align: 'right' },
      { heading: 'measurements', align: 'right' },
    ],
    rows: names.map((name) => {
      const { title, measurements } = experiments[name];
      const all = runsOf(experiments[name], scope);
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

function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const units = [
    ['min', 60, 90],
    ['h', 3_600, 48],
    ['days', 86_400, 730],
  ] as const;
  const [unit, length] = units.find(([, one, most]) => seconds < one * most) ?? [
    'years',
    31_557_600,
  ];
  const count = seconds / length;
  return `${unit === 'min' ? Math.ceil(count) : formatMeasured(count)} ${unit}`;
}
