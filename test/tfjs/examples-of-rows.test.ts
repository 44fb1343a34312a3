// SKFAC in TensorFlow.js: its step is that of means over the rows of each example, whatever order they came in.

import type { NamedTensorMap, Scalar, Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import type { Rows } from '../../src/rows/rows.js';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured, joinedBlocks, rowsOf } from '../../src/tfjs/captured.js';
import { skfac, tfjsBackend } from '../../src/tfjs/index.js';
import { variableOf } from '../../src/tfjs/session.js';
import { dampedInverse, secondMoment } from '../precondition/oracles.js';
import { linesOf, meansOf } from '../rows/means.js';
import { build, combine, distance, type Matrix, map, norm, product } from '../support/matrices.js';
import { onBackends, tf } from './backends.js';
import { outputOf } from './models.js';
import { EVERYTHING } from './products.js';

type Layer = InstanceType<typeof tf.layers.Layer>;

const LAMBDA = 0.3;

/** Times eps·(p+q+m)·(1 + ‖A‖/√λ)(1 + ‖B‖/√λ)·‖G‖/λ, as on the host; eps of the weights beside it. */
const C_INVERSE = 8;

const [BATCH, TIME, INPUTS, UNITS] = [3, 4, 2, 5];

/** How long the sequences under a mask are. */
const LENGTHS = [4, 1, 2];

/** Says of row number i of a block which example it is of. */
type Order = (row: number) => number;

const stepByStep: Order = (row) => row % BATCH;

const listed =
  (examples: readonly number[]): Order =>
  (row) =>
    examples[row];

/** Positions that count, sequence after sequence. */
const UNMASKED = LENGTHS.flatMap((length, b) => Array.from({ length }, () => b));

/** The same, by step. */
const BY_STEP = Array.from({ length: TIME }, (_, t) =>
  LENGTHS.flatMap((length, b) => (t < length ? [b] : [])),
);

const UNMASKED_STEPS = BY_STEP.flat();

/** Every step twice. */
const UNMASKED_TWICE = BY_STEP.flatMap((step) => [...step, ...step]);

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** Sequences that end in zeros. */
function padded(): Tensor {
  return tf.tidy(() => {
    const marks = LENGTHS.map((length) =>
      Array.from({ length: TIME }, (_, t) => Number(t < length)),
    );
    return normal([BATCH, TIME, INPUTS], 1).add(4).mul(tf.tensor2d(marks).expandDims(2));
  });
}

/** A loss over the mean of so many examples. */
interface Part {
  readonly loss: () => Scalar;
  readonly examples: number;
}

const meanOf = (make: () => Tensor) => (): Scalar =>
  tf.tidy(() => make().square().mean().asScalar());

/** A weight of q outputs and its bias as q×p. */
function matrixOf(q: number, kernel: Tensor, bias: Tensor | undefined): Matrix {
  const [W, b] = [kernel, bias].map((tensor) => tensor?.dataSync());
  if (W === undefined) throw new Error('expected a kernel');
  const p = W.length / q;
  return build(q, p + (b === undefined ? 0 : 1), (i, j) => (j < p ? W[j * q + i] : (b?.[i] ?? 0)));
}

/** The rows as they are shown. */
function shown(rows: Rows<'float32'>): Matrix {
  const strips: Matrix[] = [];
  rows.visit((strip) => {
    const read = rows.backend.readSync?.(strip);
    if (read === undefined) throw new Error('expected a backend that reads at once');
    strips.push(convert(read, 'float64'));
  });
  const lines = strips.flatMap((strip) =>
    Array.from({ length: strip.rows }, (_, i) => ({ strip, i })),
  );
  return build(lines.length, rows.cols, (i, j) => lines[i].strip.at(lines[i].i, j));
}

/** What a step ought to subtract from a block, and how far off it may be. */
interface Expected {
  readonly weight: string;
  readonly bias: string | undefined;
  readonly P: Matrix;
  readonly tolerance: number;
}

/** P of every block by its definition, of captured rows whose examples `orders` tell. */
function expectedSteps(parts: readonly Part[], orders: readonly Order[]): Expected[] {
  const backend = tfjsBackend(tf);
  const made: { dispose(): void }[] = [];
  const all = parts.reduce((sum, { examples }) => sum + examples, 0);
  const captures = parts.map(({ loss }) => captureGradients(tf, loss, undefined, EVERYTHING));
  const blocks = joinedBlocks(captures.map((one) => one.blocks));
  expect(blocks.length).toBe(orders.length);
  const steps = blocks.map((block, index): Expected => {
    const { weight, bias } = block;
    const rows = rowsOf({ tf, backend }, block, made);
    if (rows?.D === undefined) throw new Error('expected rows');
    const [X, D] = [shown(rows.X), map(shown(rows.D), (d) => d * all)];
    const [A, B] = [X, D].map((M) => secondMoment(meansOf(linesOf(M, orders[index])), 1));
    const G = captures
      .map(({ grads }, k) =>
        map(
          matrixOf(D.cols, grads[weight], bias === undefined ? undefined : grads[bias]),
          (g) => (parts[k].examples / all) * g,
        ),
      )
      .reduce((sum, own) => combine(1, sum, 1, own));
    const root = Math.sqrt(LAMBDA);
    const P = product(
      product(dampedInverse(B, root), 'N', G, 'N'),
      'N',
      dampedInverse(A, root),
      'N',
    );
    const condition = (1 + norm(A) / root) * (1 + norm(B) / root);
    const terms = X.rows + X.cols + D.cols;
    const tolerance = (C_INVERSE * terms * EPSILON.float32 * condition * norm(G)) / LAMBDA;
    return { weight, bias, P, tolerance };
  });
  for (const one of made) one.dispose();
  for (const { blocks: own, grads, value } of captures) {
    disposeCaptured(own);
    tf.dispose([grads, value]);
  }
  backend.dispose();
  return steps;
}

/** Takes a step over micro-batches, of which there may be one. */
function take(parts: readonly Part[]): void {
  const optimizer = skfac(tf, {
    learningRate: 1,
    momentum: 0,
    klClip: 'none',
    damping: LAMBDA,
    observeEvery: 1,
    refreshEvery: 1,
  });
  const all = parts.reduce((sum, { examples }) => sum + examples, 0);
  const computed = parts.map(({ loss }) => optimizer.computeGradients(loss));
  const [{ grads: first }] = computed;
  const mean: NamedTensorMap = Object.fromEntries(
    Object.keys(first).map((name) => [
      name,
      tf.tidy(() =>
        tf.addN(computed.map(({ grads }, k) => grads[name].mul(parts[k].examples / all))),
      ),
    ]),
  );
  optimizer.applyGradients(mean);
  tf.dispose([mean, ...computed.map(({ grads, value }) => ({ ...grads, value }))]);
  optimizer.dispose();
}

/** The step that is taken must be the one of the definition. */
function expectStep(parts: readonly Part[], orders: readonly Order[]): void {
  const steps = expectedSteps(parts, orders);
  const before = steps.map(current);
  take(parts);
  steps.forEach((step, k) => {
    const { weight, P, tolerance } = step;
    const change = combine(1, before[k], -1, current(step));
    const store = EPSILON.float32 * (norm(before[k]) + norm(P));
    expect(distance(change, P), weight).toBeLessThanOrEqual(tolerance + store);
  });
}

/** The weight and the bias of a block as they are. */
function current({ weight, bias, P }: Expected): Matrix {
  const b = bias === undefined ? undefined : variableOf(tf, bias);
  return matrixOf(P.rows, variableOf(tf, weight), b);
}

/** A model of one layer under a mask. */
function masked(layer: Layer): ReturnType<typeof tf.sequential> {
  return tf.sequential({
    layers: [tf.layers.masking({ inputShape: [TIME, INPUTS] }), layer],
  });
}

const seeded = (seed: number) => ({
  kernelInitializer: tf.initializers.glorotNormal({ seed }),
  recurrentInitializer: tf.initializers.glorotNormal({ seed: seed + 1 }),
});

const denseLayer = () =>
  tf.layers.dense({ units: UNITS, kernelInitializer: tf.initializers.glorotNormal({ seed: 3 }) });

onBackends(['wasm', 'cpu'], () => {
  describe.each([
    ['simpleRNN', tf.layers.simpleRNN],
    ['lstm', tf.layers.lstm],
    ['gru', tf.layers.gru],
  ] as const)('%s', (_, make) => {
    test.each([false, true])(
      'the steps of a sequence are one example, goBackwards %s',
      (goBackwards) => {
        const layer = make({ units: UNITS, goBackwards, returnSequences: true, ...seeded(1) });
        const x = normal([BATCH, TIME, INPUTS], 1);
        outputOf(layer, x).dispose();
        const loss = meanOf(() => outputOf(layer, x));
        expectStep([{ loss, examples: BATCH }], [stepByStep, stepByStep]);
        x.dispose();
        layer.dispose();
      },
    );
  });

  test.each([
    ['simpleRNN', tf.layers.simpleRNN, UNMASKED_STEPS],
    // Its recurrent kernel is used twice in each step.
    ['gru', tf.layers.gru, UNMASKED_TWICE],
  ] as const)(
    'the steps that a mask leaves of a sequence are one example: %s',
    (_, make, recurrent) => {
      const model = masked(make({ units: UNITS, returnSequences: true, ...seeded(5) }));
      const x = padded();
      const loss = meanOf(() => outputOf(model, x));
      expectStep([{ loss, examples: BATCH }], [listed(UNMASKED_STEPS), listed(recurrent)]);
      x.dispose();
      model.dispose();
    },
  );

  test('the tokens that a mask leaves of a sequence are one example', () => {
    const model = masked(denseLayer());
    const x = padded();
    const loss = meanOf(() => outputOf(model, x));
    expectStep([{ loss, examples: BATCH }], [listed(UNMASKED)]);
    x.dispose();
    model.dispose();
  });

  test.each([[], [TIME]])('a layer that is used twice sees each example twice, %#', (...time) => {
    const layer = denseLayer();
    const [x, y] = [1, 2].map((seed) => normal([BATCH, ...time, INPUTS], seed));
    outputOf(layer, x).dispose();
    const loss = meanOf(() => outputOf(layer, x).mul(outputOf(layer, y)));
    const [each = 1] = time;
    const order: Order = (row) => Math.floor((row % (BATCH * each)) / each);
    expectStep([{ loss, examples: BATCH }], [order]);
    tf.dispose([x, y]);
    layer.dispose();
  });

  test('batches of other sizes within one loss are of other examples', () => {
    const layer = denseLayer();
    const [x, y] = [BATCH, 2 * BATCH].map((rows, seed) => normal([rows, INPUTS], seed));
    outputOf(layer, x).dispose();
    const loss = () =>
      tf.tidy(() =>
        outputOf(layer, x).square().mean().add(outputOf(layer, y).square().mean()).asScalar(),
      );
    expectStep([{ loss, examples: BATCH }], [(row) => row]);
    tf.dispose([x, y]);
    layer.dispose();
  });

  test('sequences of micro-batches of other lengths are one example each', () => {
    const layer = denseLayer();
    const shapes = [
      [2, 3],
      [1, 6],
      [3, 2],
    ] as const;
    const inputs = shapes.map(([batch, time], seed) => normal([batch, time, INPUTS], seed));
    outputOf(layer, inputs[0]).dispose();
    const parts = inputs.map((x, k) => ({
      loss: meanOf(() => outputOf(layer, x)),
      examples: shapes[k][0],
    }));
    expectStep(parts, [listed([0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5])]);
    tf.dispose(inputs);
    layer.dispose();
  });
});

// The wasm backend of TensorFlow.js lacks the gradients of these.
onBackends(['cpu'], () => {
  test('the words that a mask leaves of a text are one example', () => {
    const layer = tf.layers.embedding({
      inputDim: 6,
      outputDim: UNITS,
      maskZero: true,
      embeddingsInitializer: tf.initializers.randomNormal({ seed: 1 }),
    });
    const words = tf.tensor2d(
      LENGTHS.map((length, b) =>
        Array.from({ length: TIME }, (_, t) => (t < length ? 1 + ((b + 2 * t) % 5) : 0)),
      ),
    );
    outputOf(layer, words).dispose();
    const loss = meanOf(() => outputOf(layer, words));
    expectStep([{ loss, examples: BATCH }], [listed(UNMASKED)]);
    words.dispose();
    layer.dispose();
  });

  test('the positions of an image are one example, in all uses of a kernel', () => {
    const layer = tf.layers.conv2d({
      filters: UNITS,
      kernelSize: 2,
      kernelInitializer: tf.initializers.glorotNormal({ seed: 2 }),
    });
    const [x, y] = [1, 2].map((seed) => normal([BATCH, 3, 4, INPUTS], seed));
    outputOf(layer, x).dispose();
    const loss = meanOf(() => outputOf(layer, x).mul(outputOf(layer, y)));
    expectStep([{ loss, examples: BATCH }], [(row) => Math.floor(row / 6) % BATCH]);
    tf.dispose([x, y]);
    layer.dispose();
  });

  test('the channels and positions of an image are one example of a depthwise kernel', () => {
    const layer = tf.layers.depthwiseConv2d({
      kernelSize: 2,
      depthwiseInitializer: tf.initializers.glorotNormal({ seed: 2 }),
      useBias: false,
    });
    const x = normal([BATCH, 3, 4, 2], 1);
    outputOf(layer, x).dispose();
    const loss = meanOf(() => outputOf(layer, x));
    expectStep([{ loss, examples: BATCH }], [(row) => Math.floor(row / 12)]);
    x.dispose();
    layer.dispose();
  });
});
