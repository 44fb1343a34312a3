// Values for the kernels of TensorFlow.js's wasm backend, and the rounding of their sums.

import { integers } from '../rows/images.js';
import { uniform } from '../support/matrices.js';
import type { Values } from './backend.js';

/** The unit roundoff of float32. */
const ROUNDOFF = 2 ** -24;

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

/** Uniform numbers in [−1, 1). */
export function fractions(shape: readonly number[], seed: number): Values {
  const random = uniform(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => 2 * random() - 1) };
}

/** Integers in [−4, 4], whose products and sums are exact in float32: equal means to the last bit. */
export function wholes(shape: readonly number[], seed: number): Values {
  return { shape, data: integers('float32', sizeOf(shape), seed) };
}

/** Distinct numbers in random order, 1 apart, around 0. */
export function shuffled(shape: readonly number[], seed: number): Values {
  const random = uniform(seed);
  const size = sizeOf(shape);
  const order = Array.from({ length: size }, (_, i) => ({ i, key: random() }));
  const ranks = order.toSorted((a, b) => a.key - b.key).map(({ i }) => i - (size >> 1));
  return { shape, data: Float32Array.from(ranks) };
}

/**
 * By how much two sums of k products of numbers in [−1, 1] may differ, whatever their order: each is within
 * γₖ·Σ|xy| of what is exact, γₖ ≈ k·u and Σ|xy| ≤ k. A bias and an activation round twice more.
 */
export function roundingOf(k: number): number {
  return 2 * (k + 2) * ROUNDOFF * (k + 1);
}
