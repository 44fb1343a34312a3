// A small vision transformer: patches of an image as tokens, classified.

import type { LayersModel, SymbolicTensor, Tensor } from '@tensorflow/tfjs';
import { classes } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { applied, seeds } from './layers.js';

const TOKENS = 64;
const WIDTH = 64;
const HEADS = 4;
const BLOCKS = 2;

/** The shape of an input: 4×4 pixels of three colours a token. */
export const transformerInput: readonly number[] = [TOKENS, 48];

/**
 * Two blocks of attention and of two dense layers, each behind a normalisation and beside what it adds to.
 * Tokens have no positions, which cost nothing.
 */
export function transformer(tf: TensorFlow, seed: number): LayersModel {
  const { layers, initializers } = tf;
  const kernelInitializer = seeds(seed, (own) => initializers.glorotUniform({ seed: own }));
  const dense = (x: SymbolicTensor, units: number, activation: 'linear' | 'relu' = 'linear') =>
    applied(layers.dense({ units, activation, kernelInitializer: kernelInitializer() }), x);
  const normalised = (x: SymbolicTensor) => applied(layers.layerNormalization(), x);
  const sum = (...terms: SymbolicTensor[]) => applied(layers.add(), terms);
  const Attention = attentionOf(tf);

  const input = tf.input({ shape: [...transformerInput] });
  let tokens = dense(input, WIDTH);
  for (let block = 0; block < BLOCKS; block++) {
    const attended = applied(new Attention(), dense(normalised(tokens), 3 * WIDTH));
    tokens = sum(tokens, dense(attended, WIDTH));
    const hidden = dense(normalised(tokens), 4 * WIDTH, 'relu');
    tokens = sum(tokens, dense(hidden, WIDTH));
  }
  const pooled = applied(layers.globalAveragePooling1d({}), normalised(tokens));
  return tf.model({ inputs: input, outputs: dense(pooled, classes) });
}

/** Attention of several heads. */
function attentionOf(tf: TensorFlow) {
  /** Queries, keys and values side by side: [batch, tokens, 3·width] → [batch, tokens, width]. */
  return class Attention extends tf.layers.Layer {
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
  };
}
