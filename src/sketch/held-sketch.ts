// The current sketch of a layer, on its backend: drawn, redrawn and put back by number.

import { type Backend, type Slot, upload } from '../backend/backend.js';
import { Cell, distinctIndices, type StateEntry, type Stateful } from '../backend/state.js';
import {
  checkChoice,
  checkDType,
  checkFinite,
  checkInteger,
  checkShape,
  checkType,
  isObject,
} from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkMatrix, type DenseMatrix } from '../core/matrix.js';
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
    const drawn = this.#draw(0);
    this.#operand = drawn.kind === 'dense' ? { kind: 'dense', S: upload(backend, drawn.S) } : drawn;
  }

  /** What the backend's `sketchMoment` takes. */
  get operand(): SketchOf<Slot<D>> {
    return this.#operand;
  }

  /** The slots to read before {@link onHost}: S where it is dense, nothing for columns. */
  get reads(): readonly Slot<D>[] {
    return this.#operand.kind === 'dense' ? [this.#operand.S] : [];
  }

  /**
   * Replaces the sketch by the next one.
   *
   * @throws TypeError or RangeError where the source gives no sketch of the same shape and kind; nothing
   *   has changed then.
   */
  redraw(): void {
    const number = this.#draws.value;
    const drawn = this.#draw(number);
    if (drawn.kind !== this.#operand.kind) {
      throw new TypeError(
        `sketch: draw ${number} is of kind '${drawn.kind}', expected '${this.#operand.kind}' as before`,
      );
    }
    if (drawn.kind === 'columns') this.#operand = drawn;
    else if (this.#operand.kind === 'dense') this.#backend.write(this.#operand.S, drawn.S);
    this.#draws.value = number + 1;
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

  /** A source may be anyone's: what it gives is checked, and indices are copied. */
  #draw(draw: number): SketchOf<DenseMatrix<D>> {
    const where = 'sketch';
    const name = `draw ${draw}`;
    const sketch = this.#source(draw);
    checkType(where, name, sketch, isObject(sketch), 'a sketch');
    checkChoice(where, `the kind of ${name}`, sketch.kind, ['dense', 'columns']);
    const { inputs, width } = this.#shape;
    checkShape(where, name, { rows: sketch.inputs, cols: sketch.width }, inputs, width);
    if (sketch.kind === 'columns') {
      return { kind: 'columns', indices: copyOfIndices(where, name, sketch.indices, this.#shape) };
    }
    checkMatrix(where, `S of ${name}`, sketch.S);
    checkDType(where, `S of ${name}`, sketch.S, this.#backend.dtype);
    checkShape(where, `S of ${name}`, sketch.S, inputs, width);
    checkFinite(where, `S of ${name}`, sketch.S);
    return sketch;
  }
}

/** `width` distinct integers of [0, inputs), from any array; the source may go on using its own. */
function copyOfIndices(
  where: string,
  name: string,
  indices: ArrayLike<number>,
  { inputs, width }: SketchShape,
): Int32Array {
  const listed = isObject(indices) && 'length' in indices;
  checkType(where, `indices of ${name}`, indices, listed, 'an array of numbers');
  checkInteger(where, `the number of indices of ${name}`, indices.length, width, width);
  // Before they are copied, because the copy would round them.
  for (let j = 0; j < width; j++) {
    checkInteger(where, `indices of ${name}, number ${j}`, indices[j], 0, inputs - 1);
  }
  const copy = Int32Array.from(indices);
  distinctIndices(inputs)(where, `indices of ${name}`, copy);
  return copy;
}
