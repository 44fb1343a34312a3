// How a quantity grows with p: its values at every size, and the exponent that fits them.

import { logLogSlope } from '../report/statistics.js';
import type { Allocation, Run } from './allocation.js';
import { type Contender, contenders, type Quantity } from './contenders.js';
import type { Times } from './measure.js';

/** What one contender costs at one p. */
export interface Row extends Run {
  readonly times: Times;
  /** Bytes that the layer keeps between steps. */
  readonly kept: number;
  /** undefined where it was not counted. */
  readonly allocated: Pick<Allocation, 'refresh' | 'apply'> | undefined;
}

/** One quantity of one contender against p. */
export interface Growth {
  readonly method: string;
  readonly quantity: Quantity;
  readonly values: readonly { readonly inputs: number; readonly value: number }[];
  /** The least-squares slope of log value against log p; undefined where fewer than two sizes ran. */
  readonly slope: number | undefined;
  /** The exponent that theory gives. */
  readonly expected: number | undefined;
}

/** Milliseconds or bytes; undefined where there is nothing to do. */
const values: Readonly<Record<Quantity, (row: Row) => number | undefined>> = {
  observe: ({ times }) => times.observe?.median,
  refresh: ({ times }) => times.refresh?.median,
  apply: ({ times }) => times.apply.median,
  kept: ({ kept }) => kept,
  allocated: ({ times, allocated }) =>
    times.refresh === undefined ? undefined : allocated?.refresh,
};

/** The growth of a quantity, one entry for every contender that ran. */
export function growths(rows: readonly Row[], quantity: Quantity): Growth[] {
  return contenders.flatMap((contender) => {
    const own = rows.filter(({ method }) => method === contender.name);
    return own.length === 0 ? [] : [growthOf(contender, quantity, own)];
  });
}

function growthOf(
  { name, exponents }: Contender,
  quantity: Quantity,
  rows: readonly Row[],
): Growth {
  const known = rows.flatMap((row) => {
    const value = values[quantity](row);
    return value === undefined ? [] : [{ inputs: row.inputs, value }];
  });
  const [x, y] = [known.map(({ inputs }) => inputs), known.map(({ value }) => value)];
  const slope = known.length < 2 ? undefined : logLogSlope(x, y);
  return { method: name, quantity, values: known, slope, expected: exponents[quantity] };
}
