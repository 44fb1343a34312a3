// The networks that are trained, each on one batch of noise.

import type { LayersModel, Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import { classes } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { makeLenet } from '../demo/lenet.js';
import { makePerceptron } from '../demo/perceptron.js';
import { residualNetwork } from '../experiments/models/residual.js';
import { transformer, transformerInput } from './transformer.js';

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

/** A classifier of images, or of what else has a shape. */
export interface Classifier extends Omit<Workload, 'make'> {
  /** The shape of one input, as the network takes it. */
  readonly input: readonly number[];
  readonly network: (tf: TensorFlow, seed: number) => LayersModel;
}

const CLASSIFIERS: readonly Classifier[] = [
  {
    key: 'mlp',
    name: 'MLP 784-256-128-10',
    batch: 128,
    stepsInARow: 5,
    input: [784],
    network: makePerceptron,
  },
  {
    key: 'lenet',
    name: 'LeNet-5, 28×28',
    batch: 128,
    stepsInARow: 5,
    input: [784],
    network: makeLenet,
  },
  {
    key: 'resnet8',
    name: 'ResNet-8, 32×32',
    batch: 32,
    stepsInARow: 1,
    input: [32, 32, 3],
    network: (tf, seed) => residualNetwork(1)(tf, { classes, seed, side: 32 }),
  },
  {
    key: 'resnet20',
    name: 'ResNet-20, 32×32',
    batch: 32,
    stepsInARow: 1,
    input: [32, 32, 3],
    network: (tf, seed) => residualNetwork(3)(tf, { classes, seed, side: 32 }),
  },
  {
    key: 'transformer',
    name: 'transformer, 64 tokens of 64',
    batch: 32,
    stepsInARow: 1,
    input: transformerInput,
    network: transformer,
  },
];

/** Every workload: a further one is a file beside this one and a line here. */
export const workloads: readonly Workload[] = CLASSIFIERS.map(classification);

/** Trains a classifier on noise: what a step costs does not depend on what is learnt. */
export function classification({ input, network, ...workload }: Classifier): Workload {
  return {
    ...workload,
    make(tf, seed) {
      const model = network(tf, seed);
      const x = tf.randomNormal([workload.batch, ...input], 0, 1, 'float32', seed);
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
