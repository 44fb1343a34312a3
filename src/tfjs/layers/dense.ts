// Dense layers of any rank: the last axis is the features, every other position is a row.

import type { LayerVariable, Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { TensorFlow } from '../tensorflow.js';
import type { ActivatedLayer, Block, Layer, LayerKind } from './kind.js';

interface DenseLayer extends ActivatedLayer {
  readonly kernel: LayerVariable;
  readonly bias: LayerVariable | null;
}

/** tf.layers.dense. */
export const dense: LayerKind = {
  name: 'dense',
  sample: (tf) => tf.layers.dense({ units: 1, name: 'nysact' }),
  fits: isDense,
  block: (layer): Block | undefined =>
    isDense(layer) ? { weight: layer.kernel, bias: layer.bias ?? undefined } : undefined,
  rows: (tf, _, input) => lastAxisAsColumns(tf, input),
  gradientRows: (tf, _, dy) => lastAxisAsColumns(tf, dy),
};

function isDense(layer: Layer): layer is DenseLayer {
  return 'kernel' in layer && 'bias' in layer && 'activation' in layer;
}

function lastAxisAsColumns(tf: TensorFlow, tensor: Tensor): Tensor2D {
  const columns = tensor.shape[tensor.rank - 1];
  return tf.reshape<Tensor2D['rankType']>(tf.cast(tensor, 'float32'), [-1, columns]);
}
