// Plane rotations of neighbouring rows in plain TypeScript, strip by strip.

import { copyInto, DenseMatrix, type Matrix64 } from '../../core/matrix.js';
import type { RotationList } from '../kernels.js';

/** Columns of a strip: all rows of a strip together stay in a second-level cache. */
const STRIP = 32;

/** Applies the rotations to Z in their order. Cost: 6 flops per rotation and column. */
export function rotate(Z: Matrix64, list: RotationList): void {
  const { rows, cols } = Z;
  // Strips are copied, because rows whose distance is a power of two evict each other.
  const copy = new Float64Array(rows * STRIP);
  for (let start = 0; start < cols; start += STRIP) {
    const width = Math.min(STRIP, cols - start);
    const columns = Z.view(0, start, rows, width);
    const strip = new DenseMatrix('float64', rows, width, copy, 0, STRIP);
    copyInto(columns, strip);
    rotateStrip(list, copy, width);
    copyInto(strip, columns);
  }
}

function rotateStrip(
  { rows, cosines, sines, count }: RotationList,
  z: Float64Array,
  width: number,
): void {
  let k = 0;
  while (k < count) {
    const c0 = cosines[k];
    const s0 = sines[k];
    const row = rows[k] * STRIP;
    if (k + 1 < count && rows[k + 1] === rows[k] - 1) {
      // The next rotation takes the upper of these two rows again: do both while it is at hand.
      const c1 = cosines[k + 1];
      const s1 = sines[k + 1];
      for (let j = row; j < row + width; j++) {
        const x = z[j - STRIP];
        const y = z[j];
        const w = z[j + STRIP];
        const t = c0 * y - s0 * w;
        z[j + STRIP] = s0 * y + c0 * w;
        z[j] = s1 * x + c1 * t;
        z[j - STRIP] = c1 * x - s1 * t;
      }
      k += 2;
    } else {
      for (let j = row; j < row + width; j++) {
        const y = z[j];
        const w = z[j + STRIP];
        z[j + STRIP] = s0 * y + c0 * w;
        z[j] = c0 * y - s0 * w;
      }
      k++;
    }
  }
}
