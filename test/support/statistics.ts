// Statistics for tests of random numbers; every threshold states its significance.

/**
 * The probability at which a right sampler fails a statistical test, over all that the test compares:
 * rare enough for any seed to pass.
 */
export const SIGNIFICANCE = 1e-6;

/** Φ(x), to about 1e-15 for |x| < 6: ½ + φ(x)·Σ x²ᵏ⁺¹/(2k+1)!!. */
export function normalCdf(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 1; k < 200; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** The Kolmogorov–Smirnov distance of `values` from the distribution function `cdf`. */
export function kolmogorovSmirnov(values: Float64Array, cdf: (x: number) => number): number {
  const n = values.length;
  return values
    .toSorted()
    .reduce((worst, x, i) => Math.max(worst, cdf(x) - i / n, (i + 1) / n - cdf(x)), 0);
}

/** The distance that n samples exceed with probability ≤ `significance` (Dvoretzky, Kiefer, Wolfowitz). */
export function kolmogorovSmirnovLimit(n: number, significance: number): number {
  return Math.sqrt(Math.log(2 / significance) / (2 * n));
}

/** What |Z| of a standard normal Z exceeds with probability ≤ `significance`: P(|Z| ≥ t) ≤ e^(−t²/2). */
export function normalLimit(significance: number): number {
  return Math.sqrt(2 * Math.log(1 / significance));
}

/** What χ² exceeds with probability ≤ `significance` (Laurent and Massart 2000, Lemma 1). */
export function chiSquareLimit(degreesOfFreedom: number, significance: number): number {
  const x = Math.log(1 / significance);
  return degreesOfFreedom + 2 * Math.sqrt(degreesOfFreedom * x) + 2 * x;
}

/** The mean of f over `values`. */
export function mean(values: ArrayLike<number>, f: (x: number) => number = (x) => x): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += f(values[i]);
  return sum / values.length;
}

/** The middle one of `values`, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/** Pearson's χ² of `counts` against equal expectations. */
export function chiSquare(counts: readonly number[]): number {
  const expected = mean(counts);
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
