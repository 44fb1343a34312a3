// Summaries of repeated measurements.

/** The q-quantile of `values`, interpolating linearly between order statistics. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('quantile: values is empty');
  if (!(q >= 0 && q <= 1)) throw new RangeError(`quantile: q is ${q}, expected 0 <= q <= 1`);
  if (values.some(Number.isNaN)) throw new RangeError('quantile: values holds NaN');
  const sorted = values.toSorted((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  // Equal neighbours need no interpolation, which would turn two infinities into NaN.
  return below === above ? below : below + (above - below) * (position % 1);
}

/** The middle half of a sample. */
export interface Quartiles {
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
}

/** First quartile, median and third quartile of `values`. */
export function quartiles(values: readonly number[]): Quartiles {
  return {
    lower: quantile(values, 0.25),
    median: quantile(values, 0.5),
    upper: quantile(values, 0.75),
  };
}

/** exp(mean of logs): the mean that ratios deserve. Every value must be > 0. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(logarithms('geometricMean', values)));
}

/**
 * The exponent b of the power law y ∝ xᵇ that fits best in the sense of least squares of log y
 * against log x. All coordinates must be > 0, and two values of x must differ.
 */
export function logLogSlope(x: readonly number[], y: readonly number[]): number {
  if (x.length !== y.length) {
    throw new RangeError(`logLogSlope: x has ${x.length} elements, y has ${y.length}`);
  }
  const u = logarithms('logLogSlope', x);
  const v = logarithms('logLogSlope', y);
  const centre = mean(u);
  const height = mean(v);
  let covariance = 0;
  let variance = 0;
  for (let i = 0; i < u.length; i++) {
    covariance += (u[i] - centre) * (v[i] - height);
    variance += (u[i] - centre) ** 2;
  }
  if (variance === 0) throw new RangeError('logLogSlope: all x are equal, expected at least two');
  return covariance / variance;
}

function logarithms(where: string, values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError(`${where}: no values`);
  return values.map((value) => {
    if (Number.isFinite(value) && value > 0) return Math.log(value);
    throw new RangeError(`${where}: a value is ${value}, expected a finite number > 0`);
  });
}

/** The mean of `values`; NaN where there are none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The standard deviation of what `values` are a sample of, with n − 1 below; NaN where n < 2. */
export function deviation(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
