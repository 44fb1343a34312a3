// The networks that are trained, each on one batch of noise.

import type { LayersModel, Scalar, SymbolicTensor, Tensor, Variable } from '@tensorflow/tfjs';
import { classes } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { makeLenet } from '../demo/lenet.js';
import { makePerceptron } from '../demo/perceptron.js';

/** A network and the size of its batch. */
export interface Workload {
  /** What `--models` calls it. */
  readonly key: string;
  readonly name: string;
  readonly batch: number;
  /** Steps of one optimiser before the next one's turn: few where a step is long. */
  readonly stepsInARow: number;
  /** The same weights and the same batch for the same seed. */
  make(tf: TensorFlow, seed: number): Training;
}

/** A network with the batch that it is trained on. */
export interface Training {
  readonly variables: Variable[];
  loss(): Scalar;
  dispose(): void;
}

/** A classifier of images. */
export interface Classifier extends Omit<Workload, 'make'> {
  /** The shape of an image, as the network takes it. */
  readonly image: readonly number[];
  readonly network: (tf: TensorFlow, seed: number) => LayersModel;
}

const CLASSIFIERS: readonly Classifier[] = [
  {
    key: 'mlp',
    name: 'MLP 784-256-128-10',
    batch: 128,
    stepsInARow: 5,
    image: [784],
    network: makePerceptron,
  },
  {
    key: 'lenet',
    name: 'LeNet-5, 28×28',
    batch: 128,
    stepsInARow: 5,
    image: [784],
    network: makeLenet,
  },
  {
    key: 'resnet8',
    name: 'ResNet-8, 32×32',
    batch: 32,
    stepsInARow: 1,
    image: [32, 32, 3],
    network: (tf, seed) => residual(tf, seed, 1),
  },
  {
    key: 'resnet20',
    name: 'ResNet-20, 32×32',
    batch: 32,
    stepsInARow: 1,
    image: [32, 32, 3],
    network: (tf, seed) => residual(tf, seed, 3),
  },
];

/** Every workload: a further one is a file beside this one and a line here. */
export const workloads: readonly Workload[] = CLASSIFIERS.map(classification);

/** Trains a classifier on noise: what a step costs does not depend on what is learnt. */
export function classification({ image, network, ...workload }: Classifier): Workload {
  return {
    ...workload,
    make(tf, seed) {
      const model = network(tf, seed);
      const x = tf.randomNormal([workload.batch, ...image], 0, 1, 'float32', seed);
      const y = tf.tidy(() => {
        const labels = tf.mod(tf.range(0, workload.batch, 1, 'int32'), tf.scalar(classes, 'int32'));
        // Not as float32 at once: the wasm backend would write the bits of integers.
        return tf.oneHot(labels.toInt(), classes).toFloat().as2D(workload.batch, classes);
      });
      return {
        variables: trained(tf, model),
        loss: () => tf.losses.softmaxCrossEntropy(y, inTraining(tf, model, x)).asScalar(),
        dispose: () => {
          model.dispose();
          tf.dispose([x, y]);
        },
      };
    },
  };
}

/** The variables that are trained. */
function trained(tf: TensorFlow, model: LayersModel): Variable[] {
  return model.trainableWeights.flatMap((weight) => {
    const value = weight.read();
    return value instanceof tf.Variable ? [value] : [];
  });
}

/** What the model answers in training: batch norm takes the moments of the batch. */
function inTraining(tf: TensorFlow, model: LayersModel, x: Tensor): Tensor {
  const output = model.apply(x, { training: true });
  if (output instanceof tf.Tensor) return output;
  throw new TypeError('tfjs: the model has several outputs, expected one');
}

/**
 * The residual network of 6n+2 layers for images of 32×32: convolutions without biases, each with batch
 * norm, of 16, 32 and 64 filters. Where the shape changes, the shortcut is a convolution of 1×1 with batch
 * norm: 78,042 weights for n = 1, 272,474 for n = 3. Source: He et al. 2016, section 4.2, where such
 * shortcuts are padded instead and have no weights, 2,752 fewer.
 */
function residual(tf: TensorFlow, seed: number, blocksPerStage: number): LayersModel {
  const { layers, initializers } = tf;
  const kernelInitializer = seeds(seed, (own) => initializers.heNormal({ seed: own }));
  const convolved = (x: SymbolicTensor, filters: number, kernelSize: number, strides: number) => {
    const convolution = layers.conv2d({
      filters,
      kernelSize,
      strides,
      padding: 'same',
      useBias: false,
      kernelInitializer: kernelInitializer(),
    });
    return applied(layers.batchNormalization(), applied(convolution, x));
  };
  const relu = (x: SymbolicTensor): SymbolicTensor => applied(layers.reLU(), x);
  const block = (x: SymbolicTensor, filters: number, stride: number): SymbolicTensor => {
    const inner = relu(convolved(x, filters, 3, stride));
    const outer = convolved(inner, filters, 3, 1);
    const shortcut = stride === 1 ? x : convolved(x, filters, 1, stride);
    return relu(applied(layers.add(), [outer, shortcut]));
  };

  const images = tf.input({ shape: [32, 32, 3] });
  let x = relu(convolved(images, 16, 3, 1));
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (let k = 0; k < blocksPerStage; k++) {
      x = block(x, filters, k === 0 && stage > 0 ? 2 : 1);
    }
  }
  const pooled = applied(layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }), x);
  const head = layers.dense({ units: classes, kernelInitializer: kernelInitializer() });
  return tf.model({ inputs: images, outputs: applied(head, pooled) });
}

/** What `make` makes of a seed of its own at every call. */
function seeds<T>(seed: number, make: (own: number) => T): () => T {
  let layer = 0;
  return () => make(1000 * seed + layer++);
}

/** The one symbolic tensor that a layer answers with. */
function applied(
  layer: {
    apply(
      x: SymbolicTensor | SymbolicTensor[],
    ): Tensor | Tensor[] | SymbolicTensor | SymbolicTensor[];
  },
  x: SymbolicTensor | SymbolicTensor[],
): SymbolicTensor {
  const output = layer.apply(x);
  if (Array.isArray(output) || !('sourceLayer' in output)) {
    throw new TypeError('tfjs: a layer gives several outputs, expected one that is symbolic');
  }
  return output;
}
