// A matrix as a grid of tiles, none of them larger than the device allows.

import type { Program } from './program.js';

/** The outcome of a kernel, and the kernel, which must outlive it. */
export class Texture {
  readonly handle: object;
  readonly program: Program;
  /** Reads that have begun and not ended. */
  readers = 0;
  /** Whether it goes with the last of them. */
  dropped = false;

  constructor(handle: object, program: Program) {
    this.handle = handle;
    this.program = program;
  }
}

/** One tile. Every operation replaces its texture, since no kernel may write what it reads. */
export class Tile {
  readonly rows: number;
  readonly cols: number;
  /** Whether it holds anything as far as enqueued; until then it stands for zeros. */
  filled = false;
  /** Its content as far as the queue has run. */
  texture: Texture | undefined;

  constructor(rows: number, cols: number) {
    this.rows = rows;
    this.cols = cols;
  }
}

/** A stretch of rows or columns. */
export interface Span {
  readonly start: number;
  readonly size: number;
}

/** [0, length) in stretches of `edge`, the last of them shorter. */
function spans(length: number, edge: number): Span[] {
  return Array.from({ length: Math.ceil(length / edge) }, (_, k) => ({
    start: k * edge,
    size: Math.min(edge, length - k * edge),
  }));
}

/** The tiles of a rows × cols matrix; none if it has no elements. */
export class Grid {
  readonly rows: number;
  readonly cols: number;
  readonly down: readonly Span[];
  readonly across: readonly Span[];
  readonly #tiles: readonly (readonly Tile[])[];

  constructor(rows: number, cols: number, edge: number) {
    this.rows = rows;
    this.cols = cols;
    this.down = spans(rows, edge);
    this.across = spans(cols, edge);
    this.#tiles = this.down.map(({ size }) => this.across.map((span) => new Tile(size, span.size)));
  }

  at(i: number, j: number): Tile {
    return this.#tiles[i][j];
  }

  /** Every tile, with its place in the grid. */
  forEach(visit: (tile: Tile, i: number, j: number) => void): void {
    this.#tiles.forEach((row, i) => {
      row.forEach((tile, j) => {
        visit(tile, i, j);
      });
    });
  }
}
