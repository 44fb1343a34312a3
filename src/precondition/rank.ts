// The rank of a layer's factor: a number, or what its data ask for.

import { isObject } from '../core/check.js';
import { guarded, integer, type Option } from '../core/options.js';
import { rankWithin } from '../nystrom/certificate.js';

/** A rank that follows the data: the least whose residual is at most this, as every refresh finds it. */
export interface RankFromData {
  /** The part of tr A that may remain unseen, in (0, 1). */
  readonly residual: number;
  /** The largest rank that a layer may have, an integer ≥ 1. */
  readonly max: number;
}

/** The option: r itself, or what it has to reach. */
export const RANK: Option<number | RankFromData> = integer(1).or(
  guarded('{ residual: a number in (0, 1), max: an integer >= 1 }', isRankFromData),
);

function isRankFromData(value: unknown): value is RankFromData {
  if (!isObject(value) || !('residual' in value) || !('max' in value)) return false;
  const { residual, max } = value;
  return (
    Object.keys(value).length === 2 &&
    typeof residual === 'number' &&
    residual > 0 &&
    residual < 1 &&
    typeof max === 'number' &&
    Number.isSafeInteger(max) &&
    max >= 1
  );
}

/** The rank that layers begin with. */
const FIRST = 10;

/** r of the first window. */
export function firstRank(rank: number | RankFromData): number {
  return typeof rank === 'number' ? rank : Math.min(FIRST, rank.max);
}

/** A smaller rank must keep the residual below this much of what is asked, so that the rank does not waver. */
const MARGIN = 0.8;

/**
 * The rank of the next window: the least that reaches the residual, of all eigenvalues that the sketch has shown,
 * or twice as many where none does. It grows at once, and shrinks only where a margin is left. A window that has
 * shown nothing says nothing of it.
 *
 * @param eigenvalues λ̂ of the whole sketch, in descending order.
 * @param rank The rank of this window, at most `most`.
 */
export function nextRank(
  eigenvalues: Float64Array,
  trace: number,
  residual: number,
  rank: number,
  most: number,
): number {
  if (trace === 0) return rank;
  const needed = rankWithin(eigenvalues, trace, residual);
  if (needed === undefined) return Math.min(2 * rank, most);
  if (needed > rank) return Math.min(needed, most);
  const comfortable = rankWithin(eigenvalues, trace, MARGIN * residual) ?? rank;
  return Math.max(1, Math.min(rank, comfortable));
}

/**
 * The columns of a sketch beyond its rank, where nobody says: half as many where the rank follows the data, since
 * without any the factor is several times worse than the best of its rank.
 */
export function defaultOversampling(rank: number | RankFromData, now: number): number {
  return typeof rank === 'number' ? 0 : Math.ceil(now / 2);
}
