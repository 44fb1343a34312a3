// What was found of the policies, as a table and as a figure.

import { formatBytes, formatMeasured } from '../report/format.js';
import { panelFigure } from '../report/panels.js';
import { quantile, quartiles } from '../report/statistics.js';
import type { Column, Table } from '../report/table.js';
import { cadence } from './follow.js';
import { AGAINST, type Found } from './measure.js';
import { POLICIES, RESTART, rank } from './policies.js';
import { layerInputs } from './training.js';

/** Windows before this step are those of a network that has hardly begun. */
const SETTLED = 3 * cadence.refreshEvery;

const BEST = `best rank ${rank}`;

const AIMS = {
  /** Of the error of a restart, against the current A at the same memory. */
  current: 0.65,
  /** Of the best of the same rank, against the average. */
  average: 1.5,
} as const;

type Against = Found['against'];

/** Errors of one layer and kind, whose policy is this one. */
function select(
  found: readonly Found[],
  inputs: number,
  against: Against,
  policy: string,
): Found[] {
  return found.filter(
    (one) => one.inputs === inputs && one.against === against && one.policy === policy,
  );
}

function settled(found: readonly Found[]): Found[] {
  return found.filter(({ step }) => step >= SETTLED);
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

const right = (heading: string): Column => ({ heading, align: 'right' });

/** Every policy on every layer: medians over seeds and windows, and what they are of a peer's. */
export function errorTable(found: readonly Found[], momentum: number): Table {
  return {
    title: `‖A − Â‖₂/‖A‖₂ at r = ${rank} while an MLP trains on MNIST, SGD with momentum ${momentum}: medians over seeds and windows from step ${SETTLED} on. Against A of the current weights on held-out images, in brackets over that of '${RESTART}' (aim of the same memory ≤ ${AIMS.current}); against the average of all observations, in brackets over the best of rank ${rank} (aim if carried ≤ ${AIMS.average})`,
    columns: [
      { heading: 'policy', align: 'left' },
      ...layerInputs.flatMap((p) => [right(`p = ${p}: current`), right('average')]),
      right('memory'),
    ],
    rows: [
      [
        BEST,
        ...layerInputs.flatMap((p) =>
          AGAINST.map((against) =>
            formatMeasured(
              median(settled(select(found, p, against, RESTART)).map(({ best }) => best)),
            ),
          ),
        ),
        '',
      ],
      ...POLICIES.map(({ name }) => [
        name,
        ...layerInputs.flatMap((p) => AGAINST.map((against) => cell(found, p, against, name))),
        formatBytes(bytesOf(found, name)),
      ]),
    ],
  };
}

function cell(found: readonly Found[], p: number, against: Against, policy: string): string {
  const own = settled(select(found, p, against, policy));
  const error = median(own.map((one) => one.error));
  const peers =
    against === 'current'
      ? settled(select(found, p, against, RESTART)).map((one) => one.error)
      : own.map(({ best }) => best);
  return `${formatMeasured(error)} (${formatMeasured(error / median(peers))})`;
}

/** Bytes of the state of all layers. */
function bytesOf(found: readonly Found[], policy: string): number {
  return layerInputs.reduce(
    (sum, p) => sum + (select(found, p, 'current', policy)[0]?.bytes ?? 0),
    0,
  );
}

/** Errors over steps: a panel for each layer and each matrix, medians and quartiles over seeds. */
export function trackingFigure(found: readonly Found[], momentum: number): string {
  const steps = [...new Set(found.map(({ step }) => step))].filter((step) => step > 0);
  const titles = { current: 'A as it is', average: 'the average' };
  return panelFigure({
    title: `Error of a sketch of rank ${rank} while an MLP trains on MNIST, SGD with momentum ${momentum}`,
    subtitle: '‖A − Â‖₂/‖A‖₂ at every refresh but the first, medians and quartiles over seeds.',
    curves: [
      { name: BEST, colour: 'gray' },
      ...POLICIES.map(({ name, look }) => ({ name, ...look })),
    ],
    xLabel: 'step',
    xTicks: steps,
    xScale: 'linear',
    panels: AGAINST.flatMap((against) =>
      layerInputs.map((p) => ({
        title: `p = ${p}, against ${titles[against]}`,
        points: Object.fromEntries(
          [BEST, ...POLICIES.map(({ name }) => name)].map((name) => [
            name,
            steps.map((step) => {
              const own = select(found, p, against, name === BEST ? RESTART : name).filter(
                (one) => one.step === step,
              );
              const values = own.map(({ error, best }) => (name === BEST ? best : error));
              const { lower, median: y, upper } = quartiles(values);
              return { x: step, y, low: lower, high: upper };
            }),
          ]),
        ),
      })),
    ),
    columns: 3,
  });
}
