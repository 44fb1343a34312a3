// Small images to classify, for the tests of convolutional networks.

import { tf } from './backends.js';

/** Images and their one-hot labels. */
export interface Images {
  readonly x: ReturnType<typeof tf.tensor4d>;
  readonly y: ReturnType<typeof tf.tensor2d>;
}

/** 8×8 images of three kinds of stripes. */
export function stripes(examples: number): Images {
  const kinds = Array.from({ length: examples }, (_, i) => i % 3);
  const pixels = kinds.flatMap((kind, i) =>
    Array.from({ length: 64 }, (_, k) => {
      const [row, column] = [Math.floor(k / 8), k % 8];
      return Math.sin([row, column, row + column][kind]) + 0.1 * Math.cos(7 * k + i);
    }),
  );
  return {
    x: tf.tensor4d(pixels, [examples, 8, 8, 1]),
    y: tf.tensor2d(kinds.map((kind) => [0, 1, 2].map((k) => (k === kind ? 1 : 0)))),
  };
}
