// Every optimiser in every variant, with learning rates that suit the tasks of training.ts.

import { scaleByAdam } from '../../src/optimize/adam.js';
import { clipByGlobalNorm } from '../../src/optimize/clip.js';
import { descend } from '../../src/optimize/descend.js';
import { graft } from '../../src/optimize/graft.js';
import { momentum } from '../../src/optimize/momentum.js';
import { muon, newtonMuon } from '../../src/optimize/muon.js';
import { adam, adamw, eva, foof, kfac, nysact, sgd } from '../../src/optimize/optimizers.js';
import { partition } from '../../src/optimize/partition.js';
import { precondition } from '../../src/optimize/precondition.js';
import { preconditionedBy } from '../../src/optimize/preconditioned.js';
import { refuseOverflow } from '../../src/optimize/refuse-overflow.js';
import { nystromShampoo, shampoo } from '../../src/optimize/shampoo.js';
import { adahessian, ekfac, mfac, sketchySgd, skfac, soap } from '../../src/optimize/systems.js';
import { chain, type Parameter, type Transform } from '../../src/optimize/transform.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import {
  publishedEva,
  publishedFoof,
  publishedKfac,
  publishedNysact,
} from '../../src/published/optimizers.js';
import { diagonalMethod } from '../precondition/diagonal-method.js';
import { oneSidedMethod } from '../precondition/one-sided-method.js';
import type { Cadence } from './optimizer.contract.js';

/** One optimiser and what the contract must know about it. */
export interface OptimizerVariant {
  readonly name: string;
  readonly make: () => Transform;
  /** Where it looks at layers. */
  readonly cadence?: Cadence;
}

const every = { observeEvery: 2, refreshEvery: 4 };
const inputs: Cadence = { ...every, inputs: true, outputGradients: false };
const both: Cadence = { ...every, inputs: true, outputGradients: true };
const neither: Cadence = { ...every, inputs: false, outputGradients: false };

const curved = (refreshEvery: number): Cadence => ({
  ...neither,
  refreshEvery,
  curvatureEvery: refreshEvery,
});

const weightDecay = 1e-4;
const decayed = { momentum: 0.9, weightDecay };
const shared = { ...every, ...decayed, learningRate: 0.03 };
const damped = { ...shared, damping: 0.1 };
const ofRankThree = { ...damped, rank: 3, seed: 3 };

export const OPTIMIZERS: readonly OptimizerVariant[] = [
  { name: 'sgd, plain', make: () => sgd({ learningRate: 0.3 }) },
  { name: 'sgd, momentum', make: () => sgd({ ...decayed, learningRate: 0.1 }) },
  { name: 'sgd, Nesterov', make: () => sgd({ ...decayed, learningRate: 0.1, nesterov: true }) },
  { name: 'adam', make: () => adam({ learningRate: 0.03, weightDecay }) },
  { name: 'soap', make: () => soap({ learningRate: 0.03, weightDecay, refreshEvery: 3 }) },
  {
    name: 'soap, of short sides',
    make: () => soap({ learningRate: 0.03, weightDecay, refreshEvery: 3, maxDim: 5 }),
  },
  {
    name: 'mfac',
    make: () =>
      mfac({ learningRate: 0.03, weightDecay, momentum: 0.5, damping: 0.1, gradients: 4 }),
  },
  { name: 'adamw', make: () => adamw({ learningRate: 0.03, weightDecay }) },
  {
    name: 'adahessian',
    make: () => adahessian({ learningRate: 0.03, weightDecay, seed: 3 }),
    cadence: curved(1),
  },
  {
    name: 'adahessian, a root of the diagonal now and then',
    make: () =>
      adahessian({ learningRate: 0.03, hessianEvery: 4, power: 0.5, averaged: false, seed: 3 }),
    cadence: curved(4),
  },
  {
    name: 'sketchySgd',
    make: () => sketchySgd({ ...decayed, learningRate: 0.03, rank: 3, refreshEvery: 4, seed: 3 }),
    cadence: curved(4),
  },
  {
    name: 'sketchySgd, parameter by parameter',
    make: () =>
      sketchySgd({ learningRate: 0.1, rank: 3, refreshEvery: 4, blocks: 'parameters', seed: 3 }),
    cadence: curved(4),
  },
  {
    name: 'a chain of its own',
    make: () =>
      refuseOverflow(chain(clipByGlobalNorm(0.5), momentum(0.5), momentum(0.3), descend(0.1))),
  },
  { name: 'foof', make: () => foof(damped), cadence: inputs },
  { name: 'kfac', make: () => kfac(damped), cadence: both },
  { name: 'kfac, factored', make: () => kfac({ ...damped, inverse: 'factored' }), cadence: both },
  { name: 'ekfac', make: () => ekfac(damped), cadence: both },
  { name: 'skfac', make: () => skfac({ ...damped, examples: 24 }), cadence: both },
  { name: 'eva', make: () => eva(damped), cadence: both },
  { name: 'nysact-g', make: () => nysact(ofRankThree), cadence: inputs },
  {
    name: 'nysact-s',
    make: () => nysact({ ...ofRankThree, sketch: 'subcolumn' }),
    cadence: inputs,
  },
  {
    name: 'nysact, diagonal',
    make: () => nysact({ ...ofRankThree, sketch: 'diagonal' }),
    cadence: inputs,
  },
  {
    name: 'nysact, power',
    make: () => nysact({ ...ofRankThree, sketch: 'power', policy: 'fixed' }),
    cadence: inputs,
  },
  {
    name: 'nysact, tracking',
    make: () => nysact({ ...ofRankThree, policy: 'track', fresh: 1 }),
    cadence: inputs,
  },
  {
    name: 'nysact, tracking and carried after a power step',
    make: () => nysact({ ...ofRankThree, sketch: 'power', policy: 'track', carry: true }),
    cadence: inputs,
  },
  { name: 'nysact, tail', make: () => nysact({ ...ofRankThree, tail: true }), cadence: inputs },
  {
    name: 'nysact, a layer skipped and left to adam',
    make: () => nysact({ ...ofRankThree, skip: ({ layer }) => layer === '1', rest: 'adam' }),
    cadence: inputs,
  },
  {
    name: 'groups of their own',
    make: () => {
      const layered = chain(precondition(kfacMethod({ damping: 0.1 }), every), momentum(0.5));
      const first = { takes: ({ layer }: Parameter) => layer === '0', transform: layered };
      return refuseOverflow(chain(partition([first], scaleByAdam()), descend(0.03)));
    },
    cadence: both,
  },
  { name: 'muon', make: () => muon({ learningRate: 0.05, momentum: 0.8, weightDecay }) },
  {
    name: 'muon, a layer skipped and left to sgd',
    make: () => muon({ learningRate: 0.05, skip: ({ layer }) => layer === '1', rest: 'sgd' }),
  },
  {
    name: 'newton-muon',
    make: () => newtonMuon({ ...every, learningRate: 0.03, momentum: 0.8, rank: 3, seed: 3 }),
    cadence: inputs,
  },
  { name: 'shampoo', make: () => shampoo(shared), cadence: neither },
  {
    name: 'shampoo of moving averages in blocks, grafted to sgd',
    make: () => shampoo({ ...shared, learningRate: 0.1, decay: 0.9, blockSize: 3, graft: 'sgd' }),
    cadence: neither,
  },
  {
    name: 'shampoo, grafted to adam',
    make: () => shampoo({ ...shared, momentum: 0, graft: 'adam' }),
    cadence: neither,
  },
  {
    name: 'nystrom-shampoo',
    make: () => nystromShampoo({ ...shared, rank: 3, seed: 3 }),
    cadence: neither,
  },
  {
    name: 'links grafted of one’s own',
    make: () => refuseOverflow(chain(graft(momentum(0.5), scaleByAdam()), descend(0.03))),
  },
  { name: 'published foof', make: () => publishedFoof(shared), cadence: inputs },
  { name: 'published kfac', make: () => publishedKfac(damped), cadence: both },
  { name: 'published eva', make: () => publishedEva(damped), cadence: both },
  { name: 'published nysact', make: () => publishedNysact(ofRankThree), cadence: inputs },
  {
    name: 'a diagonal method of one’s own',
    make: () => preconditionedBy(diagonalMethod(0.1), shared),
    cadence: inputs,
  },
  {
    name: 'a one-sided method of one’s own',
    make: () => preconditionedBy(oneSidedMethod(0.1), shared),
    cadence: neither,
  },
];
