// Layers that compute others once a time step.

import type { TensorFlow } from '../tensorflow.js';
import type { Layer } from './kind.js';

/** What a loop over time computes. */
export interface Loop {
  /** The layers that it computes, each once a step. */
  readonly layers: readonly Layer[];
  readonly goBackwards: boolean;
}

/** A layer of each class whose `call` is such a loop: LSTM and the others call that of RNN. */
export function sampleLoops(tf: TensorFlow): readonly Layer[] {
  return [
    tf.layers.rnn({ cell: tf.layers.simpleRNNCell({ units: 1, name: 'nysact' }), name: 'nysact' }),
    tf.layers.timeDistributed({
      layer: tf.layers.dense({ units: 1, name: 'nysact' }),
      name: 'nysact',
    }),
  ];
}

/** What the layer computes at each time step. */
export function loopOf(layer: Layer): Loop {
  const inner: unknown = Reflect.get(layer, 'cell') ?? Reflect.get(layer, 'layer');
  return {
    layers: cellsIn(inner),
    goBackwards: Reflect.get(layer, 'goBackwards') === true,
  };
}

/** A cell, or those of a stack. */
function cellsIn(cell: unknown): Layer[] {
  if (!isLayer(cell)) return [];
  const cells: unknown = Reflect.get(cell, 'cells');
  return Array.isArray(cells) ? cells.flatMap(cellsIn) : [cell];
}

function isLayer(value: unknown): value is Layer {
  return typeof value === 'object' && value !== null && 'call' in value;
}
