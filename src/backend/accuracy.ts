// How far a device's arithmetic is from float64: what is computed on it, and how that is judged.

import { fillNormal, foldIn, type RandomKey, randomKey } from '../core/random.js';

/** Terms of the sums that are measured. */
const TERMS = 64;

/**
 * The largest error that is taken for float32: that of a sum of 64 products, each operation of which
 * is off by a relative 2⁻²³, twice what rounding to nearest may cost. Half precision exceeds it some
 * hundred times over.
 */
export const LARGEST_ERROR: number = TERMS * 2 ** -23;

/** Random numbers for a device: A is rows×terms and B is terms×cols, both row by row. */
export interface Trial {
  readonly rows: number;
  readonly terms: number;
  readonly cols: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
  /** The squares of `a`. */
  readonly squares: Float32Array;
  /** What is added to their roots. */
  readonly shift: number;
}

/** What a device makes of a {@link Trial}, each row by row. */
export interface Outcome {
  /** A, as it is uploaded and read. */
  readonly kept: Float32Array;
  /** AB. */
  readonly sums: Float32Array;
  /** A by the roots of the squares and the shift. */
  readonly quotients: Float32Array;
}

/** The same for every device. */
export function makeTrial(): Trial {
  const [rows, cols] = [24, 40];
  const key = randomKey(1);
  const a = numbers(key, 0, rows * TERMS);
  const b = numbers(key, 1, TERMS * cols);
  return { rows, terms: TERMS, cols, a, b, squares: a.map((x) => x * x), shift: 2 ** -10 };
}

/**
 * The largest relative error of an outcome: of elements and of quotients by themselves, of a sum as
 * |c − ab|/Σ|a||b|. It is NaN where an element is.
 */
export function errorOf(
  { rows, terms, cols, a, b, squares, shift }: Trial,
  { kept, sums, quotients }: Outcome,
): number {
  const errors = [...a].map((x, k) => relative(kept[k], x, Math.abs(x)));
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      let [sum, size] = [0, 0];
      for (let k = 0; k < terms; k++) {
        const term = a[i * terms + k] * b[k * cols + j];
        sum += term;
        size += Math.abs(term);
      }
      errors.push(relative(sums[i * cols + j], sum, size));
    }
  }
  a.forEach((x, k) => {
    const exact = x / (Math.sqrt(squares[k]) + shift);
    errors.push(relative(quotients[k], exact, Math.abs(exact)));
  });
  return Math.max(...errors);
}

function numbers(key: RandomKey, stream: number, length: number): Float32Array {
  const data = new Float32Array(length);
  fillNormal(foldIn(key, stream), data);
  return data;
}

/** |given − exact|/size, and 0 if both are 0. */
function relative(given: number, exact: number, size: number): number {
  const error = Math.abs(given - exact);
  return error === 0 ? 0 : error / size;
}
