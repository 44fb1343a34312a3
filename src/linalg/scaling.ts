// Powers of two that bring numbers near 1, so that squares neither overflow nor underflow.

import type { DenseMatrix } from '../core/matrix.js';

/** The largest |Aᵢⱼ|; 0 for an empty matrix. */
export function largestMagnitude(A: DenseMatrix): number {
  let largest = 0;
  for (let i = 0; i < A.rows; i++) {
    const start = A.offset + i * A.stride;
    for (let j = start; j < start + A.cols; j++) {
      const magnitude = Math.abs(A.data[j]);
      if (magnitude > largest) largest = magnitude;
    }
  }
  return largest;
}

/** A power of two within a factor 2 of x ≥ 0; 1 for 0. Dividing by it is exact above underflow. */
export function nearbyPowerOfTwo(x: number): number {
  return x === 0 ? 1 : 2 ** Math.min(Math.max(Math.floor(Math.log2(x)), -1022), 1023);
}
