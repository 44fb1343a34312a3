// Rows that come in parts: every moment is the sum of theirs.

import type { Backend, Slot } from '../backend/backend.js';
import { checkFunction } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { SketchOf } from '../kernels/kernels.js';
import { checkFirst, checkSides, type Rows } from './rows.js';

/** Shows parts in their order to `visit`, at least until the `first` so many rows are in. */
export type VisitParts<D extends DType> = (visit: (part: Rows<D>) => void, first: number) => void;

/** Rows one part below the other. What extends it says which parts there are. */
export abstract class RowsInParts<D extends DType> implements Rows<D> {
  abstract readonly backend: Backend<D>;
  abstract readonly rows: number;
  abstract readonly cols: number;
  abstract readonly count: number;
  abstract readonly weights: ArrayLike<number> | undefined;
  abstract readonly exampleOf: ArrayLike<number> | undefined;

  abstract bound(): number | undefined;
  abstract dispose(): void;

  readonly #visitParts: VisitParts<D>;

  constructor(visitParts: VisitParts<D>) {
    this.#visitParts = visitParts;
  }

  secondMoment(weight: number, decay: number, A: Slot<D>): void {
    this.#add(decay, (part, keep) => part.secondMoment(weight, keep, A));
  }

  sketchMoment(S: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void {
    this.#add(decay, (part, keep) => part.sketchMoment(S, weight, keep, C));
  }

  sum(weight: number, decay: number, a: Slot<D>, first: number = this.rows): void {
    checkFirst('sum', first, this.rows);
    let left = first;
    this.#add(
      decay,
      (part, keep) => {
        if (left > 0) part.sum(weight, keep, a, Math.min(left, part.rows));
        left -= part.rows;
      },
      first,
    );
  }

  diagonal(weight: number, decay: number, a: Slot<D>): void {
    this.#add(decay, (part, keep) => part.diagonal(weight, keep, a));
  }

  squaredNorm(weight: number, decay: number, s: Slot<D>): void {
    this.#add(decay, (part, keep) => part.squaredNorm(weight, keep, s));
  }

  squares(T: Slot<D>, weight: number, decay: number, Y: Slot<D>): void {
    checkSides(this, T);
    let from = 0;
    this.#add(decay, (part, keep) => {
      this.backend.borrow((take) => {
        const own = take(T.rows, part.rows);
        this.backend.sliceColumns(T, from, own);
        part.squares(own, weight, keep, Y);
      });
      from += part.rows;
    });
  }

  visit(see: (strip: Slot<D>) => void): void {
    checkFunction('visit', 'see', see);
    this.#visitParts((part) => part.visit(see), this.rows);
  }

  /** The first part decays what is there, the others add to it. */
  #add(
    decay: number,
    moment: (part: Rows<D>, decay: number) => void,
    first: number = this.rows,
  ): void {
    let keep = decay;
    this.#visitParts((part) => {
      moment(part, keep);
      keep = 1;
    }, first);
  }
}
