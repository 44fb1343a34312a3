// The current sketch of a layer, on its backend: drawn, redrawn and put back by number.

import { type Backend, type Slot, upload } from '../backend/backend.js';
import { Cell, distinctIndices, type StateEntry, type Stateful } from '../backend/state.js';
import { checkInteger, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import type { SketchOf } from '../kernels/kernels.js';
import type { SketchShape } from './shape.js';
import type { Sketch } from './sketch.js';

/** The sketch with a given number: the same number must always give the same sketch. */
export type NumberedSketches<D extends DType> = (draw: number) => Sketch<D>;

/**
 * A sketch as its backend applies it. Only the backend's copy is kept: a dense S (p×r numbers), or the
 * indices of the columns it picks.
 */
export class HeldSketch<D extends DType> implements Stateful<D> {
  readonly #backend: Backend<D>;
  readonly #shape: SketchShape;
  readonly #source: NumberedSketches<D>;
  /** How many sketches have been drawn; the first one comes with the object. */
  readonly #draws = new Cell(1, (where, name, value) => checkInteger(where, name, value, 1));
  #operand: SketchOf<Slot<D>>;

  constructor(backend: Backend<D>, shape: SketchShape, source: NumberedSketches<D>) {
    this.#backend = backend;
    this.#shape = shape;
    this.#source = source;
    const sketch = this.#draw(0);
    this.#operand =
      sketch.kind === 'dense'
        ? { kind: 'dense', S: upload(backend, sketch.S) }
        : // A copy: the source may go on using its own.
          { kind: 'columns', indices: Int32Array.from(sketch.indices) };
  }

  /** What the backend's `sketchMoment` takes. */
  get operand(): SketchOf<Slot<D>> {
    return this.#operand;
  }

  /** The slots to read before {@link onHost}: S where it is dense, nothing for columns. */
  get reads(): readonly Slot<D>[] {
    return this.#operand.kind === 'dense' ? [this.#operand.S] : [];
  }

  /** Replaces the sketch by the next one. */
  redraw(): void {
    const sketch = this.#draw(this.#draws.value);
    if (sketch.kind !== this.#operand.kind) {
      throw new TypeError(
        `sketch: draw ${this.#draws.value} is of kind '${sketch.kind}', expected '${this.#operand.kind}' as before`,
      );
    }
    if (sketch.kind === 'columns') {
      this.#operand = { kind: 'columns', indices: Int32Array.from(sketch.indices) };
    } else if (this.#operand.kind === 'dense') this.#backend.write(this.#operand.S, sketch.S);
    this.#draws.value += 1;
  }

  /** The sketch that `operand` stood for, from what its {@link reads} gave. */
  onHost(operand: SketchOf<Slot<D>>, reads: readonly DenseMatrix<D>[]): Sketch<D> {
    return operand.kind === 'columns'
      ? { kind: 'columns', ...this.#shape, indices: operand.indices }
      : { kind: 'dense', ...this.#shape, S: reads[0] };
  }

  /** The number of draws, and the sketch itself: a restored one need not come from this source. */
  get state(): readonly StateEntry<D>[] {
    const { inputs, width } = this.#shape;
    const operand = this.#operand;
    const draws: StateEntry<D> = { name: 'draws', holds: this.#draws };
    if (operand.kind === 'dense') return [draws, { name: 'S', holds: { slot: operand.S } }];
    const columns: StateEntry<D> = {
      name: 'columns',
      holds: {
        length: width,
        check: distinctIndices(inputs),
        get: () => (this.#operand.kind === 'columns' ? this.#operand.indices : new Int32Array(0)),
        set: (indices) => {
          this.#operand = { kind: 'columns', indices };
        },
      },
    };
    return [draws, columns];
  }

  #draw(draw: number): Sketch<D> {
    const sketch = this.#source(draw);
    const { inputs, width } = this.#shape;
    const shape = { rows: sketch.inputs, cols: sketch.width };
    checkShape('sketch', `draw ${draw}`, shape, inputs, width);
    return sketch;
  }
}
