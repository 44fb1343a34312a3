// The damping ρ of a layer: a number, or in proportion to the curvature that it damps.

import type { RestoreGuard } from '../backend/state.js';
import { checkInvertible, isObject } from '../core/check.js';
import { type DType, LARGEST } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import { guarded, type Option, positive } from '../core/options.js';
import type { Curvature, InversePart } from './method.js';

/** A damping that means the same in every layer: ρ is this many times the mean eigenvalue of the curvature. */
export interface RelativeDamping {
  /** α > 0. */
  readonly relative: number;
}

/** The option: ρ itself, or its share of the curvature. */
export const DAMPING: Option<number | RelativeDamping> = positive.or(
  guarded('{ relative: a number > 0 }', isRelative),
);

function isRelative(value: unknown): value is RelativeDamping {
  if (!isObject(value) || !('relative' in value) || Object.keys(value).length > 1) return false;
  const { relative } = value;
  return typeof relative === 'number' && relative > 0 && Number.isFinite(relative);
}

/** A damping must leave an inverse that `dtype` can hold. */
export function checkDamping(where: string, damping: number | RelativeDamping, dtype: DType): void {
  if (typeof damping === 'number') checkInvertible(where, 'damping', damping, dtype);
  else checkInvertible(where, 'relative of damping', damping.relative, dtype);
}

/**
 * The least ρ that is relative to a curvature, which may be next to nothing: ‖P‖F ≤ 10¹²·‖G‖F leaves room for
 * squares of P in float32.
 */
const LEAST = 1e-12;

/** The damping of one layer. */
export class Damping {
  /** ρ is never less: 1/least, or its root, bounds ‖P‖F/‖G‖F. */
  readonly least: number;
  /**
   * What it makes of every curvature. Before the first good refresh P is G/ρ, or with a root of that, or 0 where
   * nobody knows yet what ρ is a share of.
   */
  readonly bounds: Pick<Curvature, 'gain' | 'flat' | 'found'>;
  /** ρ, or its root, as a part of an inverse. */
  readonly part: Extract<InversePart, { value: number }>;
  readonly #relative: number | undefined;
  readonly #dtype: DType;

  /** `root` is 2 where P = G(A + ρI)^(−1/2), or what is as large as that. */
  constructor(damping: number | RelativeDamping, dtype: DType, root: 1 | 2 = 1) {
    const rooted = (value: number) => (root === 1 ? value : Math.sqrt(value));
    const isKnown = typeof damping === 'number';
    this.#relative = isKnown ? undefined : damping.relative;
    this.least = isKnown ? damping : LEAST;
    this.bounds = {
      gain: 1 / rooted(this.least),
      flat: isKnown ? 1 / rooted(damping) : 0,
      found: isKnown ? { damping } : {},
    };
    const least = rooted(this.least);
    this.part = { value: least, check: atLeast(least, dtype) };
    this.#dtype = dtype;
  }

  /** Whether a refresh has to find ρ. */
  get isRelative(): boolean {
    return this.#relative !== undefined;
  }

  /**
   * ρ, α·mean where it is relative, of eigenvalues that are `mean` on average; undefined where these are all 0
   * and say nothing of the scale: such a refresh keeps the inverse that there is.
   *
   * @throws NonFiniteError where ρ leaves the range of the dtype.
   */
  of(mean: number): number | undefined {
    if (this.#relative === undefined) return this.least;
    if (mean === 0) return undefined;
    const rho = Math.max(this.#relative * mean, LEAST);
    // Its inverse must be a normal number too.
    if (rho <= LARGEST[this.#dtype] / 16) return rho;
    throw new NonFiniteError('the damping, in proportion to the second moments,');
  }
}

/** Guards numbers ≥ `limit` that `dtype` can divide by. */
function atLeast(limit: number, dtype: DType): RestoreGuard<number> {
  return (where, name, value) => {
    checkInvertible(where, name, value, dtype);
    if (value >= limit) return;
    throw new RangeError(`${where}: ${name} is ${value}, expected at least ${limit}`);
  };
}
