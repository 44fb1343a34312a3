// What networks are made with: their initialisers and the parts that several of them share.

import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';
import type { RandomKey } from '../../../src/core/random.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import { applied, seeds } from '../../tfjs/layers.js';

/** Makes a network of so many classes; the same weights for the same seed. */
export type MakeNetwork = (tf: TensorFlow, network: NetworkOptions) => LayersModel;

/** What one architecture can be made in. */
export interface NetworkOptions {
  readonly classes: number;
  readonly seed: number;
  /** Pixels a side, where the architecture takes any. */
  readonly side: number;
  /** Colours of a pixel (default 3). */
  readonly channels?: number;
  /** What comes in and what makes images of it, where those are not images. */
  readonly before?: {
    readonly shape: readonly number[];
    readonly layers: readonly Parameters<typeof applied>[0][];
  };
  /** Of the moving averages of batch norm (default 0.99). */
  readonly momentum?: number;
  /**
   * Of stochastic depth, where the architecture has it: the probability that the last block is left out in
   * training, and the key that decides in the step that is taken.
   */
  readonly depth?: { readonly rate: number; readonly key: () => RandomKey };
  /** 'zeros' for whoever only counts weights (default: the architecture's own random ones). */
  readonly weights?: 'random' | 'zeros';
}

/** The shape of one image. */
export function shapeOf({ side, channels = 3 }: NetworkOptions): [number, number, number] {
  return [side, side, channels];
}

/** What comes into a network, and the images that it takes. */
export function inputOf(
  tf: TensorFlow,
  options: NetworkOptions,
): { readonly inputs: SymbolicTensor; readonly images: SymbolicTensor } {
  const { shape = shapeOf(options), layers = [] } = options.before ?? {};
  const inputs = tf.input({ shape: [...shape] });
  return { inputs, images: layers.reduce((x, layer) => applied(layer, x), inputs) };
}

/** The initialisers of one network: each of a seed of its own. */
export function initializersOf(
  { initializers }: TensorFlow,
  { seed, weights = 'random' }: NetworkOptions,
) {
  const zeros = () => initializers.zeros();
  if (weights === 'zeros') return { he: zeros, narrow: zeros };
  return {
    /** He normal, for what a ReLU follows. */
    he: seeds(seed, (own) => initializers.heNormal({ seed: own })),
    /** A truncated normal of deviation 0.02, as transformers have it. */
    narrow: seeds(seed, (own) => initializers.truncatedNormal({ stddev: 0.02, seed: own })),
  };
}

/** Parts of convolutional networks, in the order that their data pass. */
export function convolutionalParts(tf: TensorFlow, options: NetworkOptions) {
  const { layers } = tf;
  const { he } = initializersOf(tf, options);
  const relu = (x: SymbolicTensor): SymbolicTensor => applied(layers.reLU(), x);
  const { momentum = 0.99 } = options;
  const norm = (x: SymbolicTensor): SymbolicTensor =>
    applied(layers.batchNormalization({ momentum }), x);
  /** A convolution without biases, padded as TensorFlow does: where the stride is 2, more behind than before. */
  const convolution = (x: SymbolicTensor, filters: number, kernelSize: number, strides: number) =>
    applied(
      layers.conv2d({
        filters,
        kernelSize,
        strides,
        padding: 'same',
        useBias: false,
        kernelInitializer: he(),
      }),
      x,
    );
  /** The mean over the image, and a dense layer to logits. */
  const head = (x: SymbolicTensor): SymbolicTensor => {
    const pooled = applied(layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }), x);
    return applied(layers.dense({ units: options.classes, kernelInitializer: he() }), pooled);
  };
  return { relu, norm, convolution, head };
}
