// Table I: what one layer costs against the number of its inputs, measured.

import { randomKey } from '../../../src/core/random.js';
import { type Costs, durationOf, measureCosts } from '../../complexity/costs.js';
import { growths } from '../../complexity/growth.js';
import { costFigure, costTable, quantities } from '../../complexity/report.js';
import type { Block } from '../../report/html.js';
import type { Measured } from '../engine/results.js';
import type { Experiment, Scale } from './experiment.js';

const PLAN: Readonly<Record<Scale, { readonly largest: number; readonly time: number }>> = {
  smoke: { largest: 512, time: 10 },
  small: { largest: 1024, time: 400 },
  full: { largest: 4096, time: 400 },
};

function costs(scale: Scale): Measured<Costs> {
  return {
    configuration: { measurement: 'costs of one layer', ...PLAN[scale] },
    seconds: () => durationOf(PLAN[scale]) / 1e3,
    measure: () => measureCosts({ ...PLAN[scale], key: randomKey(1) }),
  };
}

/** Table I. */
export const table1: Experiment = {
  title: 'Table I: time and memory of a preconditioner',
  measurements: ({ scale }) => [costs(scale)],
  report: ({ scale }, found) => {
    const measured = found.measured(costs(scale));
    if (measured === undefined) return [];
    const { rows } = measured;
    return [
      ...quantities.map(
        (quantity): Block => ({
          kind: 'table',
          table: costTable(quantity, growths(rows, quantity)),
        }),
      ),
      { kind: 'figures', figures: [costFigure(rows)], caption: 'One layer against p.' },
    ];
  },
};
