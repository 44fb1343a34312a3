// A network of every kind of convolution, trained by every optimiser that preconditions.

import { describe, expect, test } from 'vitest';
import {
  ekfac,
  eva,
  foof,
  kfac,
  nysact,
  sgd,
  skfac,
  type TfjsOptimizer,
} from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { crossEntropy, meanSquare, outputOf } from './models.js';
import { expectSameBitsAfterRestore } from './resume.js';
import { stripes } from './stripes.js';
import { expectTraining } from './trains.js';

const initializer = (seed: number) => tf.initializers.glorotNormal({ seed });

/**
 * Conv2D, SeparableConv2D, Conv2DTranspose, Conv1D and Dense, the same weights every time.
 *
 * Two outputs a channel: of one, the depthwise B is diagonal, and KFAC's eigenvectors are a permutation, which is one tensor
 * or two by the order of the eigenvalues.
 */
function network(): ReturnType<typeof tf.sequential> {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 4,
        kernelSize: 3,
        padding: 'same',
        strides: 2,
        activation: 'relu',
        kernelInitializer: initializer(1),
      }),
      tf.layers.separableConv2d({
        filters: 4,
        kernelSize: 3,
        padding: 'same',
        depthMultiplier: 2,
        activation: 'tanh',
        depthwiseInitializer: initializer(2),
      }),
      tf.layers.conv2dTranspose({
        filters: 3,
        kernelSize: 2,
        strides: 2,
        activation: 'elu',
        kernelInitializer: initializer(3),
      }),
      tf.layers.reshape({ targetShape: [64, 3] }),
      tf.layers.conv1d({
        filters: 2,
        kernelSize: 4,
        strides: 4,
        activation: 'relu',
        kernelInitializer: initializer(4),
      }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, kernelInitializer: initializer(5) }),
    ],
  });
}

const CADENCE = { observeEvery: 1, refreshEvery: 2, learningRate: 0.5, momentum: 0.9 } as const;

const optimizers: readonly (readonly [string, () => TfjsOptimizer])[] = [
  ['nysact', () => nysact(tf, { ...CADENCE, rank: 4 })],
  [
    'nysact of sub-columns, with the tail',
    () => nysact(tf, { ...CADENCE, rank: 3, sketch: 'subcolumn', tail: true }),
  ],
  ['foof', () => foof(tf, CADENCE)],
  ['kfac', () => kfac(tf, { ...CADENCE, learningRate: 0.02 })],
  ['ekfac', () => ekfac(tf, { ...CADENCE, learningRate: 0.02 })],
  ['skfac', () => skfac(tf, { ...CADENCE, learningRate: 0.02 })],
  ['eva', () => eva(tf, { ...CADENCE, learningRate: 0.02 })],
];

/** The variables that are preconditioned are all but a bias that patches share. */
const KINDS = [
  'conv2d',
  'conv2d',
  'separableConv2d',
  'separableConv2d',
  'separableConv2d',
  'conv2dTranspose',
  undefined,
  'conv1d',
  'conv1d',
  'dense',
  'dense',
];

/** p and q of the weights in their order, p with the bias. */
const KERNELS = [
  { inputs: 3 * 3 + 1, outputs: 4 },
  { inputs: 3 * 3, outputs: 2 * 4 },
  { inputs: 2 * 4 + 1, outputs: 4 },
  { inputs: 4, outputs: 2 * 2 * 3 },
  { inputs: 4 * 3 + 1, outputs: 2 },
  { inputs: 32 + 1, outputs: 3 },
];

// The wasm backend has no gradient of a convolution.
onBackends(['cpu'], () => {
  describe.each(optimizers)('%s', (_, make) => {
    test('trains it, leaks nothing, and names every variable', () => {
      expectTraining({ network, make, batch: () => stripes(12) }, (model, optimizer) => {
        expect(optimizer.report(model).map(({ kind }) => kind)).toEqual(KINDS);
        expect(optimizer.report(model).filter(({ inputs }) => inputs !== undefined)).toMatchObject(
          KERNELS,
        );
        expect(optimizer.diagnostics.map(({ failures }) => failures)).toEqual(KERNELS.map(() => 0));
      });
    });

    test('goes on from a saved state bit for bit', async () => {
      const batch = stripes(6);
      await expectSameBitsAfterRestore({ network, make, batch });
      tf.dispose([batch.x, batch.y]);
    });
  });

  test.each([
    ['of another shape transposed', 2, 3],
    ['square', 4, 1],
  ])(
    'a kernel %s that is trained before its layer is used goes on as it was',
    (_, channels, filters) => {
      const runs = [
        nysact(tf, { ...CADENCE, rest: 'sgd' }),
        sgd(tf, { learningRate: 0.5, momentum: 0.9 }),
      ].map((optimizer) => {
        const layer = tf.layers.conv2dTranspose({
          filters,
          kernelSize: 2,
          useBias: false,
          kernelInitializer: initializer(6),
        });
        const input = tf.linspace(-1, 1, 8 * channels).reshape([2, 2, 2, channels]);
        // Something has to be preconditioned in the first step.
        const dense = tf.layers.dense({ units: 1, kernelInitializer: initializer(7) });
        for (const one of [layer, dense]) outputOf(one, input).dispose();
        const [kernel] = layer.trainableWeights;
        const alone = () => kernel.read().square().sum().mul(0.1);
        const beside = () => meanSquare(dense, input)().add(alone()).asScalar();
        const both = () => meanSquare(layer, input)().add(beside()).asScalar();
        optimizer.minimize(beside);
        const before = tf.memory().numTensors;
        for (let k = 0; k < 4; k++) optimizer.minimize(both);
        expect(tf.memory().numTensors).toBe(before);
        const weights = Array.from(kernel.read().dataSync());
        input.dispose();
        for (const one of [layer, dense, optimizer]) one.dispose();
        return weights;
      });
      expect(runs[0]).toEqual(runs[1]);
    },
  );

  test('a use of no examples, and one that failed, show nothing and leave nothing behind', () => {
    const [model, optimizer, { x, y }] = [
      network(),
      nysact(tf, { ...CADENCE, rank: 4 }),
      stripes(6),
    ];
    const loss = crossEntropy(model, { x, y });
    const failing = tf.layers.conv2d({ filters: 1, kernelSize: 1 });
    const both = () => {
      expect(() => failing.apply(y)).toThrow();
      const none = outputOf(model.layers[0], tf.zeros([0, 8, 8, 1]));
      return loss().add(none.sum()).asScalar();
    };
    for (let k = 0; k < 3; k++) optimizer.minimize(both);
    const before = tf.memory().numTensors;
    for (let k = 0; k < 4; k++) optimizer.minimize(both);
    expect(tf.memory().numTensors).toBe(before);
    expect(optimizer.diagnostics).toHaveLength(KERNELS.length);
    tf.dispose([x, y]);
    for (const one of [model, optimizer]) one.dispose();
  });
});
