// The methods that are compared, and how their costs should grow with p.

import { scaleByAdahessian } from '../../src/optimize/adahessian.js';
import { scaleByMfac } from '../../src/optimize/mfac.js';
import { momentum } from '../../src/optimize/momentum.js';
import { orthogonalize } from '../../src/optimize/orthogonalize.js';
import { precondition } from '../../src/optimize/precondition.js';
import { scaleBySketchedHessian } from '../../src/optimize/sketchy-sgd.js';
import { scaleBySoap } from '../../src/optimize/soap.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { ekfacMethod } from '../../src/precondition/ekfac.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method } from '../../src/precondition/method.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { nystromShampooMethod } from '../../src/precondition/nystrom-shampoo.js';
import { shampooMethod } from '../../src/precondition/shampoo.js';
import { skfacMethod } from '../../src/precondition/skfac.js';

/** What is measured of a layer: three times, and memory kept and allocated. */
export type Quantity = 'observe' | 'refresh' | 'apply' | 'kept' | 'allocated';

/** A method or a link, and the exponents of p in its costs where q, r and m stay the same. */
export interface Contender {
  readonly name: string;
  /** A method of layers; or a link, which is its own observation: a refresh is then a step that has one. */
  readonly method: Method | Transform;
  /** undefined where there is nothing to do. */
  readonly exponents: Readonly<Record<Quantity, number | undefined>>;
  /** The largest p at which it is run. */
  readonly largest: number;
}

/** r of both NysAct variants. */
export const rank = 10;

/** O(pr) and O(qpr) in time, O(pr) in memory; likewise Eva with 1 for r. */
const linear = { observe: 1, refresh: 1, apply: 1, kept: 1, allocated: 1 } as const;
/** O(mp²), O(p³) and O(qp²) in time, O(p²) in memory. */
const cubic = { observe: 2, refresh: 3, apply: 2, kept: 2, allocated: 2 } as const;

/** Everything that is compared. The first is the peer that the others' times are divided by. */
export const contenders: readonly Contender[] = [
  {
    name: 'NysAct-G',
    method: nysactMethod({ rank, sketch: 'gaussian' }),
    exponents: linear,
    largest: 4096,
  },
  {
    name: 'NysAct-S',
    method: nysactMethod({ rank, sketch: 'subcolumn' }),
    exponents: linear,
    largest: 4096,
  },
  {
    name: 'Eva',
    method: evaMethod(),
    exponents: { ...linear, refresh: undefined, allocated: undefined },
    largest: 4096,
  },
  {
    name: 'FOOF',
    method: foofMethod(),
    exponents: cubic,
    largest: 4096,
  },
  {
    name: 'KFAC, factored',
    method: kfacMethod({ inverse: 'factored' }),
    exponents: cubic,
    largest: 4096,
  },
  {
    name: 'KFAC, eigenbasis',
    method: kfacMethod({ inverse: 'eigenbasis' }),
    exponents: cubic,
    largest: 1024,
  },
  {
    name: 'EKFAC',
    method: ekfacMethod(),
    exponents: cubic,
    largest: 1024,
  },
  {
    name: 'Shampoo',
    method: shampooMethod({ blockSize: 4096 }),
    exponents: cubic,
    largest: 1024,
  },
  {
    name: 'SKFAC',
    method: skfacMethod(),
    exponents: linear,
    largest: 4096,
  },
  {
    name: 'Nyström Shampoo',
    method: nystromShampooMethod({ rank }),
    exponents: linear,
    largest: 4096,
  },
  {
    name: 'SOAP',
    method: scaleBySoap(),
    exponents: { ...cubic, observe: undefined },
    largest: 1024,
  },
  {
    name: 'Muon',
    method: chain(momentum(0.95, { nesterov: true }), orthogonalize()),
    exponents: { ...linear, observe: undefined, refresh: undefined, allocated: undefined },
    largest: 4096,
  },
  {
    name: 'Newton-Muon',
    method: chain(
      precondition(nysactMethod({ rank })),
      momentum(0.95, { nesterov: true }),
      orthogonalize(),
    ),
    exponents: { ...linear, observe: undefined },
    largest: 4096,
  },
  {
    name: 'M-FAC',
    method: scaleByMfac({ gradients: rank, damping: 1 }),
    exponents: { ...linear, observe: undefined, refresh: undefined, allocated: undefined },
    largest: 4096,
  },
  {
    name: 'AdaHessian',
    method: scaleByAdahessian({ hessianEvery: 2 }),
    exponents: { ...linear, observe: undefined },
    largest: 4096,
  },
  {
    name: 'SketchySGD',
    method: scaleBySketchedHessian({ rank, damping: 1 }),
    exponents: { ...linear, observe: undefined },
    largest: 4096,
  },
];
