// Rows times a number.

import type { Backend, Slot } from '../backend/backend.js';
import { checkFunction } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { SketchOf } from '../kernels/kernels.js';
import { checkSides, type Rows } from './rows.js';

/** cX, of rows that belong to it from now on; they count as often as before. Nothing is computed for it. */
export function scaledRows<D extends DType>(rows: Rows<D>, factor: number): Rows<D> {
  return factor === 1 ? rows : new ScaledRows(rows, factor);
}

class ScaledRows<D extends DType> implements Rows<D> {
  readonly backend: Backend<D>;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: ArrayLike<number> | undefined;
  readonly #X: Rows<D>;
  readonly #factor: number;

  constructor(X: Rows<D>, factor: number) {
    this.backend = X.backend;
    this.rows = X.rows;
    this.cols = X.cols;
    this.count = X.count;
    this.weights = X.weights;
    this.#X = X;
    this.#factor = factor;
  }

  get exampleOf(): ArrayLike<number> | undefined {
    return this.#X.exampleOf;
  }

  bound(): number | undefined {
    const bound = this.#X.bound();
    return bound === undefined ? undefined : this.#factor ** 2 * bound;
  }

  secondMoment(weight: number, decay: number, A: Slot<D>): void {
    this.#X.secondMoment(this.#factor ** 2 * weight, decay, A);
  }

  sketchMoment(S: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void {
    this.#X.sketchMoment(S, this.#factor ** 2 * weight, decay, C);
  }

  sum(weight: number, decay: number, a: Slot<D>, first?: number): void {
    this.#X.sum(this.#factor * weight, decay, a, first);
  }

  diagonal(weight: number, decay: number, a: Slot<D>): void {
    this.#X.diagonal(this.#factor ** 2 * weight, decay, a);
  }

  squaredNorm(weight: number, decay: number, s: Slot<D>): void {
    this.#X.squaredNorm(this.#factor ** 2 * weight, decay, s);
  }

  squares(T: Slot<D>, weight: number, decay: number, Y: Slot<D>): void {
    checkSides(this, T);
    this.#X.squares(T, this.#factor ** 2 * weight, decay, Y);
  }

  visit(see: (strip: Slot<D>) => void): void {
    checkFunction('visit', 'see', see);
    this.#X.visit((strip) => {
      this.backend.borrow((take) => {
        const scaled = take(strip.rows, strip.cols);
        this.backend.axpby(this.#factor, strip, 0, scaled);
        see(scaled);
      });
    });
  }

  dispose(): void {
    this.#X.dispose();
  }
}
