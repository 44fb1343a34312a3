// The gradient of a convolution's kernel, on every backend of TensorFlow.js.

import type { Tensor4D } from '@tensorflow/tfjs';
import type { Plan } from '../../rows/convolution.js';
import type { TensorFlowCore } from '../tensorflow.js';

/** TensorFlow.js's own kernel, which its wasm backend lacks. */
const KERNEL = 'Conv2DBackpropFilter';

/**
 * Σ over all positions of patch·dyᵀ, as a kernel [kernel rows, kernel columns, channels, outputs].
 *
 * `x` is padded already: [batch, rows, columns, channels]; dy is [batch, output rows, output columns,
 * outputs]. Where TensorFlow.js has no kernel for it, it is {@link composedFilterGradient}.
 */
export function filterGradient(
  tf: TensorFlowCore,
  x: Tensor4D,
  dy: Tensor4D,
  plan: Plan,
): Tensor4D {
  const { vertical, horizontal } = plan;
  const strides: [number, number] = [vertical.stride, horizontal.stride];
  const dilations: [number, number] = [vertical.dilation, horizontal.dilation];
  const plain = dilations.every((dilation) => dilation === 1);
  if (plain && tf.getKernel(KERNEL, tf.getBackend()) !== undefined) {
    const filterShape = [vertical.kernel, horizontal.kernel, x.shape[3], dy.shape[3]];
    const attributes = { strides, pad: 'valid', dataFormat: 'NHWC', filterShape };
    return tf.engine().runKernel<Tensor4D>(KERNEL, { x, dy }, attributes);
  }
  return composedFilterGradient(tf, x, dy, plan);
}

/**
 * The same as {@link filterGradient}, as a convolution itself: of the images with channels for batch, by
 * dy with batch for channels, stride and dilation in each other's place.
 */
export function composedFilterGradient(
  tf: TensorFlowCore,
  x: Tensor4D,
  dy: Tensor4D,
  { vertical, horizontal }: Plan,
): Tensor4D {
  const strides: [number, number] = [vertical.stride, horizontal.stride];
  const dilations: [number, number] = [vertical.dilation, horizontal.dilation];
  return tf.tidy(() => {
    const images = tf.transpose(x, [3, 1, 2, 0]);
    const kernel = tf.transpose(dy, [1, 2, 0, 3]);
    const swept = tf.conv2d(images, kernel, dilations, 'valid', 'NHWC', strides);
    // Pixels behind the last position make rows and columns of their own.
    const { kernel: rows } = vertical;
    const { kernel: columns } = horizontal;
    const cut = tf.slice(swept, [0, 0, 0, 0], [x.shape[3], rows, columns, dy.shape[3]]);
    return tf.transpose(cut, [1, 2, 0, 3]);
  });
}
