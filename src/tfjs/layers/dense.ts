// Dense layers of any rank: the last axis is the features, every other position is a row.

import type { LayerVariable } from '@tensorflow/tfjs';
import { positionRows } from '../rows/masked.js';
import type { LayerKind, TappedLayer } from './kind.js';

interface DenseLayer extends TappedLayer {
  readonly kernel: LayerVariable;
  readonly bias: LayerVariable | null;
}

/** tf.layers.dense. */
export const dense: LayerKind<DenseLayer> = {
  name: 'dense',
  sample: (tf) => tf.layers.dense({ units: 1, name: 'nysact' }),
  fits: (layer): layer is DenseLayer =>
    'kernel' in layer && 'bias' in layer && 'activation' in layer,
  block: ({ kernel, bias }) => ({ weight: kernel, bias: bias ?? undefined, layout: 'columns' }),
  rows: (host, _, input, bias, mask) => positionRows(host, input, bias, mask),
  gradientRows: (host, _, dy, mask) => positionRows(host, dy, false, mask),
};
