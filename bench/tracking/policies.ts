// The policies that are compared, all of rank 10, and how their curves look.

import type { Method } from '../../src/precondition/method.js';
import { type NysactOptions, nysactMethod } from '../../src/precondition/nysact.js';
import type { CurveLook } from '../report/panels.js';

/** A policy, by what its sketches are made of. */
export interface Policy {
  readonly name: string;
  readonly look: Omit<CurveLook, 'name'>;
  readonly make: (seed: number) => Method;
}

/** r. */
export const rank = 10;

function policy(name: string, look: Policy['look'], options: NysactOptions): Policy {
  return { name, look, make: (seed) => nysactMethod({ rank, damping: 1, seed, ...options }) };
}

/** What every new sketch is compared with: the default. */
export const RESTART = 'restart, Gaussian';

/** Every policy. */
export const POLICIES: readonly Policy[] = [
  policy(RESTART, { colour: '#d55e00', symbol: 'circle' }, {}),
  policy('restart, subcolumn', { colour: '#e69f00', symbol: 'star' }, { sketch: 'subcolumn' }),
  policy(
    'restart, oversampled by 10',
    { colour: '#cc79a7', symbol: 'diamond' },
    { oversample: 10 },
  ),
  policy('restart, power', { colour: '#332288', symbol: 'wye' }, { sketch: 'power' }),
  policy(
    'track, 8 + 2 fresh',
    { colour: '#0072b2', symbol: 'square' },
    { policy: 'track', fresh: 2 },
  ),
  policy(
    'track, 10 + 5 fresh',
    { colour: '#56b4e9', symbol: 'cross' },
    { policy: 'track', oversample: 5 },
  ),
  policy(
    'track, 10, carried',
    { colour: '#009e73', symbol: 'triangle' },
    { policy: 'track', fresh: 0, carry: true },
  ),
  policy(
    'track, 10 + 5 fresh, carried',
    { colour: '#8c7051', symbol: 'wye' },
    { policy: 'track', oversample: 5, carry: true },
  ),
];
