// A kind of layer of one's own: preconditioned as the others are, once it is in the table.

import type { LayerVariable, Tensor } from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import {
  kfac,
  type Layer,
  type LayerKind,
  nysact,
  positionRows,
  registerKind,
  type TappedLayer,
} from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { dense, meanSquare, outputOf, weightsOf } from './models.js';
import { products } from './products.js';

/** Kinds are kept for what is handed in: this leaves the others' alone. */
const own = { ...tf };

interface Scores extends TappedLayer {
  readonly queries: LayerVariable;
}

/** The softmax of x·Q, where Q has the length of x in rows: no class of TensorFlow.js computes so. */
class ScoresLayer extends tf.layers.Layer implements Scores {
  static readonly className: string = 'Scores';
  #queries: LayerVariable | undefined;

  get queries(): LayerVariable {
    if (this.#queries === undefined) throw new Error('expected to be built');
    return this.#queries;
  }

  override build(shape: number[]): void {
    const initializer = tf.initializers.glorotNormal({ seed: 1 });
    this.#queries = this.addWeight('queries', [shape[shape.length - 1], 3], 'float32', initializer);
    super.build(shape);
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    const [x] = Array.isArray(inputs) ? inputs : [inputs];
    const [batch, features] = x.shape;
    return tf.tidy(() =>
      tf.matMul(tf.reshape(x, [batch, features]), tf.reshape(this.queries.read(), [features, 3])),
    );
  }

  override computeOutputShape([batch]: number[]): number[] {
    return [batch, 3];
  }
}

/** A class that computes through the one that it extends. */
class ScaledScores extends ScoresLayer {
  static override readonly className = 'ScaledScores';

  override call(inputs: Tensor | Tensor[]): Tensor {
    return super.call(inputs);
  }
}

function kindOf(name: string, make: () => Layer): LayerKind<Scores> {
  return {
    name,
    sample: make,
    fits: (layer): layer is Scores => 'queries' in layer,
    block: ({ queries }) => ({ weight: queries, bias: undefined, layout: 'columns' }),
    rows: (host, _, input, bias, mask) => positionRows(host, input, bias, mask),
    gradientRows: (host, _, dy, mask) => positionRows(host, dy, false, mask),
  };
}

const scores = kindOf('scores', () => new ScoresLayer({}));

onBackends(['wasm'], () => {
  test('it is preconditioned from then on, by optimizers that are there too', () => {
    const model = tf.sequential({ layers: [dense(4, 1, [5]), new ScoresLayer({})] });
    const x = tf.randomNormal([6, 5], 0, 1, 'float32', 2);
    const optimizer = kfac(own, { observeEvery: 1, refreshEvery: 1, learningRate: 0.05 });
    optimizer.minimize(meanSquare(model, x));
    const kinds = () => optimizer.report(model).map(({ kind, reason }) => kind ?? reason);
    expect(kinds()).toEqual(['dense', 'dense', 'no kind of layer is known for Scores']);
    registerKind(own, scores);
    for (let k = 0; k < 3; k++) optimizer.minimize(meanSquare(model, x));
    expect(kinds()).toEqual(['dense', 'dense', 'scores']);
    expect(products(meanSquare(model, x), { using: own }).at(-1)).toMatchObject({
      kind: 'scores',
      shapes: [6, 4, 6, 3, 6],
    });
    x.dispose();
    for (const one of [model, optimizer]) one.dispose();
  });

  test('it takes the steps of a dense layer without a bias', () => {
    const [mine, plain] = [() => new ScoresLayer({}), () => dense(3, 1)].map((make) => {
      const layer = make();
      Reflect.set(layer, 'useBias', false);
      const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: [5] }), layer] });
      const x = tf.randomNormal([6, 5], 0, 1, 'float32', 2);
      const optimizer = nysact(own, {
        rank: 2,
        observeEvery: 1,
        refreshEvery: 2,
        learningRate: 0.1,
      });
      for (let k = 0; k < 5; k++) optimizer.minimize(meanSquare(model, x));
      const weights = weightsOf(model);
      x.dispose();
      for (const one of [model, optimizer]) one.dispose();
      return weights;
    });
    expect(mine).toEqual(plain);
  });

  test('a class that computes through one of a kind is counted once', () => {
    registerKind(
      own,
      kindOf('scaledScores', () => new ScaledScores({})),
    );
    const layer = new ScaledScores({});
    const x = tf.randomNormal([6, 5], 0, 1, 'float32', 3);
    outputOf(layer, x).dispose();
    expect(products(meanSquare(layer, x), { using: own })).toMatchObject([
      { kind: 'scaledScores', shapes: [6, 5, 6, 3, 6] },
    ]);
    x.dispose();
    layer.dispose();
  });

  test('a name that is there is refused, and so is what is no kind', () => {
    registerKind(own, { ...scores, name: 'once' });
    expect(() => registerKind(own, { ...scores, name: 'once' })).toThrow(
      /registerKind: there is a kind 'once', expected another name than dense, conv1d/,
    );
    expect(() => registerKind(own, { ...scores, name: 'dense' })).toThrow(RangeError);
    const odd = new ScoresLayer({});
    Reflect.set(odd, 'call', () => tf.scalar(1));
    expect(() => registerKind(own, { ...scores, name: 'twice', sample: () => odd })).toThrow(
      /registerKind: what sample gives is .*, expected a layer whose class has a method call/,
    );
    registerKind(own, { ...scores, name: 'twice' });
  });
});
