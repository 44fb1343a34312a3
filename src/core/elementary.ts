// Powers and cosines, the same bits on every engine: those of `**` and Math.cos differ in the last.

import { checkInteger } from './check.js';
import { horner } from './quantile.js';

/** A number of twice the precision: the sum of both, the second below half an ulp of the first. */
type Double = readonly [high: number, low: number];

/** 2²⁷ + 1: what is multiplied by it falls into two halves of 26 bits. */
const SPLITTER = 0x8000001;

function upperHalf(x: number): number {
  const scaled = SPLITTER * x;
  return scaled - (scaled - x);
}

/** The product. Where the halves overflow, its second part is left out. Source: Dekker 1971. */
function multiply([a, aLow]: Double, [b, bLow]: Double): Double {
  const product = a * b;
  const [a1, b1] = [upperHalf(a), upperHalf(b)];
  const [a2, b2] = [a - a1, b - b1];
  const rest = a2 * b2 - (product - a1 * b1 - a2 * b1 - a1 * b2) + (a * bLow + aLow * b);
  const high = product + rest;
  return Number.isFinite(rest) ? [high, rest - (high - product)] : [product, 0];
}

/**
 * xⁿ, rounded to nearest but for n·2⁻¹⁰⁰ of it: by squaring, in twice the precision, so that
 * xⁿ⁺¹ ≤ xⁿ for 0 ≤ x ≤ 1 in numbers as in truth. Cost: 2·log₂ n products.
 *
 * @throws RangeError unless n is a safe integer ≥ 0.
 */
export function power(x: number, n: number): number {
  checkInteger('power', 'n', n);
  let result: Double = [1, 0];
  let square: Double = [x, 0];
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square);
    if (rest > 1) square = multiply(square, square);
  }
  return result[0];
}

/** Coefficients of cos θ in θ²: ±1/(2k)!, to k = 11. At θ = π/2 the next term is below 2⁻⁶³. */
const COSINE = [1];
for (let k = 1; k <= 11; k++) COSINE.push(-COSINE[k - 1] / (2 * k * (2 * k - 1)));

/** cos(πx) for 0 ≤ x ≤ 1, within 2⁻⁵¹: odd about x = ½ to the last bit, 1 at 0 and −1 at 1. */
export function cosPi(x: number): number {
  const theta = Math.PI * Math.min(x, 1 - x);
  const magnitude = horner(COSINE, theta * theta);
  return x <= 0.5 ? magnitude : -magnitude;
}
