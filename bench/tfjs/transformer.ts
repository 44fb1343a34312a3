// A small vision transformer: patches of images as tokens, classified.

import type { LayersModel, Scalar, SymbolicTensor, Tensor } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';

const TOKENS = 64;
const FEATURES = 48;
const WIDTH = 64;
const HEADS = 4;
const CLASSES = 10;

/** What a step of training takes. */
export interface TransformerTask {
  readonly model: LayersModel;
  readonly x: Tensor;
  readonly y: Tensor;
  /** The cross entropy of the batch, for tf.variableGrads or an optimizer's minimize. */
  loss(): Scalar;
  dispose(): void;
}

/** The model with random weights, on the backend that is current, and a random batch. */
export function transformerTask({ batch = 32, blocks = 2 } = {}): TransformerTask {
  const model = transformer(blocks);
  const x = tf.randomNormal([batch, TOKENS, FEATURES], 0, 1, 'float32', 1);
  const y = tf.tidy(() =>
    tf.oneHot(tf.randomUniform([batch], 0, CLASSES, 'float32', 2).toInt(), CLASSES).toFloat(),
  );
  return {
    model,
    x,
    y,
    loss() {
      const logits = model.apply(x, { training: true });
      if (!(logits instanceof tf.Tensor)) throw new TypeError('transformerTask: no logits');
      return tf.losses.softmaxCrossEntropy(y, logits).asScalar();
    },
    dispose() {
      model.dispose();
      tf.dispose([x, y]);
    },
  };
}

/** Blocks of attention and of two dense layers, each behind a normalisation and beside what it adds to. */
function transformer(blocks: number): LayersModel {
  const input = tf.input({ shape: [TOKENS, FEATURES] });
  let tokens = dense(input, WIDTH);
  for (let i = 0; i < blocks; i++) {
    const attended = new Attention().apply(dense(normalised(tokens), 3 * WIDTH));
    tokens = sum(tokens, dense(symbolic(attended), WIDTH));
    const hidden = dense(normalised(tokens), 4 * WIDTH, 'relu');
    tokens = sum(tokens, dense(hidden, WIDTH));
  }
  const pooled = tf.layers.globalAveragePooling1d({}).apply(normalised(tokens));
  return tf.model({ inputs: input, outputs: dense(symbolic(pooled), CLASSES) });
}

function dense(input: SymbolicTensor, units: number, activation?: 'relu'): SymbolicTensor {
  return symbolic(tf.layers.dense({ units, ...(activation && { activation }) }).apply(input));
}

function normalised(input: SymbolicTensor): SymbolicTensor {
  return symbolic(tf.layers.layerNormalization().apply(input));
}

function sum(...terms: SymbolicTensor[]): SymbolicTensor {
  return symbolic(tf.layers.add().apply(terms));
}

function symbolic(result: Tensor | Tensor[] | SymbolicTensor | SymbolicTensor[]): SymbolicTensor {
  if (!(result instanceof tf.SymbolicTensor)) throw new TypeError('transformer: not one layer');
  return result;
}

/** Multi-head attention: queries, keys and values side by side, [batch, tokens, 3·width] → [batch, tokens, width]. */
class Attention extends tf.layers.Layer {
  static readonly className = 'Attention';

  override computeOutputShape(): [null, number, number] {
    return [null, TOKENS, WIDTH];
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => {
      const [joined] = [inputs].flat();
      const size = WIDTH / HEADS;
      const [queries, keys, values] = tf.unstack(
        joined.reshape([-1, TOKENS, 3, HEADS, size]).transpose([2, 0, 3, 1, 4]),
      );
      const scores = tf.matMul(queries, keys, false, true).mul(1 / Math.sqrt(size));
      const mixed = tf.matMul(tf.softmax(scores), values);
      return mixed.transpose([0, 2, 1, 3]).reshape([-1, TOKENS, WIDTH]);
    });
  }
}
