// Slots that hold immutable tensors, as they are or transposed.

import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Slot } from '../backend/slot.js';
import { checkInteger } from '../core/check.js';
import type { TensorFlow } from './tensorflow.js';

/** How a tensor holds a matrix: as it is ('rows'), or transposed ('columns'). */
export type Layout = 'rows' | 'columns';

/** Slots by the names that messages give them. */
type Named = Readonly<Record<string, Slot>>;

interface Content {
  /** Without a tensor the content is zeros. */
  tensor: Tensor2D | undefined;
  layout: Layout;
}

/**
 * The slots of one engine. A slot never changes its tensor: it gets another one, and the old one is
 * disposed of.
 */
export class TensorSlots {
  readonly #tf: TensorFlow;
  readonly #contents = new Map<Slot, Content>();
  readonly #freed = new WeakSet<Slot>();

  constructor(tf: TensorFlow) {
    this.#tf = tf;
  }

  /** A new slot of zeros, which take no memory. */
  allocate(rows: number, cols: number): Slot<'float32'> {
    checkInteger('allocate', 'rows', rows);
    checkInteger('allocate', 'cols', cols);
    const slot = { owner: this, dtype: 'float32', rows, cols } as const;
    this.#contents.set(slot, { tensor: undefined, layout: 'rows' });
    return slot;
  }

  /**
   * A new slot on the data of `tensor`, which is not copied; the handle itself stays the caller's.
   * A vector is a column. Of a tensor of higher rank the last axis counts, and the others are one.
   *
   * @throws TypeError where the tensor is not of float32.
   */
  adopt(tensor: Tensor, layout: Layout): Slot<'float32'> {
    if (tensor.dtype !== 'float32') {
      throw new TypeError(`adopt: tensor holds ${tensor.dtype}, expected float32`);
    }
    const last = tensor.shape[tensor.rank - 1] ?? 1;
    const [rows, cols] =
      tensor.rank < 2
        ? [tensor.size, 1]
        : layout === 'rows'
          ? [tensor.size / last, last]
          : [last, tensor.size / last];
    const slot = this.allocate(rows, cols);
    this.set(slot, layout, () => tensor.reshape(shapeIn(layout, slot)));
    return slot;
  }

  free(A: Slot): void {
    const content = this.#content('free', 'A', A);
    content.tensor?.dispose();
    this.#contents.delete(A);
    this.#freed.add(A);
  }

  /** Frees every slot. */
  dispose(): void {
    for (const A of this.#contents.keys()) this.free(A);
  }

  /** How the slot holds its matrix now. */
  layout(A: Slot): Layout {
    return this.#content('layout', 'A', A).layout;
  }

  /** The content in `layout`, for use within the tidy of one operation. */
  view(A: Slot, layout: Layout): Tensor2D {
    const { tensor, layout: held } = this.#content('view', 'A', A);
    const shape = shapeIn(layout, A);
    if (tensor === undefined) return this.#tf.zeros<Tensor2D['rankType']>(shape);
    if (held === layout) return tensor;
    return A.rows === 1 || A.cols === 1
      ? tensor.reshape<Tensor2D>(shape)
      : this.#tf.transpose(tensor);
  }

  /** Replaces the content by what `compute` makes; nothing changes where it throws. */
  set(A: Slot, layout: Layout, compute: () => Tensor2D): void {
    const content = this.#content('set', 'A', A);
    const tensor = this.#tf.keep(this.#tf.tidy(compute));
    content.tensor?.dispose();
    content.tensor = tensor;
    content.layout = layout;
  }

  /** All slots must be of this engine and in use, and no output may be another operand. */
  check(where: string, inputs: Named, outputs: Named): void {
    for (const [name, A] of Object.entries({ ...inputs, ...outputs })) {
      this.#content(where, name, A);
      for (const [output, C] of Object.entries(outputs)) {
        if (A !== C || name === output) continue;
        throw new RangeError(
          `${where}: ${output} is the slot of ${name} too, expected an output that is no other operand`,
        );
      }
    }
  }

  #content(where: string, name: string, A: Slot): Content {
    const content = this.#contents.get(A);
    if (content !== undefined) return content;
    throw new TypeError(
      this.#freed.has(A)
        ? `${where}: ${name} was freed, expected a slot in use`
        : `${where}: ${name} belongs to another engine, expected a slot of this one (tfjs)`,
    );
  }
}

function shapeIn(layout: Layout, { rows, cols }: Slot): [number, number] {
  return layout === 'rows' ? [rows, cols] : [cols, rows];
}
