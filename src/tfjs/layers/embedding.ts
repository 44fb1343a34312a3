// Embeddings: a row is a word that was looked up, and its gradient what came back to that place.

import type { LayerVariable } from '@tensorflow/tfjs';
import { maskedElements, positionRows } from '../rows/masked.js';
import { tensorOneHotRows } from '../rows/one-hot.js';
import type { LayerKind, TappedLayer } from './kind.js';

interface EmbeddingLayer extends TappedLayer {
  readonly embeddings: LayerVariable;
  /** The number of words. */
  readonly inputDim: number;
  /** Whether index 0 is padding. */
  readonly maskZero?: boolean;
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
  ownMask: ({ maskZero }, input) => (maskZero === true ? input : undefined),
  rows(host, { inputDim }, input, _, mask) {
    const counted = maskedElements(host, input, mask);
    if (counted === undefined) return undefined;
    const { elements, exampleOf } = counted;
    try {
      return tensorOneHotRows(host, elements, inputDim, exampleOf);
    } finally {
      elements.dispose();
    }
  },
  gradientRows: (host, _, dy, mask) => positionRows(host, dy, false, mask),
};
