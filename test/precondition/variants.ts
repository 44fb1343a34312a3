// Every preconditioner in every variant, as the contract and the laws that all obey take them.

import { evaPreconditioner } from '../../src/precondition/eva.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { type NysactOptions, nysactPreconditioner } from '../../src/precondition/nysact.js';
import type { Preconditioner } from '../../src/precondition/preconditioner.js';

/** One preconditioner and what the contract must know about it. */
export interface Variant {
  readonly name: string;
  readonly damping: number;
  /** P/G before the first refresh (default 1/damping). */
  readonly initialScale?: number;
  /** Whether rows of weight 0 are as good as absent. */
  readonly knowsMasks: boolean;
  readonly make: () => Preconditioner;
}

const DAMPING = 0.1;

function nysactVariant(name: string, options: NysactOptions): Variant {
  const make = () => nysactPreconditioner({ rank: 3, seed: 5, damping: DAMPING, ...options });
  return { name: `NysAct ${name}`, damping: DAMPING, knowsMasks: true, make };
}

const gaussianAndSubcolumn = (['gaussian', 'subcolumn'] as const).flatMap((sketch) => [
  nysactVariant(`${sketch}, restart`, { sketch }),
  nysactVariant(`${sketch}, fixed`, { sketch, policy: 'fixed' }),
  nysactVariant(`${sketch}, tail`, { sketch, tail: true }),
  nysactVariant(`${sketch}, oversampled`, { sketch, oversample: 2 }),
  nysactVariant(`${sketch}, shifted by the damping`, { sketch, shift: 'damping' }),
  nysactVariant(`${sketch}, plain mean`, { sketch, decay: 1 }),
  nysactVariant(`${sketch}, reference`, { sketch, variant: 'reference' }),
]);

const rest: readonly Variant[] = [
  nysactVariant('of full rank', { rank: 9 }),
  nysactVariant('of full rank, reference', { rank: 9, variant: 'reference' }),
  {
    name: 'FOOF',
    damping: DAMPING,
    knowsMasks: true,
    make: () => foofPreconditioner({ damping: DAMPING }),
  },
  {
    name: 'FOOF, reference',
    damping: DAMPING,
    initialScale: 1,
    knowsMasks: true,
    make: () => foofPreconditioner({ damping: DAMPING, variant: 'reference' }),
  },
  {
    name: 'KFAC',
    damping: DAMPING,
    knowsMasks: true,
    make: () => kfacPreconditioner({ damping: DAMPING }),
  },
  {
    name: 'KFAC, factored',
    damping: DAMPING,
    knowsMasks: true,
    make: () => kfacPreconditioner({ damping: DAMPING, inverse: 'factored' }),
  },
  {
    name: 'KFAC, reference',
    damping: DAMPING,
    knowsMasks: true,
    make: () => kfacPreconditioner({ damping: DAMPING, variant: 'reference' }),
  },
  {
    name: 'Eva',
    damping: DAMPING,
    knowsMasks: true,
    make: () => evaPreconditioner({ damping: DAMPING }),
  },
  {
    name: 'Eva, reference',
    damping: DAMPING,
    // It takes the first rows, whatever they weigh.
    knowsMasks: false,
    make: () => evaPreconditioner({ damping: DAMPING, variant: 'reference', examples: 5 }),
  },
];

export const VARIANTS: readonly Variant[] = [...gaussianAndSubcolumn, ...rest];
