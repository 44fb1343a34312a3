// Every method in every variant, as the contract and the laws that all obey take them.

import { ekfacMethod } from '../../src/precondition/ekfac.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method } from '../../src/precondition/method.js';
import { type NysactOptions, nysactMethod } from '../../src/precondition/nysact.js';
import {
  type NystromShampooOptions,
  nystromShampooMethod,
} from '../../src/precondition/nystrom-shampoo.js';
import { type ShampooOptions, shampooMethod } from '../../src/precondition/shampoo.js';
import { skfacMethod } from '../../src/precondition/skfac.js';
import { publishedEvaMethod } from '../../src/published/eva.js';
import { publishedFoofMethod } from '../../src/published/foof.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';
import { diagonalMethod } from './diagonal-method.js';
import { oneSidedMethod } from './one-sided-method.js';

/** One method and what the contract must know about it. */
export interface Variant {
  readonly name: string;
  readonly damping: number;
  /** Whether the damping is in proportion to the curvature. */
  readonly isRelative?: boolean;
  /** Whether P is as large as G over the root of the damping, and not over the damping itself. */
  readonly isRoot?: boolean;
  /** P/G before the first refresh (default 1/damping). */
  readonly initialScale?: number;
  /** Whether rows of weight 0 are as good as absent. */
  readonly knowsMasks: boolean;
  readonly make: () => Method;
}

const damping = 0.1;
/** r of the variants that sketch. */
export const RANK = 3;
const ofRankThree = { rank: RANK, seed: 5, damping };

function variant(name: string, make: () => Method): Variant {
  return { name, damping, knowsMasks: true, make };
}

function nysact(name: string, options: NysactOptions): Variant {
  return variant(`NysAct ${name}`, () => nysactMethod({ ...ofRankThree, ...options }));
}

/** `damping` times the curvature. */
const relative = { damping: { relative: damping } };

/** The same with a relative damping. */
function relatively(name: string, make: () => Method): Variant {
  return { ...variant(`${name}, relative damping`, make), isRelative: true };
}

/** A method that takes roots, of gradients alone: what these are of, masks included, is for whoever makes them. */
function root(name: string, make: () => Method): Variant {
  return {
    ...variant(name, make),
    isRoot: true,
    initialScale: 1 / Math.sqrt(damping),
    knowsMasks: false,
  };
}

function shampoo(name: string, options: ShampooOptions = {}): Variant {
  return root(`Shampoo${name}`, () => shampooMethod({ damping, ...options }));
}

function nystromShampoo(name: string, options: NystromShampooOptions = {}): Variant {
  return root(`Nyström Shampoo${name}`, () => nystromShampooMethod({ ...ofRankThree, ...options }));
}

/** The same with a damping in proportion, of which nothing is known at first. */
function ofRelative(known: Variant): Variant {
  return { ...known, isRelative: true, initialScale: 0 };
}

const byGradients: readonly Variant[] = [
  shampoo(''),
  shampoo(', moving averages', { decay: 0.9 }),
  shampoo(', plain mean', { decay: 1 }),
  shampoo(', in blocks', { blockSize: 2 }),
  ofRelative(shampoo(', relative damping', relative)),
  nystromShampoo(''),
  nystromShampoo(', subcolumn and tail', { sketch: 'subcolumn', tail: true }),
  nystromShampoo(', diagonal', { sketch: 'diagonal' }),
  nystromShampoo(', tracking and carried after a power step', {
    sketch: 'power',
    policy: 'track',
    carry: true,
  }),
  nystromShampoo(', rank from the data', { rank: { residual: 0.2, max: 4 } }),
  nystromShampoo(' of full rank', { rank: 9 }),
  ofRelative(nystromShampoo(', relative damping', relative)),
  ofRelative(nystromShampoo(' of full rank, relative damping', { ...relative, rank: 9 })),
];

/** The method on layers that say their rows are one-hot: of other rows the diagonal counts, by the same laws. */
export function ofOneHotRows(method: Method): Method {
  return {
    ...method,
    layers: (shapes, dtype) =>
      method.layers(
        shapes.map((shape) => ({ ...shape, rows: 'oneHot' })),
        dtype,
      ),
  };
}

const gaussianAndSubcolumn = (['gaussian', 'subcolumn'] as const).flatMap((sketch) => [
  nysact(`${sketch}, restart`, { sketch }),
  nysact(`${sketch}, fixed`, { sketch, policy: 'fixed' }),
  nysact(`${sketch}, tracking`, { sketch, policy: 'track' }),
  nysact(`${sketch}, tracking and carried`, {
    sketch,
    policy: 'track',
    fresh: 1,
    carry: true,
    tail: true,
  }),
  nysact(`${sketch}, tail`, { sketch, tail: true }),
  nysact(`${sketch}, oversampled`, { sketch, oversample: 2 }),
  nysact(`${sketch}, shifted by the damping`, { sketch, shift: 'damping' }),
  nysact(`${sketch}, plain mean`, { sketch, decay: 1 }),
  variant(`published NysAct, ${sketch}`, () => publishedNysactMethod({ ...ofRankThree, sketch })),
]);

const others: readonly Variant[] = [
  nysact('diagonal, restart', { sketch: 'diagonal' }),
  nysact('diagonal, tracking', { sketch: 'diagonal', policy: 'track' }),
  ...(['gaussian', 'subcolumn', 'diagonal', 'power'] as const).map((sketch) =>
    nysact(`${sketch}, rank from the data`, { sketch, rank: { residual: 0.2, max: 4 } }),
  ),
  nysact('rank from the data, tracking', { rank: { residual: 0.3, max: 4 }, policy: 'track' }),
  nysact('rank from the data, tracking and carried', {
    rank: { residual: 0.3, max: 4 },
    policy: 'track',
    carry: true,
    tail: true,
  }),
  nysact('power, restart', { sketch: 'power' }),
  nysact('power, fixed', { sketch: 'power', policy: 'fixed', oversample: 2 }),
  nysact('power, tracking', { sketch: 'power', policy: 'track' }),
  nysact('power, tracking and carried', { sketch: 'power', policy: 'track', carry: true }),
  nysact('of full rank', { rank: 9 }),
  variant('published NysAct of full rank', () => publishedNysactMethod({ rank: 9, damping })),
  variant('FOOF', () => foofMethod({ damping })),
  { ...variant('published FOOF', () => publishedFoofMethod({ damping })), initialScale: 1 },
  variant('KFAC', () => kfacMethod({ damping })),
  variant('KFAC, factored', () => kfacMethod({ damping, inverse: 'factored' })),
  variant('FOOF, one-hot', () => ofOneHotRows(foofMethod({ damping }))),
  variant('KFAC, one-hot', () => ofOneHotRows(kfacMethod({ damping }))),
  variant('KFAC, factored, one-hot', () =>
    ofOneHotRows(kfacMethod({ damping, inverse: 'factored' })),
  ),
  variant('EKFAC', () => ekfacMethod({ damping })),
  variant('EKFAC, plain mean', () => ekfacMethod({ damping, decay: 1 })),
  variant('EKFAC, one-hot', () => ofOneHotRows(ekfacMethod({ damping }))),
  {
    ...variant('SKFAC', () => skfacMethod({ damping, examples: 16 })),
    // Rows that follow one another may be an example's.
    knowsMasks: false,
  },
  variant('published KFAC', () => publishedKfacMethod({ damping })),
  variant('Eva', () => evaMethod({ damping })),
  {
    ...variant('published Eva', () => publishedEvaMethod({ damping, examples: 5 })),
    // It takes the first rows, whatever they weigh.
    knowsMasks: false,
  },
  relatively('NysAct', () => nysactMethod({ ...ofRankThree, ...relative })),
  relatively('NysAct, tracking and carried', () =>
    nysactMethod({ ...ofRankThree, ...relative, policy: 'track', carry: true, tail: true }),
  ),
  relatively('NysAct of full rank', () => nysactMethod({ rank: 9, ...relative })),
  relatively('FOOF, one-hot', () => ofOneHotRows(foofMethod(relative))),
  relatively('KFAC', () => kfacMethod(relative)),
  relatively('KFAC, factored', () => kfacMethod({ ...relative, inverse: 'factored' })),
  relatively('KFAC, one-hot', () => ofOneHotRows(kfacMethod(relative))),
  relatively('KFAC, factored, one-hot', () =>
    ofOneHotRows(kfacMethod({ ...relative, inverse: 'factored' })),
  ),
  relatively('EKFAC', () => ekfacMethod(relative)),
  relatively('EKFAC, one-hot', () => ofOneHotRows(ekfacMethod(relative))),
  {
    ...relatively('SKFAC', () => skfacMethod({ ...relative, examples: 16 })),
    knowsMasks: false,
  },
  relatively('Eva', () => evaMethod(relative)),
  variant('a diagonal method of one’s own', () => diagonalMethod(damping)),
  {
    ...variant('a one-sided method of one’s own', () => oneSidedMethod(damping)),
    // What its gradient is of, masks included, is for whoever makes the gradient.
    knowsMasks: false,
  },
];

export const VARIANTS: readonly Variant[] = [...gaussianAndSubcolumn, ...others, ...byGradients];
