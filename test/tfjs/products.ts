// What every capture has to fulfil: XᵀD is the gradient of the weight, and 1ᵀD that of the bias.

import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured } from '../../src/tfjs/captured.js';
import { tf } from './backends.js';
import { stacked } from './models.js';

export const EVERYTHING = { inputs: true, outputGradients: true };

/** Relative distance ‖A − B‖/‖B‖ that rounding in sums of this length stays below. */
export const TOLERANCE = 1e-6;

/** ‖A − B‖/‖B‖, or ‖A‖ where B is 0. */
export function distance(A: Tensor, B: Tensor): number {
  return tf.tidy(() => {
    const [difference, size] = [tf.norm(A.sub(B)), tf.norm(B)].map((norm) => norm.dataSync()[0]);
    return size === 0 ? difference : difference / size;
  });
}

/** What a block showed, and the shapes [m, p, m, q, examples]. */
interface Product {
  readonly kind: string;
  readonly weight: string;
  readonly shapes: readonly number[];
}

/**
 * Captures everything, compares every product with its gradient, and leaves nothing behind. The tolerance
 * is relative.
 */
export function products(loss: () => Scalar, tolerance = TOLERANCE): Product[] {
  const before = tf.memory().numTensors;
  const { value, grads, blocks } = captureGradients(tf, loss, undefined, EVERYTHING);
  const seen = blocks.map((block) => {
    const { kind, weight, bias, examples } = block;
    const { X, D } = stacked(block);
    tf.tidy(() => {
      const gradient = tf.matMul(X.transpose(), D);
      const names = `${kind} ${weight}`;
      expect(distance(gradient, grads[weight]), names).toBeLessThanOrEqual(tolerance);
      if (bias === undefined) return;
      expect(distance(tf.sum(D, 0), grads[bias]), names).toBeLessThanOrEqual(tolerance);
    });
    tf.dispose([X, D]);
    return { kind, weight, shapes: [...X.shape, ...D.shape, examples] };
  });
  disposeCaptured(blocks);
  tf.dispose(grads);
  value.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return seen;
}

/** The shapes of {@link products} alone. */
export function expectProducts(loss: () => Scalar): (readonly number[])[] {
  return products(loss).map(({ shapes }) => shapes);
}
