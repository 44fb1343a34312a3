// The means of the rows of each example, by their definition.

import { build, type Matrix } from '../support/matrices.js';

/** A row, how much it counts, and what its example alone is called. */
export interface Line {
  readonly x: readonly number[];
  readonly weight: number;
  readonly example: string | number;
}

/** The lines of a matrix. */
export function linesOf(
  X: Matrix,
  exampleOf: (row: number) => string | number,
  weights?: readonly number[],
): Line[] {
  return Array.from({ length: X.rows }, (_, i) => ({
    x: Array.from({ length: X.cols }, (__, j) => X.at(i, j)),
    weight: weights?.[i] ?? 1,
    example: exampleOf(i),
  }));
}

/** X̄: for each of the first `most` examples √(its share)·(the weighted mean of its rows). */
export function meansOf(lines: readonly Line[], most = Number.POSITIVE_INFINITY): Matrix {
  const counted = lines.filter(({ weight }) => weight > 0);
  const names = [...new Set(counted.map(({ example }) => example))].slice(0, most);
  const groups = names.map((name) => counted.filter(({ example }) => example === name));
  const heaviest = groups.map((group) => Math.max(...group.map(({ weight }) => weight)));
  const all = heaviest.reduce((sum, weight) => sum + weight, 0);
  return build(groups.length, lines[0].x.length, (e, j) => {
    const total = groups[e].reduce((sum, { weight }) => sum + weight, 0);
    const sum = groups[e].reduce((so, { x, weight }) => so + weight * x[j], 0);
    return Math.sqrt(heaviest[e] / all) * (sum / total);
  });
}
