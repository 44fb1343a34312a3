// The table of a backend's slots: owner, use after free and shape are looked up here and nowhere else.

import { checkChoice, checkShape, checkType, isObject } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { SKETCH_FORMS, type SketchOf } from '../kernels/kernels.js';
import type { Slot } from './backend.js';

/** Slots by the names that messages give them. */
export type Named<D extends DType> = Readonly<Record<string, Slot<D>>>;

/** Maps every slot to what its backend keeps of it. */
export class SlotTable<D extends DType, Content> {
  readonly #dtype: D;
  /** The backend's name, for messages. */
  readonly #title: () => string;
  /** Present where contents may share memory. */
  readonly #overlap: ((A: Content, B: Content) => boolean) | undefined;
  // Weak: a slot that nobody holds any more takes what it stands for with it.
  readonly #contents = new WeakMap<Slot<D>, Content>();
  readonly #freed = new WeakSet<Slot<D>>();

  constructor(
    dtype: D,
    title: () => string,
    overlap: ((A: Content, B: Content) => boolean) | undefined,
  ) {
    this.#dtype = dtype;
    this.#title = title;
    this.#overlap = overlap;
  }

  /** A new slot that stands for `content`. */
  make(rows: number, cols: number, content: Content): Slot<D> {
    const A: Slot<D> = Object.freeze({ dtype: this.#dtype, rows, cols });
    this.#contents.set(A, content);
    return A;
  }

  /**
   * What a slot stands for.
   *
   * @throws TypeError where it is freed, or of another backend.
   */
  content(where: string, name: string, A: Slot<D>): Content {
    const content = this.#contents.get(A);
    if (content !== undefined) return content;
    throw new TypeError(
      this.#freed.has(A)
        ? `${where}: ${name} was freed, expected a slot in use`
        : `${where}: ${name} belongs to another backend, expected a slot of this one (${this.#title()})`,
    );
  }

  /**
   * An output must fit and be apart from all inputs.
   *
   * @throws TypeError as {@link content}, RangeError where it has another shape, is the slot of an input,
   *   or shares memory with one.
   */
  checkOutput(
    where: string,
    name: string,
    C: Slot<D>,
    rows: number,
    cols: number,
    inputs: Named<D>,
  ): void {
    checkShape(where, name, C, rows, cols);
    for (const input in inputs) {
      if (inputs[input] === C) {
        throw new RangeError(
          `${where}: ${name} is the slot of ${input} too, expected an output that is no other operand`,
        );
      }
      if (
        this.#overlap?.(this.content(where, input, inputs[input]), this.content(where, name, C))
      ) {
        throw new RangeError(
          `${where}: ${name} shares memory with ${input}, expected an output that overlaps no input`,
        );
      }
    }
  }

  /** Forgets a slot; what it stood for is the caller's to give back. */
  remove(A: Slot<D>): Content {
    const content = this.content('free', 'A', A);
    this.#contents.delete(A);
    this.#freed.add(A);
    return content;
  }
}

/** S must be of a form that there is; what is in it is checked with what it is applied to. */
export function checkSketchOperand(where: string, S: SketchOf<Slot>): void {
  checkType(where, 'S', S, isObject(S), 'a sketch');
  checkChoice(where, 'kind of S', S.kind, SKETCH_FORMS);
}
