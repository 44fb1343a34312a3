// The gradient of tiles: one sum, where TensorFlow.js slices every tile out and adds it.

import type { TrainingGradient } from '../gradient.js';
import { isFloat } from '../kernel.js';

/** TensorFlow.js knows tensors of so many axes. */
const RANK = 6;

/** The gradient of tf.tile: the sum of the tiles. */
export const tileGradient: TrainingGradient = {
  name: 'Tile',
  run({ tf, dy, saved: [x], attrs: { reps } }) {
    if (!isFloat(x) || !isFloat(dy) || !Array.isArray(reps)) return undefined;
    const shape: number[] = [];
    const axes: number[] = [];
    x.shape.forEach((length, i) => {
      const repetitions = Number(reps[i]);
      if (repetitions > 1) axes.push(shape.push(repetitions) - 1);
      if (length > 1) shape.push(length);
    });
    if (shape.length > RANK) return undefined;
    return { x: () => tf.reshape(tf.sum(tf.reshape(dy, shape), axes), x.shape) };
  },
};
