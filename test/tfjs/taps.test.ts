// Taps: weights of models without layers are preconditioned as those of layers are.

import type { Rank, Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured, rowsOf } from '../../src/tfjs/captured.js';
import { kfac, nysact, sgd, type Taps, tfjsBackend } from '../../src/tfjs/index.js';
import { OptimizerTaps } from '../../src/tfjs/taps.js';
import { onBackends, tf } from './backends.js';
import { outputOf } from './models.js';
import { EVERYTHING } from './products.js';

type Layer = InstanceType<typeof tf.layers.Layer>;

const OPTIONS = { observeEvery: 1, refreshEvery: 2, learningRate: 0.05 } as const;

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

const vector = (value: Tensor): Variable<Rank.R1> => tf.variable(value.as1D());

function matrix(value: Tensor): Variable<Rank.R2> {
  const [rows, cols] = value.shape;
  return tf.variable(value.as2D(rows, cols));
}

function kernel(value: Tensor): Variable<Rank.R4> {
  const [height, width, inputs, outputs] = value.shape;
  return tf.variable(value.as4D(height, width, inputs, outputs));
}

/** A layer, what computes the same by taps from its weights, and an input of both. */
interface Case {
  readonly kind: string;
  readonly layer: () => Layer;
  readonly model: (weights: readonly Tensor[]) => {
    readonly variables: readonly Variable[];
    readonly output: (tap: Taps, x: Tensor) => Tensor;
  };
  readonly input: () => Tensor;
}

const DENSE: Case = {
  kind: 'dense',
  layer: () => tf.layers.dense({ units: 3, biasInitializer: 'ones' }),
  model: (weights) => {
    const [W, b] = [matrix(weights[0]), vector(weights[1])];
    return { variables: [W, b], output: (tap, x) => tap.dense(x, W, b) };
  },
  input: () => normal([6, 2, 4], 1),
};

const PLAIN: Case = {
  kind: 'dense',
  layer: () => tf.layers.dense({ units: 3, useBias: false }),
  model: (weights) => {
    const W = matrix(weights[0]);
    return { variables: [W], output: (tap, x) => tap.dense(x, W) };
  },
  input: () => normal([6, 4], 2),
};

const CONVOLUTION: Case = {
  kind: 'conv2d',
  layer: () => tf.layers.conv2d({ filters: 3, kernelSize: [3, 2], strides: 2, padding: 'same' }),
  model: (weights) => {
    const [filter, bias] = [kernel(weights[0]), vector(weights[1])];
    return {
      variables: [filter, bias],
      output: (tap, x) => tap.conv2d(x.as4D(2, 5, 6, 2), filter, { strides: 2, pad: 'same', bias }),
    };
  },
  input: () => normal([2, 5, 6, 2], 2),
};

const DEPTHWISE: Case = {
  kind: 'depthwiseConv2d',
  layer: () =>
    tf.layers.depthwiseConv2d({
      kernelSize: [3, 2],
      strides: 2,
      padding: 'same',
      depthMultiplier: 2,
    }),
  model: (weights) => {
    const [filter, bias] = [kernel(weights[0]), vector(weights[1])];
    return {
      variables: [filter, bias],
      output: (tap, x) =>
        tap.depthwiseConv2d(x.as4D(2, 5, 6, 2), filter, { strides: 2, pad: 'same', bias }),
    };
  },
  input: () => normal([2, 5, 6, 2], 2),
};

const EMBEDDING: Case = {
  kind: 'embedding',
  layer: () => tf.layers.embedding({ inputDim: 7, outputDim: 3 }),
  model: (weights) => {
    const W = matrix(weights[0]);
    return { variables: [W], output: (tap, x) => tap.embedding(W, x) };
  },
  input: () => tf.tensor2d([1, 2, 2, 6, 0, 1], [2, 3], 'int32'),
};

/** The moments of what a loss shows of its one block, and all else that is told of it. */
function seenOf(loss: () => Scalar, taps: OptimizerTaps) {
  const backend = tfjsBackend(tf);
  const captured = captureGradients(tf, loss, undefined, EVERYTHING, taps);
  expect(captured.blocks).toHaveLength(1);
  const [block] = captured.blocks;
  const made: { dispose(): void }[] = [];
  const rows = rowsOf({ tf, backend }, block, made);
  const moments = [rows?.X, rows?.D].map((part) => {
    if (part === undefined) throw new Error('expected X and D');
    const A = backend.allocate(part.cols, part.cols);
    part.secondMoment(1, 0, A);
    return backend.readSync?.(A).toArrays();
  });
  for (const one of made) one.dispose();
  disposeCaptured(captured.blocks);
  tf.dispose(captured.grads);
  captured.value.dispose();
  backend.dispose();
  const { kind, layout, rows: form, examples, bias } = block;
  return { kind, layout, form, examples, hasBias: bias !== undefined, moments };
}

function trains(cases: readonly Case[]): void {
  describe.each(cases)('$kind', ({ kind, layer, model, input }) => {
    test('shows what a layer shows, and leaves nothing behind', () => {
      const [one, x, taps] = [layer(), input(), new OptimizerTaps(tf)];
      outputOf(one, x).dispose();
      const { variables, output } = model(one.getWeights());
      const before = tf.memory().numTensors;
      const [a, b] = [() => outputOf(one, x), () => output(taps, x)].map((compute) =>
        seenOf(() => compute().square().mean().asScalar(), taps),
      );
      const { moments, ...rest } = b;
      expect(rest).toEqual({ ...a, moments: undefined });
      moments.forEach((moment, k) => {
        moment?.flat().forEach((value, i) => {
          const expected = a.moments[k]?.flat()[i] ?? NaN;
          // Sums of at most 24 products of numbers below 4.
          expect(Math.abs(value - expected)).toBeLessThanOrEqual(24 * 24 * 16 * 2 ** -23);
        });
      });
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose([x, ...variables]);
      one.dispose();
    });

    test.each([
      ['nysact', () => nysact(tf, { ...OPTIONS, rank: 3 })],
      ['kfac', () => kfac(tf, OPTIONS)],
      ['sgd', () => sgd(tf, { learningRate: 0.05 })],
    ])('%s trains it, leaks nothing, and reports on its variables', (name, make) => {
      const [one, x, optimizer] = [layer(), input(), make()];
      outputOf(one, x).dispose();
      const { variables, output } = model(one.getWeights());
      const loss = () => output(optimizer.tap, x).square().mean().asScalar();
      const first = tf.tidy(() => loss().dataSync()[0]);
      for (let k = 0; k < 3; k++) optimizer.minimize(loss, false, [...variables]);
      const before = tf.memory().numTensors;
      for (let k = 0; k < 6; k++) optimizer.minimize(loss, false, [...variables]);
      expect(tf.memory().numTensors).toBe(before);
      expect(tf.tidy(() => loss().dataSync()[0])).toBeLessThan(first);
      const plain = name === 'sgd';
      expect(optimizer.report()).toMatchObject(
        variables.map((variable) => ({
          variable: variable.name,
          layer: plain ? variable.name : variables[0].name,
          shape: variable.shape,
          kind: plain ? undefined : kind,
          reason: plain ? 'the optimizer preconditions nothing' : undefined,
        })),
      );
      expect(optimizer.diagnostics.map((one_) => one_.layer)).toEqual(
        plain ? [] : [variables[0].name],
      );
      tf.dispose([x, ...variables]);
      for (const thing of [one, optimizer]) thing.dispose();
    });
  });
}

onBackends(['wasm', 'cpu'], () => trains([DENSE, PLAIN]));
// The wasm backend has no gradient of a convolution, nor of an embedding.
onBackends(['cpu'], () => trains([CONVOLUTION, DEPTHWISE, EMBEDDING]));

onBackends(['wasm'], () => {
  test('layers and taps train together, and a variable that no tap uses goes to the rest', () => {
    const [layer, W, scale] = [
      tf.layers.dense({ units: 3, inputShape: [4] }),
      matrix(tf.ones([3, 2])),
      vector(tf.ones([2])),
    ];
    const [x, optimizer] = [normal([5, 4], 3), nysact(tf, OPTIONS)];
    outputOf(layer, x).dispose();
    expect(optimizer.report()).toEqual([]);
    optimizer.minimize(() =>
      optimizer.tap.dense(outputOf(layer, x), W).mul(scale).square().mean().asScalar(),
    );
    const reasons = new Map(
      optimizer.report().map(({ variable, kind, reason }) => [variable, kind ?? reason]),
    );
    expect(reasons.get(W.name)).toBe('dense');
    expect(layer.weights.map(({ name }) => reasons.get(name))).toEqual(['dense', 'dense']);
    expect(reasons.get(scale.name)).toBe('no layer or tap of a known kind has used it');
    tf.dispose([x, W, scale]);
    for (const one of [layer, optimizer]) one.dispose();
  });

  test('a tap only computes outside of what its optimizer differentiates', () => {
    const [x, W] = [normal([5, 4], 4), matrix(tf.ones([4, 2]))];
    const [mine, other] = [nysact(tf, OPTIONS), nysact(tf, OPTIONS)];
    const before = tf.memory().numTensors;
    const [a, b] = [mine.tap.dense(x, W), tf.tidy(() => tf.matMul(x.as2D(5, 4), W))];
    expect(a.dataSync()).toEqual(b.dataSync());
    tf.dispose([a, b]);
    const loss = () => other.tap.dense(x, W).square().mean().asScalar();
    expect(() => mine.minimize(loss, false, [W])).toThrow(
      /nysact: no layer .* took part .*, and no tap, .*through optimizer\.tap/i,
    );
    expect(tf.memory().numTensors).toBe(before);
    // TensorFlow.js itself loses what its tape saved.
    const [plainly, captured] = [sgd(tf), mine].map((optimizer) => {
      const broken = (): Scalar => {
        optimizer.tap.dense(x, W);
        throw new Error('broken loss');
      };
      const start = tf.memory().numTensors;
      expect(() => optimizer.minimize(broken, false, [W])).toThrow('broken loss');
      mine.tap.dense(x, W).dispose();
      return tf.memory().numTensors - start;
    });
    expect(captured).toBe(plainly);
    tf.dispose([x, W]);
    for (const one of [mine, other]) one.dispose();
  });

  test('a tap goes on after gradients that the loss has computed itself', () => {
    const [x, W, taps] = [normal([5, 4], 4), matrix(tf.ones([4, 2])), new OptimizerTaps(tf)];
    const inner = () => taps.dense(x, W).sum().asScalar();
    const { blocks, value, grads } = captureGradients(
      tf,
      () => {
        const own = captureGradients(tf, inner, [W], EVERYTHING, taps);
        disposeCaptured(own.blocks);
        tf.dispose([own.value, own.grads]);
        return taps.dense(x, W).square().mean().asScalar();
      },
      [W],
      EVERYTHING,
      taps,
    );
    expect(blocks.map(({ uses }) => uses.length)).toEqual([1]);
    disposeCaptured(blocks);
    tf.dispose([x, W, value, grads]);
  });

  const { tap } = sgd(tf);
  test.each<[string, () => unknown, RegExp]>([
    [
      'no variable',
      () => tap.dense(tf.ones([2, 3]), JSON.parse('[1]')),
      /TypeError: tap\.dense: W is .*, expected a variable/,
    ],
    [
      'no tensor',
      () => tap.dense(JSON.parse('[1]'), matrix(tf.ones([3, 2]))),
      /TypeError: tap\.dense: x is .*, expected a tensor/,
    ],
    [
      'other features',
      () => tap.dense(tf.ones([2, 4]), matrix(tf.ones([3, 2]))),
      /RangeError: tap\.dense: x is of shape \[2, 4\], expected a last axis of 3/,
    ],
    [
      'a bias of another length',
      () => tap.dense(tf.ones([2, 3]), matrix(tf.ones([3, 2])), vector(tf.ones([3]))),
      /RangeError: tap\.dense: b is of shape \[3\], expected \[2\]/,
    ],
    [
      'other channels',
      () => tap.conv2d(tf.ones([1, 4, 4, 3]), kernel(tf.ones([2, 2, 1, 2]))),
      /RangeError: tap\.conv2d: x is of shape .*, expected 1 channels/,
    ],
    [
      'no images',
      () => tap.conv2d(JSON.parse('5'), kernel(tf.ones([2, 2, 1, 2]))),
      /TypeError: tap\.conv2d: x is 5, expected a tensor/,
    ],
    [
      'a bias of another length than a depthwise filter has outputs',
      () =>
        tap.depthwiseConv2d(tf.ones([1, 4, 4, 3]), kernel(tf.ones([2, 2, 3, 2])), {
          bias: vector(tf.ones([3])),
        }),
      /RangeError: tap\.depthwiseConv2d: bias is of shape \[3\], expected \[6\]/,
    ],
    [
      'other channels than a depthwise filter has',
      () => tap.depthwiseConv2d(tf.ones([1, 4, 4, 3]), kernel(tf.ones([2, 2, 1, 2]))),
      /RangeError: tap\.depthwiseConv2d: x is of shape .*, expected 1 channels/,
    ],
    [
      'an unknown option',
      () =>
        tap.conv2d(
          tf.ones([1, 4, 4, 1]),
          kernel(tf.ones([2, 2, 1, 2])),
          JSON.parse('{"stride": 2}'),
        ),
      /tap\.conv2d: .*stride/,
    ],
    [
      'a table of another rank',
      () => tap.embedding(JSON.parse('{}'), tf.ones([2])),
      /TypeError: tap\.embedding: W is .*, expected a variable/,
    ],
  ])('%s is told', (_, call, message) => {
    const before = tf.memory().numTensors;
    let told = '';
    tf.tidy(() => {
      try {
        call();
      } catch (error) {
        told = String(error);
      }
    });
    expect(told).toMatch(message);
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 2);
  });
});

// The wasm backend has no gradient of an embedding.
onBackends(['cpu'], () => {
  test('a table that is looked up and multiplied by has rows of both, which make no diagonal', () => {
    const [x, W, taps] = [normal([5, 4], 4), matrix(tf.ones([4, 2])), new OptimizerTaps(tf)];
    const words = tf.tensor1d([0, 3, 3], 'int32');
    const both = () =>
      tf
        .concat([taps.embedding(W, words), taps.dense(x, W)])
        .square()
        .mean()
        .asScalar();
    const { form, moments } = seenOf(both, taps);
    expect(form).toBeUndefined();
    const expected = tf.tidy(() => {
      const X = x.as2D(5, 4);
      const I = tf.oneHot(words, 4).toFloat().as2D(3, 4);
      return tf.add(tf.matMul(X, X, true), tf.matMul(I, I, true)).dataSync();
    });
    moments[0]?.flat().forEach((value, i) => {
      // Sums of 8 products of numbers below 4.
      expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(2 * 8 * 8 * 16 * 2 ** -24);
    });
    tf.dispose([x, W, words]);
  });
});
