// The filter gradient that stock TensorFlow.js lacks on wasm, composed of its own operations.

import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { plan } from '../../src/rows/convolution.js';
import { composedFilterGradient } from '../../src/tfjs/rows/filter-gradient.js';
import type { TensorFlow } from '../data/tensorflow.js';

const KERNEL = { kernelName: 'Conv2DBackpropFilter', backendName: 'wasm' } as const;

/** Registers it, where no other is registered; the function that comes back takes it away. */
export function registerComposed(tf: TensorFlow): () => void {
  tf.registerKernel({
    ...KERNEL,
    kernelFunc({ inputs: { x, dy }, attrs }) {
      return gradient(tf, images(tf, x), images(tf, dy), Object(attrs));
    },
  });
  return () => tf.unregisterKernel(KERNEL.kernelName, KERNEL.backendName);
}

interface Attributes {
  readonly filterShape: readonly [number, number, number, number];
  readonly strides: number | readonly [number, number];
  readonly pad: 'same' | 'valid';
}

function gradient(
  tf: TensorFlow,
  x: Tensor4D,
  dy: Tensor4D,
  { filterShape, strides, pad }: Attributes,
): Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const swept = plan('composed', {
    batch,
    height,
    width,
    channels,
    layout: 'channelsLast',
    kernel: [filterShape[0], filterShape[1]],
    stride: strides,
    padding: pad,
  });
  return tf.tidy(() => {
    const [rows, columns] = [swept.vertical, swept.horizontal].map(
      ({ size, kernel, stride, before, count }): [number, number] => [
        before,
        Math.max(0, (count - 1) * stride + kernel - before - size),
      ],
    );
    return composedFilterGradient(tf, tf.pad(x, [[0, 0], rows, columns, [0, 0]]), dy, swept);
  });
}

/** What TensorFlow.js hands in, as the tensor of four axes that it is. */
function images(tf: TensorFlow, value: unknown): Tensor4D {
  if (value instanceof tf.Tensor && isImages(value)) return value;
  throw new TypeError('tfjs: a kernel was called with something else than images');
}

function isImages(tensor: Tensor): tensor is Tensor4D {
  return tensor.rank === 4;
}
