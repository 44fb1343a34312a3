// What every capture has to fulfil: XᵀD is the gradient of the weight, and 1ᵀD that of the bias.

import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured } from '../../src/tfjs/captured.js';
import { tf } from './backends.js';
import { stacked } from './models.js';

export const EVERYTHING = { inputs: true, outputGradients: true };

/** ‖A − B‖. */
function distance(A: Tensor, B: Tensor): number {
  return tf.tidy(() => tf.norm(A.sub(B)).dataSync()[0]);
}

/**
 * How far two sums of m products may be apart, whatever their order: 2·m·eps·‖A‖·‖B‖ for AᵀB, or 0 where all
 * numbers are small integers.
 */
function bound(A: Tensor, B: Tensor, exact: boolean): number {
  if (exact) return 0;
  const [m] = A.shape;
  return tf.tidy(() => 2 * m * 2 ** -23 * tf.norm(A).mul(tf.norm(B)).dataSync()[0]);
}

/** What a block showed, and the shapes [m, p, m, q, examples]. */
interface Product {
  readonly kind: string;
  readonly weight: string;
  readonly shapes: readonly number[];
}

/** Captures everything, compares every product with its gradient, and leaves nothing behind: `using` knows the kinds of layers. */
export function products(loss: () => Scalar, { exact = false, using = tf } = {}): Product[] {
  const before = tf.memory().numTensors;
  const { value, grads, blocks } = captureGradients(using, loss, undefined, EVERYTHING);
  const seen = blocks.map((block) => {
    const { kind, weight, bias, examples } = block;
    const { X, D } = stacked(block);
    tf.tidy(() => {
      const gradient = tf.matMul(X.transpose(), D);
      const names = `${kind} ${weight}`;
      expect(distance(gradient, grads[weight]), names).toBeLessThanOrEqual(bound(X, D, exact));
      if (bias === undefined) return;
      const ones = tf.ones([X.shape[0], 1]);
      expect(distance(tf.sum(D, 0), grads[bias]), names).toBeLessThanOrEqual(bound(ones, D, exact));
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
