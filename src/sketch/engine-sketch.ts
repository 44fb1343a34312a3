// The current sketch of a layer, on its engine: drawn, redrawn and put back by number.

import type { Engine } from '../backend/engine.js';
import type { SketchOperand, Slot } from '../backend/slot.js';
import type { StateEntry, Stateful } from '../backend/state.js';
import { checkInteger, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import type { Sketch, SketchShape } from './sketch.js';

/** The sketch with a given number: the same number must always give the same sketch. */
export type NumberedSketches<D extends DType> = (draw: number) => Sketch<D>;

/**
 * A sketch as its engine applies it. Only the engine's copy is kept: a dense S (p×r numbers), or the
 * indices of the columns it picks.
 */
export class EngineSketch<D extends DType> implements Stateful<D> {
  readonly #engine: Engine<D>;
  readonly #shape: SketchShape;
  readonly #source: NumberedSketches<D>;
  readonly #S: Slot<D> | undefined;
  #operand: SketchOperand<D>;
  #draws = 1;

  constructor(engine: Engine<D>, shape: SketchShape, source: NumberedSketches<D>) {
    this.#engine = engine;
    this.#shape = shape;
    this.#source = source;
    const sketch = this.#draw(0);
    this.#S = sketch.kind === 'gaussian' ? engine.allocate(shape.inputs, shape.width) : undefined;
    this.#operand = this.#hold(sketch);
  }

  /** What the engine's `sketchMoment` takes. */
  get operand(): SketchOperand<D> {
    return this.#operand;
  }

  /** The slots to read before {@link onHost}: S where it is dense, nothing for columns. */
  get reads(): readonly Slot<D>[] {
    return this.#S === undefined ? [] : [this.#S];
  }

  /** Replaces the sketch by the next one. */
  redraw(): void {
    this.#operand = this.#hold(this.#draw(this.#draws));
    this.#draws += 1;
  }

  /** The sketch that `operand` stood for, from what its {@link reads} gave. */
  onHost(operand: SketchOperand<D>, reads: readonly DenseMatrix<D>[]): Sketch<D> {
    return operand.kind === 'columns'
      ? { kind: 'subcolumn', ...this.#shape, indices: operand.indices }
      : { kind: 'gaussian', ...this.#shape, S: reads[0] };
  }

  /** The number of draws, and the sketch itself: a restored one need not come from this source. */
  get state(): readonly StateEntry<D>[] {
    const draws: StateEntry<D> = {
      name: 'draws',
      // The first sketch is drawn with the object.
      check: (where, name, value) => checkInteger(where, name, value, 1),
      get: () => this.#draws,
      set: (value) => {
        this.#draws = value;
      },
    };
    if (this.#S !== undefined) return [draws, { name: 'S', slot: this.#S }];
    const { width } = this.#shape;
    const checked = new Int32Array(width);
    return [draws, ...Array.from(checked, (_, j) => this.#columnEntry(j, checked))];
  }

  #columnEntry(j: number, checked: Int32Array): StateEntry<D> {
    const indices = (): Int32Array =>
      this.#operand.kind === 'columns' ? this.#operand.indices : new Int32Array(0);
    return {
      name: `column${j}`,
      check: (where, name, value) => {
        checkInteger(where, name, value, 0, this.#shape.inputs - 1);
        // Entries are checked in order: those before this one are of the same saved state.
        const twin = checked.subarray(0, j).indexOf(value);
        if (twin !== -1) {
          throw new RangeError(
            `${where}: ${name} is ${value} as column ${twin} is, expected distinct columns`,
          );
        }
        checked[j] = value;
      },
      get: () => indices()[j],
      set: (value) => {
        indices()[j] = value;
      },
    };
  }

  #draw(draw: number): Sketch<D> {
    const sketch = this.#source(draw);
    const { inputs, width } = this.#shape;
    const shape = { rows: sketch.inputs, cols: sketch.width };
    checkShape('sketch', `draw ${draw}`, shape, inputs, width);
    return sketch;
  }

  #hold(sketch: Sketch<D>): SketchOperand<D> {
    if (sketch.kind === 'subcolumn' && this.#S === undefined) {
      // A copy: a restore writes into it.
      return { kind: 'columns', indices: sketch.indices.slice() };
    }
    if (sketch.kind === 'gaussian' && this.#S !== undefined) {
      this.#engine.write(this.#S, sketch.S);
      return { kind: 'dense', S: this.#S };
    }
    throw new TypeError(`sketch: the source changed its kind to ${sketch.kind} between two draws`);
  }
}
