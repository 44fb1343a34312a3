// Numerical breakdown, as types. Misuse throws RangeError or TypeError from check.ts.

/** A Cholesky pivot was not positive: the matrix is not (numerically) positive definite. */
export class NotPositiveDefiniteError extends Error {
  override readonly name = 'NotPositiveDefiniteError';
  /** Index of the first pivot that was ≤ 0 or not a number. */
  readonly pivot: number;

  constructor(pivot: number, value: number) {
    super(
      `the matrix is not positive definite: pivot ${pivot} is ${value}, expected a finite number > 0`,
    );
    this.pivot = pivot;
  }
}

/** A bounded iteration used up its sweeps. */
export class NotConvergedError extends Error {
  override readonly name = 'NotConvergedError';
  /** Sweeps that were made. */
  readonly sweeps: number;

  constructor(routine: string, sweeps: number) {
    super(`${routine}: no convergence within ${sweeps} sweeps`);
    this.sweeps = sweeps;
  }
}

/** NaN or Infinity turned up in a quantity that was accumulated or read back from a device. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';

  /** `expected` is what a caller should have given. */
  constructor(quantity: string, expected?: string) {
    const words = expected === undefined ? '' : `, expected ${expected}`;
    super(`${quantity} holds NaN or Infinity${words}`);
  }
}

/** An inverse came out larger than the damping allows: rounding errors, not curvature, were inverted. */
export class InaccurateInverseError extends Error {
  override readonly name = 'InaccurateInverseError';

  /** `limit` is 1/ρ; `cause` is what showed it. */
  constructor(limit: number, cause: unknown) {
    super(
      `the inverse is larger than ${limit}, the most that its damping allows: the damping is too small for the precision of the matrix`,
      { cause },
    );
  }
}

/** A preconditioner's refresh broke down too many times in a row; `cause` is the last breakdown. */
export class PreconditionerError extends Error {
  override readonly name = 'PreconditionerError';
  /** Refreshes that failed in a row. */
  readonly failures: number;

  constructor(layer: string, failures: number, cause: unknown) {
    super(`${layer}: the refresh broke down ${failures} times in a row: ${String(cause)}`, {
      cause,
    });
    this.failures = failures;
  }
}

/** Training has diverged: a gradient or the loss of a step is not finite. */
export class DivergenceError extends RangeError {
  override readonly name = 'DivergenceError';
  /** The step k. */
  readonly step: number;

  constructor(step: number, found: string, cause: unknown) {
    super(
      `${found}: training diverged at step ${step}; lower the learning rate, raise the damping, or scale the inputs`,
      { cause },
    );
    this.step = step;
  }
}

/** Whether an error is a numerical breakdown that a preconditioner survives with its last good factor. */
export function isBreakdown(error: unknown): boolean {
  return (
    error instanceof NotPositiveDefiniteError ||
    error instanceof NotConvergedError ||
    error instanceof NonFiniteError ||
    error instanceof InaccurateInverseError
  );
}
