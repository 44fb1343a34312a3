// The valid calls of the TensorFlow.js host and of backends on a GPU.

import type { Tensor } from '@tensorflow/tfjs';
import * as gpu from '../../../src/backend/gpujs/index.js';
import { sgd } from '../../../src/index.js';
import * as host from '../../../src/tfjs/index.js';
import * as wasm from '../../../src/tfjs-wasm/index.js';
import { doubleOf } from '../../support/gpujs-double.js';
import { tf } from '../../tfjs/backends.js';
import { operations } from './backends.js';
import {
  callable,
  flag,
  integer,
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
  word,
} from './kinds.js';
import { exported, method, type Routine } from './probe.js';
import { OPTIONS, setter } from './training.js';

// Kernels are registered for a backend that is ready.
await tf.setBackend('wasm');
await tf.setBackend('cpu');

/** Apart from the one whose kernels others register. */
const inertEngine = Object.create(tf.engine());

/** TensorFlow.js, whose kernels and gradients stay what they are. */
const inert = {
  ...tf,
  engine: () => inertEngine,
  registerKernel() {},
  unregisterKernel() {},
  registerGradient() {},
  unregisterGradient() {},
};

const GPU = doubleOf().GPU;
const transform = sgd();
const backend = host.tfjsBackend(tf);
const onHost = await gpu.gpuBackend(GPU);

/** One weight, and the loss that pulls it to 0. */
const w = tf.variable(tf.tensor2d([[1, 2]]), true, 'probed');
const loss = () => tf.sum(tf.square(w)).asScalar();

const kernel = tf.variable(tf.ones([1, 1, 1, 2]).as4D(1, 1, 1, 2));

const none = () => undefined;
const kind = {
  name: 'probed',
  sample: () => tf.layers.dense({ units: 1 }),
  fits: () => false,
  block: none,
  rows: none,
  gradientRows: none,
};

/** The taps of an optimiser. */
function taps(): host.Taps {
  return host.sgd(tf).tap;
}

/** An optimiser after a step. */
function stepped(): host.TfjsOptimizer {
  const made = host.sgd(tf, { momentum: 0.9 });
  made.minimize(loss, false, [w]);
  return made;
}

/** What an optimiser and its weight have become. */
function stateOf(self: host.TfjsOptimizer): unknown {
  return [self.iterations, self.learningRate, Array.from(w.dataSync())];
}

function gradients(): { probed: Tensor } {
  return { probed: tf.ones([1, 2]) };
}

const saved = await stepped().exportState();
const weights = await stepped().getWeights();
const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [2], units: 1 })] });
const reading = optional(word);
/** TensorFlow.js takes null for all variables, and judges in its own words what a loss returns. */
const varList = { ...list(own), has: (v: unknown) => v === undefined || v === null };

export const hosts: readonly Routine[] = [
  exported(host, 'tfjsBackend', { tf: own, options: optional(record({ reading })) }, () => [
    tf,
    { reading: 'sync' },
  ]),
  ...operations('TfjsBackend', backend),
  method(
    'TfjsBackend.adopt',
    { tensor: own, layout: word },
    () => backend,
    () => [tf.ones([2, 3]), 'rows'],
  ),
  method(
    'TfjsBackend.tensorOf',
    { A: own, layout: word },
    () => backend,
    () => [backend.allocate(2, 3), 'rows'],
  ),
  method(
    'TfjsBackend.dispose',
    {},
    () => host.tfjsBackend(tf),
    () => [],
  ),
  ...Object.entries(OPTIONS).map(([name, fields]) =>
    exported(host, name, { tf: own, options: optional(record(fields)) }, () => [tf, {}], {
      title: `tfjs.${name}`,
      // An optimiser speaks by the name of its class.
      where: `${name}|Nysact\\w*`,
    }),
  ),
  exported(
    host,
    'makeOptimizer',
    {
      tf: own,
      transform: own,
      options: record({
        className: text,
        config: optional(that((v) => v instanceof Object || typeof v === 'object')),
        reading,
      }),
    },
    () => [tf, transform, { className: 'Probed' }],
  ),
  exported(
    host,
    'registerKind',
    {
      tf: own,
      kind: parts({
        name: that((v) => typeof v === 'string' && v !== ''),
        sample: own,
        fits: callable,
        block: callable,
        rows: callable,
        gradientRows: callable,
      }),
    },
    // Kinds are kept for what is handed in.
    () => [{ ...tf }, kind],
  ),
  exported(
    host,
    'positionRows',
    { host: own, tensor: own, bias: flag, mask: optional(own) },
    () => [{ tf, backend }, tf.ones([2, 3]), false],
  ),
  exported(host, 'registerOptimizers', { tf: own }, () => [tf]),
  exported(
    host,
    'registerOptimizer',
    { tf: own, definition: parts({ className: text, make: callable }) },
    () => [tf, { className: 'Probed', make: () => transform }],
  ),
  exported(wasm, 'registerKernels', { tf: own }, () => [inert]),
  method(
    'RegisteredKernels.restore',
    {},
    () => wasm.registerKernels(inert),
    () => [],
  ),
  setter('TfjsOptimizer.learningRate', nonNegative, stepped, 0.5, 'sgd'),
  method('TfjsOptimizer.report', { model: optional(own) }, stepped, () => [model]),
  method('Taps.dense', { x: own, W: own, b: optional(own) }, taps, () => [tf.ones([3, 1]), w], {
    where: 'tap.dense',
  }),
  ...['conv2d', 'depthwiseConv2d'].map((name) =>
    method(
      `Taps.${name}`,
      {
        x: own,
        filter: own,
        options: optional(
          record({
            strides: optional(integer(1)),
            pad: reading,
            dilations: optional(integer(1)),
            bias: optional(own),
          }),
        ),
      },
      taps,
      () => [tf.ones([1, 2, 2, 1]), kernel],
      { where: `tap.${name}` },
    ),
  ),
  method('Taps.embedding', { W: own, indices: own }, taps, () => [w, tf.zeros([2])], {
    where: 'tap.embedding',
  }),
  method(
    'TfjsOptimizer.minimize',
    { f: callable, returnCost: optional(flag), varList },
    stepped,
    () => [loss, false, [w]],
    { watch: stateOf, where: 'minimize|computeGradients' },
  ),
  method('TfjsOptimizer.computeGradients', { f: callable, varList }, stepped, () => [loss, [w]], {
    watch: stateOf,
  }),
  method(
    'TfjsOptimizer.applyGradients',
    { gradients: parts({ probed: that((v) => v === undefined || v === null) }) },
    stepped,
    () => [gradients()],
    { watch: stateOf, aliases: { gradients: 'gradients?' } },
  ),
  method('TfjsOptimizer.flush', {}, stepped, () => []),
  method('TfjsOptimizer.exportState', {}, stepped, () => []),
  method('TfjsOptimizer.restoreState', RESTORE_KINDS, stepped, () => [saved, {}], {
    watch: stateOf,
    aliases: { entries: 'entries|entry' },
  }),
  method('TfjsOptimizer.getWeights', {}, stepped, () => []),
  method(
    'TfjsOptimizer.setWeights',
    { weights: list(parts({ name: own, tensor: own })) },
    stepped,
    () => [weights],
    { watch: stateOf, aliases: { name: 'name|weights', tensor: 'tensor|weights' } },
  ),
  method('TfjsOptimizer.getClassName', {}, stepped, () => []),
  method('TfjsOptimizer.getConfig', {}, stepped, () => []),
  method('TfjsOptimizer.dispose', {}, stepped, () => []),

  exported(
    gpu,
    'gpuBackend',
    {
      GPU: own,
      options: optional(
        record({
          mode: optional(word),
          reading,
          fallback: optional(word),
          maxError: optional(positive),
          tile: optional(integer(1)),
          kernels: optional(integer(1)),
        }),
      ),
    },
    () => [GPU, {}],
  ),
  ...operations('GpuBackend', onHost),
  method(
    'GpuBackend.memory',
    {},
    () => onHost,
    () => [],
  ),
  method(
    'GpuBackend.settled',
    {},
    () => onHost,
    () => [],
  ),
  method(
    'GpuBackend.dispose',
    {},
    () => onHost,
    () => [],
  ),
];
