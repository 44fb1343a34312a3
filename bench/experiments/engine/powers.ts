// Powers with real exponents, the same bits on every engine: those of `**` differ in the last.

import { power } from '../../../src/core/elementary.js';
import { horner, logOfProbability } from '../../../src/core/quantile.js';

/** Coefficients of e^r: 1/k! to k = 16. At |r| ≤ ln(2)/2 the next term is below 2⁻⁶⁰. */
const EXPONENTIAL = [1];
for (let k = 1; k <= 16; k++) EXPONENTIAL.push(EXPONENTIAL[k - 1] / k);

/** x^y for 0 ≤ x ≤ 1 and y > 0, within (2 + |ln x^y|)·2⁻⁵¹ of itself where it is not below 2⁻¹⁰⁰⁰. */
export function realPower(x: number, y: number): number {
  if (x === 0) return 0;
  const exponent = y * logOfProbability(x);
  const halvings = Math.round(-exponent / Math.LN2);
  return horner(EXPONENTIAL, exponent + halvings * Math.LN2) * power(0.5, halvings);
}
