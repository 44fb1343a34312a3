// The valid calls of methods, transforms, schedules and optimisers.

import * as root from '../../../src/index.js';
import * as methods from '../../../src/methods.js';
import * as published from '../../../src/published/index.js';
import * as transforms from '../../../src/transforms.js';
import { diagonalMethod } from '../../precondition/diagonal-method.js';
import { placed } from './backends.js';
import { backend } from './grid.js';
import {
  callable,
  either,
  flag,
  fraction,
  integer,
  type Kind,
  list,
  nonNegative,
  optional,
  own,
  parts,
  positive,
  RESTORE_KINDS,
  record,
  text,
  that,
  unit,
  word,
} from './kinds.js';
import { dense } from './matrices.js';
import { exported, method, type Routine } from './probe.js';

const rate = optional(either(nonNegative, callable));
/** Names or a function. */
const names = either(
  callable,
  that((value) => Array.isArray(value) && value.every((name) => typeof name === 'string')),
);
const sgd = {
  learningRate: rate,
  momentum: optional(fraction),
  nesterov: optional(flag),
  weightDecay: optional(nonNegative),
  decays: optional(names),
  preset: optional(word),
};
const adam = {
  learningRate: rate,
  beta1: optional(fraction),
  beta2: optional(fraction),
  epsilon: optional(positive),
  weightDecay: optional(nonNegative),
  decays: optional(names),
  preset: optional(word),
};
const cadence = { observeEvery: optional(integer(1)), refreshEvery: optional(integer(1)) };
const layered = { ...sgd, ...cadence, klClip: optional(positive) };
const preconditioned = {
  ...layered,
  rest: optional(word),
  restLearningRate: rate,
  restWeightDecay: optional(nonNegative),
  skip: optional(names),
};
/** By names of layers, here none. */
const overrides = optional(either(callable, record({})));
const every = {
  decay: optional(unit),
  maxFailures: optional(integer(1)),
  damping: optional(positive),
};
const sketching = {
  ...every,
  rank: optional(integer(1)),
  sketch: optional(callable),
  seed: optional(integer()),
};
const nysact = {
  ...sketching,
  policy: optional(word),
  shift: optional(nonNegative),
  oversample: optional(integer()),
  tail: optional(flag),
};
const skfac = {
  maxFailures: every.maxFailures,
  damping: every.damping,
  examples: optional(integer(1)),
};
const kfac = { ...every, pi: optional(flag) };
const shampoo = { ...every, blockSize: optional(integer(1)) };
const muon = {
  ...sgd,
  steps: optional(integer(1)),
  rest: optional(word),
  restLearningRate: rate,
  restWeightDecay: optional(nonNegative),
  skip: optional(names),
};

const { preset: _sgdPreset, ...plainSgd } = sgd;
const { preset: _adamPreset, ...plainAdam } = adam;
const ofMfac = {
  gradients: optional(integer(2)),
  damping: optional(positive),
  maxFailures: optional(integer(1)),
};
const ofSoap = {
  beta1: optional(fraction),
  beta2: optional(fraction),
  epsilon: optional(positive),
  refreshEvery: optional(integer(1)),
  maxDim: optional(integer(1)),
  maxFailures: optional(integer(1)),
};

const { preset: _, ...moments } = adam;
const adahessian = {
  ...moments,
  power: optional(that((v) => v === 1 || v === 0.5 || v === 0.25)),
  hessianEvery: optional(integer(1)),
  averaged: optional(flag),
  seed: optional(integer()),
};
const { learningRate: ___, weightDecay: ____, decays: _____, ...scaling } = adahessian;
const sketchedHessian = {
  rank: optional(integer(1)),
  damping: optional(positive),
  refreshEvery: optional(integer(1)),
  blocks: optional(word),
  seed: optional(integer()),
  maxFailures: optional(integer(1)),
};
const { preset: __, ...steps } = sgd;

/** The options of each optimiser. */
export const OPTIONS: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  sgd,
  adam,
  adamw: adam,
  adahessian,
  sketchySgd: { ...steps, ...sketchedHessian },
  nysact: { ...preconditioned, ...nysact, overrides },
  foof: { ...preconditioned, ...every, overrides },
  kfac: { ...preconditioned, ...kfac, overrides },
  eva: { ...preconditioned, ...every, overrides },
  ekfac: { ...preconditioned, ...every, overrides },
  skfac: { ...preconditioned, ...skfac, overrides },
  soap: { ...plainAdam, ...ofSoap },
  mfac: { ...plainSgd, ...ofMfac },
  shampoo: { ...preconditioned, ...shampoo, graft: optional(word), overrides },
  nystromShampoo: { ...preconditioned, ...nysact, graft: optional(word), overrides },
  muon,
  newtonMuon: { ...muon, ...cadence, ...nysact, overrides },
};

const method1 = diagonalMethod(1);
const nysactParts = methods
  .nysactMethod({ rank: 1 })
  .layers([{ name: '0', inputs: 3, outputs: 2 }], 'float64')[0];

/** A run of two parameters that make a layer. */
function optimizer(): root.Optimizer<'float64'> {
  const made = new root.Optimizer({
    backend,
    transform: root.nysact({ rank: 2, momentum: 0.9, refreshEvery: 1, observeEvery: 1, decay: 1 }),
    parameters: [
      { rows: 2, cols: 3 },
      { rows: 2, cols: 1 },
    ],
    layers: [{ weight: 0, bias: 1 }],
  });
  made.step(...stepArguments());
  return made;
}

function stepArguments() {
  const X = root.denseRows(backend, dense(5, 3), { bias: true });
  const D = root.denseRows(backend, dense(5, 2));
  return [
    [placed(2, 3), placed(2, 1)],
    [placed(2, 3), placed(2, 1)],
    [{ X, D, examples: 5 }],
  ] as const;
}

/** The state of an optimiser: everything that it holds lies in the backend's memory. */
function stateOf(self: root.Optimizer<'float64'>): unknown {
  return [self.steps, self.learningRate, self.diagnostics];
}

const saved = await optimizer().exportState();
function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** What holds strings and numbers alone, slots included. */
function isPlain(value: unknown): boolean {
  return (
    Object.prototype.toString.call(value) === '[object Object]' &&
    Object.values(Object(value)).every((part) => ['string', 'number'].includes(typeof part))
  );
}

/** Whatever has rows and columns is a shape. */
const shapes = {
  ...list({
    ...parts({ rows: integer(0, 0), cols: integer(0, 0), name: optional(text) }),
    has: (value: unknown) => value instanceof Object && 'rows' in value,
  }),
  has: (value: unknown) => Array.isArray(value) && value.length === 0,
};
const descend = transforms.descend(0.1);

/** A setter as a routine. */
export function setter(
  title: string,
  kind: Kind,
  make: () => object,
  value: unknown,
  where?: string,
): Routine {
  const name = title.slice(title.lastIndexOf('.') + 1);
  return {
    name: title,
    where,
    kinds: { [name]: kind },
    make() {
      const self = make();
      const call = (given: unknown) => {
        if (!Reflect.set(self, name, given)) throw new Error('not set');
      };
      return { call, args: [value], watch: () => Reflect.get(self, name) };
    },
  };
}

/** A constructor as a routine. */
function built(
  Class: abstract new (...args: never[]) => object,
  kinds: Routine['kinds'],
  args: () => readonly unknown[],
  where = Class.name,
): Routine {
  return {
    where,
    name: Class.name,
    kinds,
    make: () => ({
      call: (...given: readonly unknown[]) => Reflect.construct(Class, given),
      args: args(),
    }),
  };
}

const dtyped = () => new Float64Array(6);

export const training: readonly Routine[] = [
  built(
    root.DenseMatrix,
    {
      dtype: word,
      rows: integer(0, 2),
      cols: integer(0, 3),
      data: own,
      offset: optional(integer(0, 2)),
      stride: optional(integer(3, 3)),
    },
    () => ['float64', 2, 3, dtyped(), 0, 3],
  ),
  ...Object.entries(OPTIONS).map(([name, fields]) =>
    exported(root, name, { options: optional(record(fields)) }, () => [{}]),
  ),
  exported(
    root,
    'preconditionedBy',
    { method: own, options: optional(record(preconditioned)) },
    () => [method1, {}],
  ),
  exported(methods, 'nysactMethod', { options: optional(record(nysact)) }, () => [{}], {
    where: 'nysact',
  }),
  exported(methods, 'foofMethod', { options: optional(record(every)) }, () => [{}], {
    where: 'foof',
  }),
  exported(methods, 'kfacMethod', { options: optional(record(kfac)) }, () => [{}], {
    where: 'kfac',
  }),
  exported(methods, 'evaMethod', { options: optional(record(every)) }, () => [{}], {
    where: 'eva',
  }),
  exported(methods, 'ekfacMethod', { options: optional(record(every)) }, () => [{}], {
    where: 'ekfac',
  }),
  exported(methods, 'skfacMethod', { options: optional(record(skfac)) }, () => [{}], {
    where: 'skfac',
  }),
  exported(methods, 'shampooMethod', { options: optional(record(shampoo)) }, () => [{}], {
    where: 'shampoo',
  }),
  exported(methods, 'nystromShampooMethod', { options: optional(record(nysact)) }, () => [{}], {
    where: 'nystromShampoo',
  }),
  exported(methods, 'movingAverage', { decay: unit, check: optional(callable) }, () => [0.9]),
  exported(methods, 'curvature', { parts: own }, () => [nysactParts]),
  exported(
    published,
    'publishedNysact',
    { options: optional(record({ ...layered, ...sketching })) },
    () => [{}],
  ),
  exported(
    published,
    'publishedFoof',
    { options: optional(record({ ...layered, ...every })) },
    () => [{}],
  ),
  exported(
    published,
    'publishedKfac',
    { options: optional(record({ ...layered, ...every })) },
    () => [{}],
  ),
  exported(
    published,
    'publishedEva',
    { options: optional(record({ ...layered, ...every, examples: optional(integer(1)) })) },
    () => [{}],
  ),
  exported(
    published,
    'publishedNysactMethod',
    { options: optional(record(sketching)) },
    () => [{}],
    { where: 'nysact' },
  ),
  exported(published, 'publishedFoofMethod', { options: optional(record(every)) }, () => [{}], {
    where: 'foof',
  }),
  exported(published, 'publishedKfacMethod', { options: optional(record(every)) }, () => [{}], {
    where: 'kfac',
  }),
  exported(
    published,
    'publishedEvaMethod',
    { options: optional(record({ ...every, examples: optional(integer(1)) })) },
    () => [{}],
    { where: 'eva' },
  ),

  exported(transforms, 'constant', { learningRate: either(nonNegative, callable) }, () => [0.1]),
  exported(
    transforms,
    'stepDecay',
    { options: record({ learningRate: nonNegative, factor: positive, every: integer(1) }) },
    () => [{ learningRate: 1, factor: 0.5, every: 2 }],
  ),
  exported(
    transforms,
    'cosine',
    {
      options: record({ learningRate: nonNegative, steps: integer(1), floor: optional(fraction) }),
    },
    () => [{ learningRate: 1, steps: 3 }],
  ),
  exported(
    transforms,
    'warmUp',
    { options: record({ steps: integer(1), schedule: either(nonNegative, callable) }) },
    () => [{ steps: 2, schedule: 1 }],
  ),
  exported(transforms, 'descend', { learningRate: either(nonNegative, callable) }, () => [0.1]),
  exported(
    transforms,
    'momentum',
    { momentum: fraction, options: optional(record({ nesterov: optional(flag) })) },
    () => [0.9, {}],
  ),
  exported(transforms, 'scaleByMfac', { options: optional(record(ofMfac)) }, () => [{}]),
  exported(transforms, 'scaleBySoap', { options: optional(record(ofSoap)) }, () => [{}]),
  exported(
    transforms,
    'orthogonalize',
    { options: optional(record({ steps: optional(integer(1)) })) },
    () => [{}],
  ),
  exported(transforms, 'graft', { direction: own, size: optional(own) }, () => [
    transforms.momentum(0.9),
    transforms.scaleByAdam(),
  ]),
  exported(transforms, 'scaleByAdahessian', { options: optional(record(scaling)) }, () => [{}]),
  exported(
    transforms,
    'scaleBySketchedHessian',
    { options: optional(record(sketchedHessian)) },
    () => [{}],
  ),
  exported(
    transforms,
    'scaleByAdam',
    {
      options: optional(
        record({
          beta1: optional(fraction),
          beta2: optional(fraction),
          epsilon: optional(positive),
        }),
      ),
    },
    () => [{}],
  ),
  exported(
    transforms,
    'addWeightDecay',
    { weightDecay: nonNegative, options: optional(record({ decays: optional(names) })) },
    () => [0.1, {}],
  ),
  exported(transforms, 'scaleBy', { factor: nonNegative }, () => [0.5]),
  exported(
    transforms,
    'partition',
    {
      groups: { ...list(parts({ takes: names, transform: own })), has: isEmptyList },
      others: own,
    },
    () => [[{ takes: 'weights', transform: descend }], descend],
  ),
  exported(transforms, 'clipByGlobalNorm', { maxNorm: that((v) => positive.has(v)) }, () => [1]),
  exported(
    transforms,
    'precondition',
    {
      method: own,
      options: optional(
        record({
          ...cadence,
          klClip: optional(record({ limit: positive, learningRate: optional(nonNegative) })),
        }),
      ),
    },
    () => [method1, { klClip: { limit: 1 } }],
  ),
  { ...exported(transforms, 'chain', { transforms: own }, () => [descend]), variadic: true },
  exported(transforms, 'refuseOverflow', { transform: own }, () => [descend]),
  exported(
    transforms,
    'stateless',
    { description: { ...parts({}), has: isPlain }, update: callable, bound: optional(callable) },
    () => [{ name: 'x' }, () => []],
  ),
  {
    ...exported(transforms, 'writable', { backend: own, updates: list(own), step: own }, () => {
      const gradients = [placed(2, 2)];
      return [backend, [placed(2, 2)], { gradients }];
    }),
    // What is no slot is found by the backend.
    where: 'writable|axpby',
    aliases: { updates: 'updates|A|C' },
  },
  built(
    transforms.Cell,
    { value: that((v) => typeof v === 'number'), check: callable, pending: optional(callable) },
    () => [0, () => undefined],
  ),

  built(
    root.Optimizer,
    {
      options: record({
        backend: own,
        transform: own,
        parameters: shapes,
        layers: {
          ...optional(
            list(
              record({
                name: optional(text),
                weight: integer(0, 0),
                bias: optional(own),
                rows: optional(word),
              }),
            ),
          ),
          has: (v) => v === undefined || (Array.isArray(v) && v.length === 0),
        },
      }),
    },
    () => [
      {
        backend,
        transform: root.nysact(),
        parameters: [
          { rows: 2, cols: 3 },
          { rows: 2, cols: 1 },
        ],
        layers: [{ name: 'a', weight: 0, bias: 1 }],
      },
    ],
    // What does not fit is found by the preconditioner.
    'Optimizer|precondition',
  ),
  method(
    'Optimizer.step',
    {
      gradients: list(own),
      parameters: list(own),
      observations: {
        ...list({
          ...parts({ X: own, D: optional(own), examples: optional(positive) }),
          has: (v) => v === undefined,
        }),
        has: (v) => v === undefined || (Array.isArray(v) && v.length === 0),
      },
    },
    optimizer,
    stepArguments,
    {
      watch: stateOf,
      where: 'step|observe',
      aliases: { observations: 'observation|X is' },
    },
  ),
  setter('Optimizer.learningRate', nonNegative, optimizer, 0.5),
  method('Optimizer.flush', {}, optimizer, () => []),
  method('Optimizer.exportState', {}, optimizer, () => []),
  method('Optimizer.restoreState', RESTORE_KINDS, optimizer, () => [saved, { accept: [] }], {
    watch: stateOf,
    aliases: { entries: 'entries|entry' },
  }),
  method(
    'Optimizer.takeOver',
    {
      earlier: own,
      places: optional(record({ parameters: optional(own), layers: optional(own) })),
    },
    optimizer,
    () => [optimizer(), {}],
    {
      watch: stateOf,
    },
  ),
  method('Optimizer.dispose', {}, optimizer, () => []),
  {
    ...exported(
      root,
      'openPool',
      {
        options: optional(
          record({
            threads: optional(own),
            arithmetic: optional(word),
            worker: optional(callable),
          }),
        ),
      },
      () => [{}],
    ),
    refusesOnly: true,
  },
];
