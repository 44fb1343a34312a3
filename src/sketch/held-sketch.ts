// The current sketch of a layer, on its backend: drawn, redrawn and put back by number.

import type { Backend, Slot } from '../backend/backend.js';
import { Cell, type StateEntry, type Stateful } from '../backend/state.js';
import { checkInteger } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import type { SketchOf } from '../kernels/kernels.js';
import type { SketchShape } from './shape.js';
import {
  holdSketch,
  mapMatrices,
  matricesOf,
  resizeSketch,
  type Sketch,
  sketchState,
  takeSketch,
  widthOf,
} from './sketch.js';

/** The sketch with a given number: the same number must always give the same sketch. */
export type NumberedSketches<D extends DType> = (draw: number) => Sketch<D>;

/** A sketch as its backend applies it. Only the backend's copy of its matrices is kept. */
export class HeldSketch<D extends DType> implements Stateful<D> {
  readonly #backend: Backend<D>;
  readonly #inputs: number;
  readonly #source: NumberedSketches<D>;
  /** How many sketches have been drawn; the first one comes with the object. */
  readonly #draws = new Cell(1, (where, name, value) => checkInteger(where, name, value, 1));
  readonly #held: { operand: SketchOf<Slot<D>> };

  constructor(backend: Backend<D>, shape: SketchShape, source: NumberedSketches<D>) {
    this.#backend = backend;
    this.#inputs = shape.inputs;
    this.#source = source;
    this.#held = { operand: holdSketch(backend, this.#draw(0, source, shape.width)) };
  }

  /** What the backend's `sketchMoment` takes. */
  get operand(): SketchOf<Slot<D>> {
    return this.#held.operand;
  }

  /** The slots to read before {@link onHost}: those of its matrices. */
  get reads(): readonly Slot<D>[] {
    return matricesOf(this.operand);
  }

  /**
   * Replaces the sketch by the next one, and gives it.
   *
   * @param source Where it comes from, for sketches that follow what was found with the last one.
   * @param width Its columns: as many as before, unless said.
   * @throws TypeError or RangeError where the source gives no sketch of this shape and the same kind; nothing
   *   has changed then.
   */
  redraw(
    source: NumberedSketches<D> = this.#source,
    width: number = widthOf(this.operand),
  ): Sketch<D> {
    const number = this.#draws.value;
    const drawn = this.#draw(number, source, width);
    const { kind } = this.operand;
    if (drawn.kind !== kind) {
      throw new TypeError(
        `sketch: draw ${number} is of kind '${drawn.kind}', expected '${kind}' as before`,
      );
    }
    this.#held.operand = resizeSketch(this.#backend, this.operand, width);
    const slots = this.reads;
    matricesOf(drawn).forEach((matrix, index) => {
      this.#backend.write(slots[index], matrix);
    });
    this.#held.operand = mapMatrices(drawn, (_, index) => slots[index]);
    this.#draws.value = number + 1;
    return { inputs: this.#inputs, width, ...drawn };
  }

  /** The sketch that `operand` stood for, from what its {@link reads} gave. */
  onHost(operand: SketchOf<Slot<D>>, reads: readonly DenseMatrix<D>[]): Sketch<D> {
    const shape = { inputs: this.#inputs, width: widthOf(operand) };
    return { ...shape, ...mapMatrices(operand, (_, index) => reads[index]) };
  }

  /** The number of draws, and the sketch itself: a restored one need not come from this source. */
  get state(): readonly StateEntry<D>[] {
    return [
      { name: 'draws', holds: this.#draws },
      ...sketchState(this.#backend, this.#inputs, this.#held),
    ];
  }

  /** A source may be anyone's: what it gives is checked. */
  #draw(draw: number, source: NumberedSketches<D>, width: number): SketchOf<DenseMatrix<D>> {
    const sketch = source(draw);
    const shape = { inputs: this.#inputs, width };
    return takeSketch('sketch', `draw ${draw}`, sketch, shape, this.#backend.dtype);
  }
}
