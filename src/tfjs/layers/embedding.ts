// Embeddings: a row is a word that was looked up, and its gradient what came back to that place.

import type { LayerVariable } from '@tensorflow/tfjs';
import { tensorOneHotRows } from '../rows/one-hot.js';
import { positions } from '../rows/positions.js';
import type { LayerKind, TappedLayer } from './kind.js';

interface EmbeddingLayer extends TappedLayer {
  readonly embeddings: LayerVariable;
  /** The number of words. */
  readonly inputDim: number;
}

/** tf.layers.embedding, of indices of any rank. */
export const embedding: LayerKind<EmbeddingLayer> = {
  name: 'embedding',
  sample: (tf) => tf.layers.embedding({ inputDim: 1, outputDim: 1, name: 'nysact' }),
  fits: (layer): layer is EmbeddingLayer => 'embeddings' in layer && 'inputDim' in layer,
  block: ({ embeddings }) => ({
    weight: embeddings,
    bias: undefined,
    layout: 'columns',
    rows: 'oneHot',
  }),
  rows: (host, { inputDim }, input) => tensorOneHotRows(host, input, inputDim),
  gradientRows: (host, _, dy) => positions(host, dy, false),
};
