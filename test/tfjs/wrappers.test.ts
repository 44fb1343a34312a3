// Layers inside wrappers, nested models and loops of one's own: seen whoever calls them, once a use.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { nysact } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { dense, layerWeights, meanSquare, outputOf } from './models.js';
import { expectProducts, products } from './products.js';

type Layer = InstanceType<typeof tf.layers.Layer>;

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** A wrapper of one's own, which calls its layer twice. */
class Twice extends tf.layers.Layer {
  static readonly className = 'Twice';
  readonly layer: Layer;

  constructor(layer: Layer) {
    super({});
    this.layer = layer;
  }

  override build(shape: number[]): void {
    this.layer.build(shape);
    super.build(shape);
  }

  override call(inputs: Tensor | Tensor[]): Tensor | Tensor[] {
    return this.layer.call(this.layer.call(inputs, {}), {});
  }
}

onBackends(['wasm', 'cpu'], () => {
  describe('XᵀD is the gradient of what is inside', () => {
    test('a TimeDistributed dense layer, a use a time step', () => {
      const layer = tf.layers.timeDistributed({
        layer: tf.layers.dense({ units: 3, activation: 'tanh' }),
      });
      const x = normal([4, 5, 6], 1);
      outputOf(layer, x).dispose();
      expect(expectProducts(meanSquare(layer, x))).toEqual([[20, 6, 20, 3, 4]]);
      x.dispose();
      layer.dispose();
    });

    test('a TimeDistributed model of dense layers, one of them frozen', () => {
      const inner = tf.sequential({ layers: [dense(4, 1, [6]), dense(4, 2), dense(2, 3)] });
      const layer = tf.layers.timeDistributed({ layer: inner });
      const x = normal([4, 5, 6], 2);
      outputOf(layer, x).dispose();
      // Building a model makes all of it trainable.
      inner.layers[1].trainable = false;
      expect(expectProducts(meanSquare(layer, x))).toEqual([
        [20, 6, 20, 4, 4],
        [20, 4, 20, 2, 4],
      ]);
      x.dispose();
    });

    test('a model inside a model, shared by two branches', () => {
      const inner = tf.sequential({ layers: [dense(4, 1, [6])] });
      const inputs = [tf.input({ shape: [6] }), tf.input({ shape: [6] })];
      const outputs = inputs.map((input) => {
        const output = inner.apply(input);
        if (!(output instanceof tf.SymbolicTensor)) throw new Error('expected one symbol');
        return output;
      });
      const model = tf.model({ inputs, outputs });
      const [a, b] = [normal([4, 6], 1), normal([4, 6], 2)];
      const loss = () => {
        const given = model.apply([a, b]);
        if (!Array.isArray(given)) throw new Error('expected two outputs');
        return tf
          .addN(given.filter((one) => one instanceof tf.Tensor))
          .square()
          .mean()
          .asScalar();
      };
      expect(expectProducts(loss)).toEqual([[8, 6, 8, 4, 4]]);
      tf.dispose([a, b]);
      model.dispose();
    });

    test("a wrapper of one's own, a use a call", () => {
      const layer = new Twice(dense(6, 3));
      const x = normal([4, 6], 3);
      outputOf(layer, x).dispose();
      expect(products(meanSquare(layer, x))).toMatchObject([
        { kind: 'dense', shapes: [8, 6, 8, 6, 4] },
      ]);
      x.dispose();
    });
  });

  test('a TimeDistributed dense layer takes the steps of a dense one, and is reported so', () => {
    const [wrapped, plain] = [true, false].map((wraps) => {
      const inner = dense(3, 1);
      const layer = wraps ? tf.layers.timeDistributed({ layer: inner }) : inner;
      const model = tf.sequential({
        layers: [tf.layers.inputLayer({ inputShape: [5, 6] }), layer],
      });
      const optimizer = nysact(tf, {
        rank: 2,
        observeEvery: 1,
        refreshEvery: 2,
        learningRate: 0.1,
      });
      const x = normal([4, 5, 6], 4);
      const before = optimizer.report(model);
      for (let k = 0; k < 5; k++) optimizer.minimize(meanSquare(model, x));
      const kinds = optimizer.report(model).map(({ kind, reason }) => kind ?? reason);
      expect(before.map(({ kind }) => kind)).toEqual(kinds);
      expect(kinds).toEqual(['dense', 'dense']);
      const weights = layerWeights(model).flat();
      x.dispose();
      for (const one of [model, optimizer]) one.dispose();
      return weights;
    });
    // The rows come in another order, so the sums round differently: 5 steps of m = 20 rows.
    wrapped.forEach((weight, i) => {
      expect(Math.abs(weight - plain[i])).toBeLessThanOrEqual(5 * 20 * 2 ** -23);
    });
  });
});
