// Powers of two that bring numbers near 1, so that squares neither overflow nor underflow.

/** A power of two within a factor 2 of x ≥ 0; 1 for 0. Dividing by it is exact above underflow. */
export function nearbyPowerOfTwo(x: number): number {
  return x === 0 ? 1 : 2 ** Math.min(Math.max(Math.floor(Math.log2(x)), -1022), 1023);
}

/** Numbers below this count as zero beside a matrix of norm 1: their squares would underflow. */
export const NEGLIGIBLE = 2 ** -480;
