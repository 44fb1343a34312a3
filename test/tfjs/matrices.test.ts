// What looks at gradients alone reaches every matrix, of whatever layer or of none.

import type { Variable } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { shampoo as shampooTransform } from '../../src/optimize/shampoo.js';
import {
  muon,
  newtonMuon,
  nystromShampoo,
  shampoo,
  type TfjsOptimizer,
} from '../../src/tfjs/index.js';
import { placeRounded } from '../support/backends.js';
import { build, distance, gaussian, type Matrix, norm, uniform } from '../support/matrices.js';
import { onBackends, tf } from './backends.js';
import { crossEntropy } from './models.js';
import { expectSameBitsAfterRestore } from './resume.js';
import { expectTraining } from './trains.js';

const CADENCE = { observeEvery: 1, refreshEvery: 2 } as const;
const EXAMPLES = 12;

/** A convolution, a normalisation, a layer of a class that no kind is known for, and a dense one. */
function network(): ReturnType<typeof tf.sequential> {
  const kernelInitializer = tf.initializers.glorotNormal({ seed: 3 });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [5, 5, 2], filters: 4, kernelSize: 3, kernelInitializer }),
      tf.layers.layerNormalization({ name: 'norm' }),
      tf.layers.prelu({ name: 'rectified' }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer, name: 'head' }),
    ],
  });
}

function batch() {
  const { data } = gaussian(uniform(4), EXAMPLES, 50);
  const rows = Array.from({ length: EXAMPLES }, (_, i) => (data[50 * i] > 0 ? 0 : 1 + (i % 2)));
  return {
    x: tf.tensor4d(Float32Array.from(data), [EXAMPLES, 5, 5, 2]),
    y: tf.tensor2d(rows.map((row) => [0, 1, 2].map((k) => (k === row ? 1 : 0)))),
  };
}

const MAKERS: readonly (readonly [string, () => TfjsOptimizer])[] = [
  ['shampoo', () => shampoo(tf, { ...CADENCE, learningRate: 0.05 })],
  ['nystromShampoo', () => nystromShampoo(tf, { ...CADENCE, learningRate: 0.05, rank: 2 })],
  ['muon', () => muon(tf, { learningRate: 0.05 })],
  ['newtonMuon', () => newtonMuon(tf, { ...CADENCE, learningRate: 0.05, rank: 2 })],
];

onBackends(['cpu'], () => {
  test.each(MAKERS)(
    '%s trains, leaks nothing, and says of every matrix that it is one',
    (name, make) => {
      expectTraining({ network, make, batch }, (model, optimizer) => {
        const lines = optimizer
          .report(model)
          .map(({ layer, shape, kind }) => [layer, shape.length, kind]);
        const own = name === 'muon' ? ['matrix', 'matrix'] : ['conv2d', 'dense'];
        const bias = (kind: string) => (name === 'muon' ? undefined : kind);
        expect(lines).toEqual([
          [expect.any(String), 4, own[0]],
          [expect.any(String), 1, bias('conv2d')],
          ['norm', 1, undefined],
          ['norm', 1, undefined],
          ['rectified', 3, 'matrix'],
          ['head', 2, own[1]],
          ['head', 1, bias('dense')],
        ]);
        const trained = optimizer.report();
        expect(trained.map(({ kind }) => String(kind)).toSorted()).toEqual(
          lines.map(([, , kind]) => String(kind)).toSorted(),
        );
        const prelu = trained.find(({ shape }) => shape.length === 3);
        expect(prelu).toMatchObject({ kind: 'matrix', inputs: 9, outputs: 4 });
      });
    },
  );

  test.each(MAKERS)('%s goes on bit for bit', async (_, make) => {
    const data = batch();
    await expectSameBitsAfterRestore({ network, make, batch: data });
    tf.dispose([data.x, data.y]);
  });

  test('before a step the report says what will be', () => {
    const model = network();
    const kinds = (optimizer: TfjsOptimizer) =>
      optimizer.report(model).map(({ kind, reason }) => kind ?? reason);
    const scales =
      'LayerNormalization scales and shifts each feature alone, and trains with the rest';
    expect(kinds(shampoo(tf))).toEqual([
      'conv2d',
      'conv2d',
      scales,
      scales,
      'matrix',
      'dense',
      'dense',
    ]);
    const none = 'it is no matrix';
    expect(kinds(muon(tf))).toEqual(['matrix', none, none, none, 'matrix', 'matrix', none]);
    model.dispose();
  });

  test('what is skipped is left to the rest, and so said', () => {
    for (const make of [shampoo, muon]) {
      const [model, { x, y }] = [network(), batch()];
      const optimizer = make(tf, { learningRate: 0.05, skip: ['rectified', 'head'] });
      optimizer.minimize(crossEntropy(model, { x, y }));
      const left = optimizer.report(model).filter(({ layer }) => layer === 'rectified');
      expect(left.map(({ reason }) => reason)).toEqual([
        'the optimizer was told to leave its layer to the rest',
      ]);
      for (const one of [model, optimizer, x, y]) one.dispose();
    }
  });
});

/** Gradients of the variables, by hand. */
const gradientsOf = (variables: readonly Variable[], seed: number): Matrix[] =>
  variables.map(({ shape }, k) => {
    const rows = shape.at(-1) ?? 1;
    return gaussian(uniform(seed + k), rows, shape.reduce((size, side) => size * side, 1) / rows);
  });

describe('gradients that were computed elsewhere', () => {
  onBackends(['wasm'], () => {
    test('are all that Shampoo asks for: a tensor is a matrix by its last axis', () => {
      const shapes = [[2, 3, 4], [5], [3, 2]];
      const variables = shapes.map((shape) => tf.variable(tf.zeros(shape)));
      const optimizer = shampoo(tf, { ...CADENCE, rest: 'sgd' });
      const backend = cpuBackend('float32');
      const parameters = [
        { rows: 4, cols: 6 },
        { rows: 5, cols: 1 },
        { rows: 2, cols: 3 },
      ];
      const reference = new Optimizer({
        backend,
        transform: shampooTransform({ ...CADENCE, rest: 'sgd' }),
        parameters,
        layers: [{ weight: 0 }, { weight: 2 }],
      });
      const theta = parameters.map(({ rows, cols }) => backend.allocate(rows, cols));
      for (let k = 0; k < 4; k++) {
        const gradients = gradientsOf(variables, 10 * k);
        reference.step(
          gradients.map((G) => placeRounded(backend, G)),
          theta,
        );
        // A tensor holds the transpose of its matrix.
        const tensors = gradients.map((G, i) => {
          const data = build(G.cols, G.rows, (r, c) => G.at(c, r)).data;
          return { name: variables[i].name, tensor: tf.tensor(Float32Array.from(data), shapes[i]) };
        });
        optimizer.applyGradients(tensors);
        tf.dispose(tensors.map(({ tensor }) => tensor));
      }
      variables.forEach((variable, i) => {
        const { rows, cols } = parameters[i];
        const data = variable.dataSync();
        const got = build(rows, cols, (r, c) => data[c * rows + r]);
        const expected = backend.readSync(theta[i]);
        // Roundings of float32 through roots of sums that are damped by a thousandth.
        expect(distance(got, expected)).toBeLessThanOrEqual(1e-4 * norm(got));
      });
      expect(optimizer.report().map(({ kind }) => kind)).toEqual(['matrix', undefined, 'matrix']);
      optimizer.dispose();
      tf.dispose(variables);
    });
  });
});
