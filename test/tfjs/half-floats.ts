// TensorFlow.js on a device of half floats, as far as precision goes: a double.

import { tf } from './backends.js';

/** The nearest half float of normal size: eleven significant bits. */
function half(x: number): number {
  if (x === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 10);
  return Math.round(x / unit) * unit;
}

/** What the double says of itself, and whether what it holds is rounded to half floats. */
export interface Double {
  readonly variant: string;
  readonly says: 16 | 32;
  readonly rounds: boolean;
}

/** TensorFlow.js on a new device, which computes where the current backend does. */
export function doubleOf({ variant, says, rounds }: Double): typeof tf {
  const device: ReturnType<typeof tf.backend> = Object.create(tf.backend(), {
    floatPrecision: { value: () => says },
  });
  return {
    ...tf,
    getBackend: () => variant,
    backend: () => device,
    tensor2d: (values, ...rest) => {
      const rounded = rounds && values instanceof Float32Array ? values.map(half) : values;
      return tf.tensor2d(rounded, ...rest);
    },
  };
}
