// Which layers are preconditioned, which are not, and what the report says of every variable.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { preconditionedBy } from '../../src/optimize/preconditioned.js';
import {
  adam,
  foof,
  kfac,
  makeOptimizer,
  nysact,
  sgd,
  type TfjsOptimizer,
  type VariableReport,
} from '../../src/tfjs/index.js';
import { oneSidedMethod } from '../precondition/one-sided-method.js';
import { onBackends, tf } from './backends.js';
import {
  clouds,
  crossEntropy,
  dense,
  layerWeights,
  meanSquare,
  outputOf,
  perceptron,
} from './models.js';

type Layer = InstanceType<typeof tf.layers.Layer>;

const OPTIONS = { rank: 2, observeEvery: 1, refreshEvery: 2, learningRate: 0.01 } as const;

/** The class of dense layers, which tf.layers.dense makes. */
const DenseClass: new (options: { units: number; inputShape: number[] }) => Layer =
  Object.getPrototypeOf(tf.layers.dense({ units: 1 })).constructor;

/** A layer of one's own that has the name of a dense one, and no activation. */
class Named extends tf.layers.Layer {
  static readonly className = 'Dense';
  #kernel: ReturnType<Layer['addWeight']> | undefined;

  override build(shape: number[]): void {
    const ones = tf.initializers.ones();
    this.#kernel = this.addWeight('kernel', [shape[1], 2], 'float32', ones);
    super.build(shape);
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    const [x] = Array.isArray(inputs) ? inputs : [inputs];
    if (this.#kernel === undefined) throw new Error('expected to be built');
    return tf.matMul(x, this.#kernel.read());
  }

  override computeOutputShape(shape: number[]): number[] {
    return [shape[0], 2];
  }
}

/** What is reported of each variable: its kind, or the reason. */
function told(report: readonly VariableReport[]): (string | undefined)[] {
  return report.map(({ kind, reason }) => kind ?? reason);
}

/** Takes some steps on the model's mean square, and gives the losses. */
function losses(optimizer: TfjsOptimizer, model: Layer, x: Tensor, steps = 6): number[] {
  return Array.from({ length: steps }, () => {
    const value = optimizer.minimize(meanSquare(model, x), true);
    const [loss] = value?.dataSync() ?? [];
    value?.dispose();
    return loss;
  });
}

onBackends(['wasm', 'cpu'], () => {
  test('a layer that is not known trains without being preconditioned, whatever its class name', () => {
    const model = tf.sequential({
      layers: [tf.layers.inputLayer({ inputShape: [2] }), new Named({})],
    });
    const reasons = ['no kind of layer is known for Dense'];
    const x = tf.randomNormal([3, 2], 0, 1, 'float32', 5);
    for (const make of [() => nysact(tf, OPTIONS), () => kfac(tf, { learningRate: 0.01 })]) {
      const optimizer = make();
      expect(told(optimizer.report(model))).toEqual(reasons);
      const [first, ...rest] = losses(optimizer, model, x);
      expect(rest.at(-1)).toBeLessThan(first);
      expect(told(optimizer.report(model))).toEqual(reasons);
      expect(optimizer.diagnostics).toEqual([]);
      optimizer.dispose();
    }
    x.dispose();
    model.dispose();
  });

  test.each([
    ['as a dense one does', false, 'dense'],
    ['in a way of its own', true, 'no kind of layer is known for Mine'],
  ])('a class that extends Dense and computes %s', (_, overrides, expected) => {
    class Mine extends DenseClass {
      static readonly className = 'Mine';
    }
    if (overrides) {
      Mine.prototype.call = function (this: Layer, ...args: Parameters<Layer['call']>) {
        return DenseClass.prototype.call.apply(this, args);
      };
    }
    const model = tf.sequential({ layers: [new Mine({ units: 3, inputShape: [6] })] });
    const { x, y } = clouds(9);
    const optimizer = nysact(tf, OPTIONS);
    losses(optimizer, model, x, 2);
    expect(told(optimizer.report(model))).toEqual([expected, expected]);
    expect(optimizer.diagnostics).toHaveLength(overrides ? 0 : 1);
    tf.dispose([x, y]);
    for (const one of [model, optimizer]) one.dispose();
  });

  test('a method that looks at gradients alone is told the layers too', () => {
    const [model, { x, y }] = [perceptron(), clouds(9)];
    const transform = preconditionedBy(oneSidedMethod(1), { learningRate: 0.01 });
    const optimizer = makeOptimizer(tf, transform, { className: 'OneSided' });
    losses(optimizer, model, x, 2);
    expect(new Set(told(optimizer.report(model)))).toEqual(new Set(['dense']));
    expect(optimizer.diagnostics).toHaveLength(3);
    tf.dispose([x, y]);
    for (const one of [model, optimizer]) one.dispose();
  });

  test('the report names every variable of nested models, and why it is not preconditioned', () => {
    const inner = tf.sequential({ layers: [dense(4, 1, [6]), dense(4, 2)] });
    const model = tf.sequential({
      layers: [inner, tf.layers.batchNormalization(), dense(3, 3)],
    });
    inner.layers[1].trainable = false;
    const { x, y } = clouds(9);
    const optimizer = nysact(tf, OPTIONS);
    const expected = [
      'dense',
      'dense',
      'the layer is frozen',
      'the layer is frozen',
      ...Array.from(
        { length: 2 },
        () => 'BatchNormalization scales and shifts each feature alone, and trains with the rest',
      ),
      'it is not trained',
      'it is not trained',
      'dense',
      'dense',
    ];
    expect(told(optimizer.report(model))).toEqual(expected);
    losses(optimizer, model, x, 1);
    const report = optimizer.report(model);
    expect(told(report)).toEqual(expected);
    expect(report.map(({ variable }) => variable)).toEqual(
      model.layers.flatMap(({ weights }) => weights.map(({ name }) => name)),
    );
    const plain = sgd(tf);
    expect(new Set(told(plain.report(model)))).toEqual(
      new Set(['the optimizer preconditions nothing']),
    );
    for (const none of ['{}', '{"weights": 5}']) {
      expect(() => plain.report(JSON.parse(none))).toThrow(/report: model is .*a model or a layer/);
    }
    tf.dispose([x, y]);
    for (const one of [model, optimizer, plain]) one.dispose();
  });

  test('after a step, the line of a weight has p, q, the rank and the bytes of what is kept', () => {
    const [model, { x, y }] = [perceptron(), clouds(9)];
    const [optimizer, exact] = [nysact(tf, OPTIONS), foof(tf, { learningRate: 0.01 })];
    expect(optimizer.report(model).map(({ bytes }) => bytes)).toEqual(
      model.weights.map(() => undefined),
    );
    for (const one of [optimizer, exact]) losses(one, model, x, 1);
    const lines = (one: TfjsOptimizer) =>
      one
        .report(model)
        .flatMap(({ inputs, outputs, rank, bytes }) =>
          inputs === undefined ? [] : [{ inputs, outputs, rank, bytes }],
        );
    // The perceptron has 6 → 8 → 5 → 3 units, of which the second layer has no bias.
    expect(lines(optimizer)).toMatchObject([
      { inputs: 7, outputs: 8, rank: 2 },
      { inputs: 8, outputs: 5, rank: 2 },
      { inputs: 6, outputs: 3, rank: 2 },
    ]);
    expect(lines(exact)).toMatchObject([
      { inputs: 7, outputs: 8, rank: undefined, bytes: 4 * 2 * 7 ** 2 },
      { inputs: 8, outputs: 5, rank: undefined, bytes: 4 * 2 * 8 ** 2 },
      { inputs: 6, outputs: 3, rank: undefined, bytes: 4 * 2 * 6 ** 2 },
    ]);
    const bytes = lines(optimizer).reduce((sum, line) => sum + (line.bytes ?? 0), 0);
    // Three matrices of p×r a layer, and a trace.
    expect(bytes).toBe(4 * (3 * 2 * (7 + 8 + 6) + 3));
    tf.dispose([x, y]);
    for (const one of [model, optimizer, exact]) one.dispose();
  });

  test.each([
    ['the same bias', true, ['dense', 'dense']],
    ['a bias each', false, ['dense', 'layers share its weight, and have a bias each']],
  ])('two layers with one kernel and %s are preconditioned as one', (_, sameBias, kinds) => {
    const [first, second] = [dense(4, 1, [4]), dense(4, 2, [4])];
    const x = tf.randomNormal([6, 4], 0, 1, 'float32', 3);
    tf.dispose([outputOf(first, x), outputOf(second, x)]);
    Reflect.set(second, 'kernel', Reflect.get(first, 'kernel'));
    if (sameBias) Reflect.set(second, 'bias', Reflect.get(first, 'bias'));
    const optimizer = nysact(tf, OPTIONS);
    const loss = () => outputOf(second, outputOf(first, x)).square().mean().asScalar();
    const before = tf.tidy(() => loss().dataSync()[0]);
    for (let k = 0; k < 5; k++) optimizer.minimize(loss);
    expect(tf.tidy(() => loss().dataSync()[0])).toBeLessThan(before);
    expect(optimizer.diagnostics).toHaveLength(1);
    expect(told(optimizer.report(first))).toEqual(kinds);
    x.dispose();
    optimizer.dispose();
  });

  describe('layers that are built inside a step are taken in:', () => {
    const makers: readonly (readonly [string, () => TfjsOptimizer])[] = [
      ['sgd', () => sgd(tf, { momentum: 0.9, learningRate: 0.01 })],
      ['adam', () => adam(tf)],
      ['nysact', () => nysact(tf, OPTIONS)],
      ['kfac', () => kfac(tf, { observeEvery: 2, refreshEvery: 4, learningRate: 0.01 })],
    ];
    test.each(makers)('%s', (name, make) => {
      const [x, later] = [tf.randomNormal([9, 6], 0, 1, 'float32', 4), dense(3, 8)];
      const early = tf.sequential({ layers: [dense(4, 7, [6])] });
      const optimizer = make();
      const loss = () => outputOf(later, outputOf(early, x)).square().mean().asScalar();
      optimizer.minimize(loss);
      const untouched = layerWeights(later);
      for (let k = 0; k < 5; k++) optimizer.minimize(loss);
      expect(layerWeights(later)).not.toEqual(untouched);
      expect(optimizer.iterations).toBe(6);
      const [a, b] = [optimizer.report(early), optimizer.report(later)].map(told);
      const known = name === 'sgd' || name === 'adam';
      const expected = known ? 'the optimizer preconditions nothing' : 'dense';
      expect([...a, ...b]).toEqual(Array.from({ length: 4 }, () => expected));
      expect(optimizer.diagnostics).toHaveLength(known ? 0 : 2);
      x.dispose();
      for (const one of [early, later, optimizer]) one.dispose();
    });
  });

  test('what is taken in later leaves the rest as it was', () => {
    const [alone, grown] = [0, 1].map((extra) => {
      const [model, other] = [perceptron(), tf.sequential({ layers: [dense(2, 5, [6])] })];
      const data = clouds(12);
      const optimizer = nysact(tf, { ...OPTIONS, momentum: 0.9 });
      const own = crossEntropy(model, data);
      const both = () => own().add(meanSquare(other, data.x)()).asScalar();
      for (let k = 0; k < 3; k++) optimizer.minimize(own);
      for (let k = 0; k < 4; k++) optimizer.minimize(extra === 1 ? both : own);
      const weights = model.layers.map((layer) => layerWeights(layer));
      tf.dispose([data.x, data.y]);
      for (const one of [model, other, optimizer]) one.dispose();
      return weights;
    });
    expect(grown).toEqual(alone);
  });

  test('a set of variables that shrinks gets a message with the way out', () => {
    const [model, optimizer] = [perceptron(), sgd(tf)];
    const data = clouds(9);
    const loss = crossEntropy(model, data);
    optimizer.minimize(loss);
    const [{ name }] = model.layers[2].weights;
    const { registeredVariables } = tf.engine();
    const few = tf.variableGrads(
      loss,
      model.layers[0].trainableWeights.map((weight) => registeredVariables[weight.name]),
    );
    expect(() => optimizer.applyGradients(few.grads)).toThrow(
      new RegExp(
        `applyGradients: no gradients of .*${name}.*an optimizer of its own, or call dispose\\(\\)`,
      ),
    );
    expect(optimizer.iterations).toBe(1);
    optimizer.dispose();
    optimizer.applyGradients(few.grads);
    expect(optimizer.iterations).toBe(1);
    tf.dispose([data.x, data.y, few.value]);
    tf.dispose(few.grads);
    for (const one of [model, optimizer]) one.dispose();
  });
});
