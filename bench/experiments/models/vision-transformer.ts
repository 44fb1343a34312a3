// A vision transformer: patches of an image as tokens, classified by a token of its own.

import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs';
import { fillUniform, foldIn, type RandomKey } from '../../../src/core/random.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import { applied } from '../../tfjs/layers.js';
import { initializersOf, type MakeNetwork, shapeOf } from './network.js';

/** The sizes of a vision transformer. */
export interface TransformerSize {
  readonly width: number;
  readonly heads: number;
  readonly blocks: number;
  /** Pixels a side of a patch. */
  readonly patch: number;
}

/**
 * Blocks of attention and of two dense layers, each behind a layer norm and beside what it adds to; queries, keys
 * and values are one dense layer, as are all that follow, so that all are preconditioned. Source: Dosovitskiy et
 * al. 2021 and, for the sizes, Touvron et al. 2021.
 */
export function visionTransformer({ width, heads, blocks, patch }: TransformerSize): MakeNetwork {
  return (tf, options) => {
    const { layers } = tf;
    const { narrow } = initializersOf(tf, options);
    const dense = (x: SymbolicTensor, units: number): SymbolicTensor =>
      applied(layers.dense({ units, kernelInitializer: narrow() }), x);
    const normalised = (x: SymbolicTensor) =>
      applied(layers.layerNormalization({ epsilon: 1e-6 }), x);
    const { Positions, Attention, Gelu, First, Branch } = layersOf(tf, heads);
    const { depth } = options;
    let branches = 0;
    /** Two branches make a block; the later one is, the more often it is left out. */
    const sum = (x: SymbolicTensor, branch: SymbolicTensor): SymbolicTensor => {
      const place = branches++;
      if (depth === undefined) return applied(layers.add(), [x, branch]);
      const probability = (depth.rate * Math.floor(place / 2)) / Math.max(blocks - 1, 1);
      const left = new Branch(probability, () => foldIn(depth.key(), place));
      return applied(layers.add(), [x, applied(left, branch)]);
    };

    const images = tf.input({ shape: shapeOf(options) });
    const patches = layers.conv2d({
      filters: width,
      kernelSize: patch,
      strides: patch,
      kernelInitializer: narrow(),
    });
    const count = (options.side / patch) ** 2;
    const flat = applied(layers.reshape({ targetShape: [count, width] }), applied(patches, images));
    let tokens = applied(new Positions(), flat);
    for (let block = 0; block < blocks; block++) {
      const attended = applied(new Attention(), dense(normalised(tokens), 3 * width));
      tokens = sum(tokens, dense(attended, width));
      const hidden = applied(new Gelu(), dense(normalised(tokens), 4 * width));
      tokens = sum(tokens, dense(hidden, width));
    }
    const classified = applied(new First(), normalised(tokens));
    return tf.model({ inputs: images, outputs: dense(classified, options.classes) });
  };
}

/** The layers that TensorFlow.js lacks. */
function layersOf(tf: TensorFlow, heads: number) {
  const sizes = (shape: Parameters<InstanceType<typeof tf.layers.Layer>['build']>[0]): number[] =>
    shape.flat().map(Number);

  /** A token of its own before the others, and a position for each. */
  class Positions extends tf.layers.Layer {
    static readonly className = 'Positions';

    override build(inputShape: Parameters<InstanceType<typeof tf.layers.Layer>['build']>[0]): void {
      const [, tokens, width] = sizes(inputShape);
      const initializer = tf.initializers.zeros();
      this.addWeight('token', [1, 1, width], 'float32', initializer);
      this.addWeight('positions', [1, tokens + 1, width], 'float32', initializer);
      super.build(inputShape);
    }

    override computeOutputShape(
      inputShape: Parameters<InstanceType<typeof tf.layers.Layer>['build']>[0],
    ): [null, number, number] {
      const [, tokens, width] = sizes(inputShape);
      return [null, tokens + 1, width];
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const [x] = [inputs].flat();
        const [token, positions] = this.trainableWeights.map((weight) => weight.read());
        const first = tf.tile(token, [x.shape[0], 1, 1]);
        return tf.add(tf.concat([first, x], 1), positions);
      });
    }
  }

  /** Queries, keys and values side by side: [batch, tokens, 3·width] → [batch, tokens, width]. */
  class Attention extends tf.layers.Layer {
    static readonly className = 'AttentionOfHeads';

    override computeOutputShape(
      inputShape: Parameters<InstanceType<typeof tf.layers.Layer>['build']>[0],
    ): [null, number, number] {
      const [, tokens, joined] = sizes(inputShape);
      return [null, tokens, joined / 3];
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const [joined] = [inputs].flat();
        const [, tokens = 0, width = 0] = joined.shape;
        const size = width / 3 / heads;
        const [queries, keys, values] = tf.unstack(
          joined.reshape([-1, tokens, 3, heads, size]).transpose([2, 0, 3, 1, 4]),
        );
        const scores = tf.matMul(queries, keys, false, true).mul(1 / Math.sqrt(size));
        const mixed = tf.matMul(tf.softmax(scores), values);
        return mixed.transpose([0, 2, 1, 3]).reshape([-1, tokens, width / 3]);
      });
    }
  }

  /** x·Φ(x). */
  class Gelu extends tf.layers.Layer {
    static readonly className = 'Gelu';

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const [x] = [inputs].flat();
        return x.mul(0.5).mul(x.div(Math.SQRT2).erf().add(1));
      });
    }
  }

  /** The first token. */
  class First extends tf.layers.Layer {
    static readonly className = 'FirstToken';

    override computeOutputShape(
      inputShape: Parameters<InstanceType<typeof tf.layers.Layer>['build']>[0],
    ): [null, number] {
      return [null, sizes(inputShape)[2]];
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      const [x] = [inputs].flat();
      return tf.tidy(() => tf.squeeze(tf.slice(x, [0, 0, 0], [-1, 1, -1]), [1]));
    }
  }

  /**
   * What a branch adds to each example, or nothing with a probability; what is left is greater for it, so that the
   * mean stays. Source: Huang et al. 2016, for each example as Touvron et al. 2021 have it.
   */
  class Branch extends tf.layers.Layer {
    static readonly className = 'Branch';
    readonly #probability: number;
    readonly #key: () => RandomKey;

    constructor(probability: number, key: () => RandomKey) {
      super({});
      this.#probability = probability;
      this.#key = key;
    }

    override call(inputs: Tensor | Tensor[], { training = false }: { training?: boolean }): Tensor {
      const [x] = [inputs].flat();
      return tf.tidy(() => {
        if (!training || this.#probability === 0) return x.clone();
        const u = new Float64Array(x.shape[0]);
        fillUniform(this.#key(), u);
        const kept = 1 / (1 - this.#probability);
        const factors = Float32Array.from(u, (one) => (one < this.#probability ? 0 : kept));
        return x.mul(tf.tensor(factors, [u.length, ...x.shape.slice(1).map(() => 1)]));
      });
    }
  }

  return { Positions, Attention, Gelu, First, Branch };
}
