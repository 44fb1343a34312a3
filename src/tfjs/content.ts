// Matrices held by immutable tensors: as they are, transposed, or both.

import type { Tensor2D } from '@tensorflow/tfjs';
import type { Op } from '../core/matrix.js';
import type { TensorFlowCore } from './tensorflow.js';

/** How a tensor holds a matrix: as it is ('rows'), or transposed ('columns'). */
export type Layout = 'rows' | 'columns';

/**
 * How a tensor of any rank holds a matrix: as {@link Layout} has it, with its last axis for one side and all
 * others for the other; or 'depthwise', as 'columns' with the last two axes for one, as kernels
 * [height, width, channels, multiplier] of depthwise convolutions hold a filter for each channel and
 * multiple.
 */
export type WeightLayout = Layout | 'depthwise';

/** The layout of the matrix, once the axes of either side are one. */
export function matrixLayout(layout: WeightLayout): Layout {
  return layout === 'depthwise' ? 'columns' : layout;
}

/** What a slot stands for. */
export interface TensorContent {
  readonly rows: number;
  readonly cols: number;
  /** The matrix in one layout or in both: one tensor for both if it is symmetric. Zeros hold none. */
  held: Readonly<Partial<Record<Layout, Tensor2D>>>;
  /** Whether a transposed copy is kept, because the content is used often before it changes. */
  lasting: boolean;
}

/** op(A), an operand. */
export type Operand = readonly [A: TensorContent, op: Op];

/** A transposed copy that is kept serves this many operations at least: each bears its share. */
const USES = 16;

/** Reads and replaces contents. A tensor never changes: the content gets another one. */
export class TensorContents {
  readonly #tf: TensorFlowCore;

  constructor(tf: TensorFlowCore) {
    this.#tf = tf;
  }

  /** The layout in which the operands need the fewest transpositions; `preferred` if in doubt. */
  cheapest(preferred: Layout, ...operands: readonly Operand[]): Layout {
    const other = transposed(preferred);
    let difference = 0;
    for (const [A, op] of operands) {
      difference += cost(A, underOp(other, op)) - cost(A, underOp(preferred, op));
    }
    return difference < 0 ? other : preferred;
  }

  /** op(A) in `layout`, for use within one computation. */
  view(A: TensorContent, layout: Layout, op: Op = 'N'): Tensor2D {
    const wanted = underOp(layout, op);
    const there = A.held[wanted];
    if (there !== undefined) return there;
    const shape = shapeIn(wanted, A);
    const other = A.held[transposed(wanted)];
    if (other === undefined) return this.#tf.zeros<Tensor2D['rankType']>(shape);
    if (isVector(A)) return this.#tf.reshape<Tensor2D['rankType']>(other, shape);
    const copy = this.#tf.transpose(other);
    if (A.lasting) A.held = { ...A.held, [wanted]: this.#tf.keep(copy) };
    return copy;
  }

  /**
   * C ← what `compute` makes in `layout`, or in both where it is symmetric. It must be a tensor of
   * its own. Nothing changes where `compute` throws.
   */
  set(C: TensorContent, layout: Layout | 'both', compute: () => Tensor2D): void {
    // Not every backend of TensorFlow.js can make a tensor of no elements.
    if (C.rows * C.cols === 0) return;
    const tensor = this.#tf.keep(this.#tf.tidy(compute));
    this.clear(C);
    C.held = layout === 'both' ? { rows: tensor, columns: tensor } : { [layout]: tensor };
  }

  /** C ← 0, which gives its memory back. */
  clear(C: TensorContent): void {
    // A tensor that is both is disposed of once: the second time has no effect.
    C.held.rows?.dispose();
    C.held.columns?.dispose();
    C.held = {};
    C.lasting = false;
  }
}

/** Zeros, which take no memory. */
export function zeroContent(rows: number, cols: number): TensorContent {
  return { rows, cols, held: {}, lasting: false };
}

/** Whether A is known to be zero. */
export function isZero({ held }: TensorContent): boolean {
  return held.rows === undefined && held.columns === undefined;
}

/** A layout that needs no transposition of A. */
export function layoutOf({ held }: TensorContent): Layout {
  return held.columns === undefined ? 'rows' : 'columns';
}

/** The shape of a tensor that holds A in `layout`. */
export function shapeIn(
  layout: Layout,
  { rows, cols }: { readonly rows: number; readonly cols: number },
): [number, number] {
  return layout === 'rows' ? [rows, cols] : [cols, rows];
}

/** The elements to move before A is there in `layout`. */
function cost(A: TensorContent, layout: Layout): number {
  if (A.held[layout] !== undefined || isZero(A) || isVector(A)) return 0;
  return (A.rows * A.cols) / (A.lasting ? USES : 1);
}

/** The layout of A that op(A) has in `layout`. */
function underOp(layout: Layout, op: Op): Layout {
  return op === 'N' ? layout : transposed(layout);
}

function transposed(layout: Layout): Layout {
  return layout === 'rows' ? 'columns' : 'rows';
}

/** Its elements have one order in both layouts. */
function isVector({ rows, cols }: TensorContent): boolean {
  return rows === 1 || cols === 1;
}
