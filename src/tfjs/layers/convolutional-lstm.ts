// Convolutional LSTMs: a cell whose kernels move over its input and its state.

import { isSweep, patchesOf, pixelsOf } from './convolution.js';
import { type CellKind, lstm } from './recurrent.js';

/**
 * tf.layers.convLstm2dCell: an LSTM whose products are convolutions. A row is a patch of the input, or of the
 * state, at one time step; all of them count, as those of convolutions do.
 */
export const convolutionalLstm: CellKind = {
  ...lstm,
  name: 'convLstm2d',
  sample: (tf) => tf.layers.convLstm2dCell({ filters: 1, kernelSize: 1, name: 'nysact' }),
  masksGates: true,
  convolves: true,
  rows(cell) {
    if (!isSweep(cell)) return undefined;
    const { name, kernelSize, strides, padding, dilationRate, dataFormat } = cell;
    const ones = kernelSize.map(() => 1);
    // The state is as large before as after.
    const over = {
      name,
      kernelSize,
      dataFormat,
      strides: ones,
      dilationRate: ones,
      padding: 'same',
    };
    const along = { name, kernelSize, dataFormat, strides, dilationRate, padding };
    return {
      input: (host, x, bias) => patchesOf(host, along, x, bias),
      state: (host, h) => patchesOf(host, over, h, false),
      gates: (host, dy) => pixelsOf(host, cell, dy, false),
      axis: dataFormat === 'channelsFirst' ? 1 : -1,
    };
  },
};
