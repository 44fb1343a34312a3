// The preconditioners that are compared, and how their costs should grow with p.

import { evaPreconditioner } from '../../src/precondition/eva.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { nysactPreconditioner } from '../../src/precondition/nysact.js';
import type { Preconditioner } from '../../src/precondition/preconditioner.js';

/** What is measured of every layer. */
export const quantities = ['observe', 'refresh', 'apply', 'bytes'] as const;

export type Quantity = (typeof quantities)[number];

/** A preconditioner and the exponents of p in its costs where q, r and m stay the same. */
export interface Contender {
  readonly name: string;
  readonly preconditioner: Preconditioner;
  /** 'none' where there is nothing to do. */
  readonly exponents: Readonly<Record<Quantity, number | 'none'>>;
  /** The largest p at which it is run. */
  readonly largest?: number;
}

/** r of both NysAct variants. */
export const rank = 10;

const linear = { observe: 1, refresh: 1, apply: 1, bytes: 1 } as const;
const cubic = { observe: 2, refresh: 3, apply: 2, bytes: 2 } as const;

/** The first is the peer that the others' times are divided by. */
export const contenders: readonly Contender[] = [
  {
    name: 'NysAct-G',
    preconditioner: nysactPreconditioner({ rank, sketch: 'gaussian' }),
    exponents: linear,
  },
  {
    name: 'NysAct-S',
    preconditioner: nysactPreconditioner({ rank, sketch: 'subcolumn' }),
    exponents: linear,
  },
  {
    name: 'Eva',
    preconditioner: evaPreconditioner(),
    exponents: { ...linear, refresh: 'none' },
  },
  {
    name: 'FOOF',
    preconditioner: foofPreconditioner(),
    exponents: cubic,
  },
  {
    name: 'KFAC, factored',
    preconditioner: kfacPreconditioner({ inverse: 'factored' }),
    exponents: cubic,
  },
  {
    name: 'KFAC, eigenbasis',
    preconditioner: kfacPreconditioner({ inverse: 'eigenbasis' }),
    exponents: cubic,
    largest: 1024,
  },
];
