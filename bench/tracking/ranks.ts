// The ranks that layers find by themselves, beside the least that would do.

import { eigvalsh } from '../../src/linalg/eigh.js';
import { rankWithin } from '../../src/nystrom/certificate.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import type { TensorFlow } from '../data/tensorflow.js';
import type { Table } from '../report/table.js';
import { follow } from './follow.js';
import { layerInputs, type Training } from './training.js';

/** The parts of tr A that may remain unseen. */
export const RESIDUALS: readonly number[] = [0.3, 0.1];

/** The largest rank that a layer may find. */
export const MOST = 128;

const POLICIES = ['restart', 'track'] as const;

/** What a layer found at one refresh. */
export interface FoundRank {
  readonly seed: number;
  readonly step: number;
  /** p. */
  readonly inputs: number;
  readonly policy: (typeof POLICIES)[number];
  readonly residual: number;
  readonly rank: number;
  /** The least rank at which the best approximation of the average leaves no more. */
  readonly best: number;
}

/** Trains one seed, and tells the rank of every layer at every refresh. */
export function ranksOfSeed(tf: TensorFlow, training: Training, onStep: () => void): FoundRank[] {
  const { seed } = training;
  const cases = RESIDUALS.flatMap((residual) => POLICIES.map((policy) => ({ residual, policy })));
  const methods = cases.map(({ residual, policy }) =>
    nysactMethod({ rank: { residual, max: MOST }, policy, seed }),
  );
  const found: FoundRank[] = [];
  follow(tf, training, methods, onStep, ({ step, layers, averages }) => {
    const spectra = averages().map((average) => eigvalsh(average));
    for (const [index, { residual, policy }] of cases.entries()) {
      for (const [k, inputs] of layerInputs.entries()) {
        layers[index][k].refresh();
        const { rank = 0 } = layers[index][k].diagnostics;
        const trace = spectra[k].reduce((sum, value) => sum + value, 0);
        const best = rankWithin(spectra[k], trace, residual) ?? inputs;
        found.push({ seed, step, inputs, policy, residual, rank, best });
      }
    }
  });
  return found;
}

/** The ranks at the last refresh, over seeds. */
export function rankTable(found: readonly FoundRank[]): Table {
  const last = Math.max(...found.map(({ step }) => step));
  const ended = found.filter(({ step }) => step === last);
  return {
    title: `Ranks that layers have found at step ${last}, least and largest over seeds, beside the least rank of the best approximation of the average`,
    columns: [
      { heading: 'residual', align: 'left' },
      ...layerInputs.flatMap((p) => [
        { heading: `p = ${p}: restart`, align: 'right' as const },
        { heading: 'track', align: 'right' as const },
        { heading: 'best', align: 'right' as const },
      ]),
    ],
    rows: RESIDUALS.map((residual) => [
      `${residual}`,
      ...layerInputs.flatMap((p) => {
        const own = ended.filter((one) => one.residual === residual && one.inputs === p);
        return [
          ...POLICIES.map((policy) =>
            range(own.filter((one) => one.policy === policy).map(({ rank }) => rank)),
          ),
          range(own.map(({ best }) => best)),
        ];
      }),
    ]),
  };
}

function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? `${least}` : `${least}–${most}`;
}
