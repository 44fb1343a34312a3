// Work cut into parts that are computed apart, to the same bits as the whole.

/** Rows [from, to). */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Ranges begin on whole register tiles. */
const TILE = 5;

/** Below this many flops a part is not worth waking a thread. */
const FEWEST_FLOPS = 2 ** 22;

/** How many of `threads` are worth their while on work of so many flops. */
export function parts(flops: number, threads: number): number {
  return Math.max(1, Math.min(threads, Math.floor(flops / FEWEST_FLOPS)));
}

/** `rows` rows in `count` ranges of equal length, whole tiles each; empty ones are left out. */
export function evenRanges(rows: number, count: number): Range[] {
  return ranges(rows, count, (share) => share);
}

/** The same, of equal area on and below the diagonal. */
export function triangularRanges(rows: number, count: number): Range[] {
  return ranges(rows, count, Math.sqrt);
}

function ranges(rows: number, count: number, boundary: (share: number) => number): Range[] {
  const at = (k: number): number =>
    k === count ? rows : TILE * Math.round((rows * boundary(k / count)) / TILE);
  return Array.from({ length: count }, (_, k) => ({
    from: Math.min(at(k), rows),
    to: Math.min(at(k + 1), rows),
  })).filter(({ from, to }) => to > from);
}
