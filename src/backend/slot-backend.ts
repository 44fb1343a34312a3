// The backend that is made of primitives: every check of an operation is here.

import {
  checkArray,
  checkChoice,
  checkDType,
  checkFunction,
  checkInteger,
  checkNonNegative,
  checkScalar,
  checkShape,
} from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkMatrix, type DenseMatrix, OPS, type Op } from '../core/matrix.js';
import { takeIndices } from '../kernels/indices.js';
import type { FusedSketch, SketchOf } from '../kernels/kernels.js';
import type { Backend, BackendInfo, Slot, Take } from './backend.js';
import { checkPrimitives, type Primitives } from './primitives.js';
import { Scratch } from './scratch.js';
import { checkSketchOperand, type Named, SlotTable } from './slots.js';

/**
 * The backend that computes with `primitives`.
 *
 * Scalars, owners, shapes, freed slots, aliasing and indices are checked here, so that primitives need
 * not.
 *
 * @throws TypeError where a primitive is missing or no function, RangeError for an unknown dtype.
 */
export function backendFrom<D extends DType, Content>(
  primitives: Primitives<D, Content>,
): Backend<D> {
  checkPrimitives('backendFrom', primitives);
  return new SlotBackend(primitives);
}

/** The class of {@link backendFrom}, for backends that can do more: they extend it. */
export class SlotBackend<D extends DType, Content> implements Backend<D> {
  readonly dtype: D;
  readonly info: BackendInfo;
  readonly readSync?: (A: Slot<D>) => DenseMatrix<D>;
  readonly bound?: (A: Slot<D>) => number;
  readonly #on: Primitives<D, Content>;
  readonly #slots: SlotTable<D, Content>;
  readonly #scratch: Scratch<D>;

  constructor(primitives: Primitives<D, Content>) {
    const { dtype, info, sharing } = primitives;
    const readSync = primitives.readSync?.bind(primitives);
    const bound = primitives.bound?.bind(primitives);
    const overlap = sharing?.overlap.bind(sharing);
    this.dtype = dtype;
    this.info = info;
    this.#on = primitives;
    this.#slots = new SlotTable(dtype, () => `${info.name}, ${info.variant}`, overlap);
    this.#scratch = new Scratch(this);
    if (readSync !== undefined) {
      this.readSync = (A) => readSync(this.contentOf('readSync', 'A', A));
    }
    if (bound !== undefined) {
      this.bound = (A) => bound(this.contentOf('bound', 'A', A));
    }
  }

  allocate(rows: number, cols: number): Slot<D> {
    checkInteger('allocate', 'rows', rows);
    checkInteger('allocate', 'cols', cols);
    return this.hold(rows, cols, this.#on.allocate(rows, cols));
  }

  write(A: Slot<D>, value: DenseMatrix<D>): void {
    const content = this.contentOf('write', 'A', A);
    checkMatrix('write', 'value', value);
    checkDType('write', 'value', value, this.dtype);
    checkShape('write', 'value', value, A.rows, A.cols);
    this.#on.write(content, value);
  }

  free(A: Slot<D>): void {
    // Apart, because an optional call that is left out leaves out its arguments too.
    const content = this.#slots.remove(A);
    this.#on.free?.(content);
  }

  // Not async: a bad slot is an error of the call.
  read(A: Slot<D>): Promise<DenseMatrix<D>> {
    return this.#on.read(this.contentOf('read', 'A', A));
  }

  firstOverlap(slots: readonly Slot<D>[]): readonly [number, number] | undefined {
    checkArray('firstOverlap', 'slots', slots);
    const contents = slots.map((A, i) => this.contentOf('firstOverlap', `slots[${i}]`, A));
    const { sharing } = this.#on;
    return sharing === undefined ? firstRepeated(slots) : sharing.first(contents);
  }

  borrow(body: (take: Take<D>) => void): void {
    checkFunction('borrow', 'body', body);
    this.#scratch.borrow(body);
  }

  gemm(alpha: number, A: Slot<D>, opA: Op, B: Slot<D>, opB: Op, beta: number, C: Slot<D>): void {
    checkChoice('gemm', 'opA', opA, OPS);
    checkChoice('gemm', 'opB', opB, OPS);
    this.#scalar('gemm', 'alpha', alpha);
    this.#scalar('gemm', 'beta', beta);
    const a = this.contentOf('gemm', 'A', A);
    const b = this.contentOf('gemm', 'B', B);
    const [m, k] = opA === 'N' ? [A.rows, A.cols] : [A.cols, A.rows];
    const n = opB === 'N' ? B.cols : B.rows;
    checkShape('gemm', 'B', B, opB === 'N' ? k : n, opB === 'N' ? n : k);
    const c = this.#output('gemm', 'C', C, m, n, { A, B });
    this.#on.gemm(alpha, a, opA, b, opB, beta, c);
  }

  syrk(alpha: number, A: Slot<D>, beta: number, C: Slot<D>): void {
    this.#scalar('syrk', 'alpha', alpha);
    this.#scalar('syrk', 'beta', beta);
    const a = this.contentOf('syrk', 'A', A);
    const c = this.#output('syrk', 'C', C, A.cols, A.cols, { A });
    this.#on.syrk(alpha, a, beta, c);
  }

  sketchMoment(X: Slot<D>, S: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void {
    const where = 'sketchMoment';
    this.#scalar(where, 'weight', weight);
    this.#scalar(where, 'decay', decay);
    const x = this.contentOf(where, 'X', X);
    checkSketchOperand(where, S);
    const { width, slots, known, applyTo } = this.#sketch(X, S);
    const c = this.#output(where, 'C', C, X.cols, width, { X, ...slots });
    const { fused } = this.#on;
    if (fused?.sketchMoment !== undefined && known !== undefined) {
      fused.sketchMoment(x, known, weight, decay, c);
      return;
    }
    this.borrow((take) => {
      const XS = take(X.rows, width);
      applyTo(XS, take);
      this.gemm(weight, X, 'T', XS, 'N', decay, C);
    });
  }

  axpby(alpha: number, A: Slot<D>, beta: number, C: Slot<D>): void {
    this.#scalar('axpby', 'alpha', alpha);
    this.#scalar('axpby', 'beta', beta);
    const a = this.contentOf('axpby', 'A', A);
    const c = this.#output('axpby', 'C', C, A.rows, A.cols, A === C ? {} : { A });
    this.#on.axpby(alpha, a, beta, c);
  }

  multiply(alpha: number, A: Slot<D>, B: Slot<D>, beta: number, C: Slot<D>): void {
    this.#scalar('multiply', 'alpha', alpha);
    this.#scalar('multiply', 'beta', beta);
    const a = this.contentOf('multiply', 'A', A);
    const b = this.#like('multiply', 'B', B, A);
    const c = this.#output('multiply', 'C', C, A.rows, A.cols, { A, B });
    this.#on.multiply(alpha, a, b, beta, c);
  }

  divide(A: Slot<D>, B: Slot<D>, shift: number, C: Slot<D>): void {
    this.#scalar('divide', 'shift', shift);
    const a = this.contentOf('divide', 'A', A);
    const b = this.#like('divide', 'B', B, A);
    const c = this.#output('divide', 'C', C, A.rows, A.cols, { A, B });
    this.#on.divide(a, b, shift, c);
  }

  divideByRoot(
    alpha: number,
    A: Slot<D>,
    beta: number,
    B: Slot<D>,
    shift: number,
    C: Slot<D>,
  ): void {
    this.#scalar('divideByRoot', 'alpha', alpha);
    this.#scalar('divideByRoot', 'beta', beta);
    this.#scalar('divideByRoot', 'shift', shift);
    const a = this.contentOf('divideByRoot', 'A', A);
    const b = this.#like('divideByRoot', 'B', B, A);
    const c = this.#output('divideByRoot', 'C', C, A.rows, A.cols, { A, B });
    this.#on.divideByRoot(alpha, a, beta, b, shift, c);
  }

  dot(alpha: number, A: Slot<D>, B: Slot<D>, beta: number, s: Slot<D>): void {
    this.#scalar('dot', 'alpha', alpha);
    this.#scalar('dot', 'beta', beta);
    const a = this.contentOf('dot', 'A', A);
    const b = this.#like('dot', 'B', B, A);
    const sum = this.#output('dot', 's', s, 1, 1, { A, B });
    this.#on.dot(alpha, a, b, beta, sum);
  }

  clip(s: Slot<D>, limit: number, C: Slot<D>): void {
    checkNonNegative('clip', 'limit', limit, this.dtype);
    const sum = this.contentOf('clip', 's', s);
    checkShape('clip', 's', s, 1, 1);
    this.contentOf('clip', 'C', C);
    const c = this.#output('clip', 'C', C, C.rows, C.cols, { s });
    this.#on.clip(sum, limit, c);
  }

  joinColumns(A: Slot<D>, B: Slot<D>, C: Slot<D>): void {
    const a = this.contentOf('joinColumns', 'A', A);
    const b = this.contentOf('joinColumns', 'B', B);
    checkShape('joinColumns', 'B', B, A.rows, B.cols);
    const c = this.#output('joinColumns', 'C', C, A.rows, A.cols + B.cols, { A, B });
    this.#on.joinColumns(a, b, c);
  }

  sliceColumns(A: Slot<D>, from: number, C: Slot<D>): void {
    const a = this.contentOf('sliceColumns', 'A', A);
    this.contentOf('sliceColumns', 'C', C);
    const c = this.#output('sliceColumns', 'C', C, A.rows, C.cols, { A });
    checkShape('sliceColumns', 'C', C, A.rows, Math.min(C.cols, A.cols));
    checkInteger('sliceColumns', 'from', from, 0, A.cols - C.cols);
    this.#on.sliceColumns(a, from, c);
  }

  gatherColumns(A: Slot<D>, indices: Int32Array, C: Slot<D>): void {
    const a = this.contentOf('gatherColumns', 'A', A);
    const columns = takeIndices('gatherColumns', indices, A.cols);
    const c = this.#output('gatherColumns', 'C', C, A.rows, columns.length, { A });
    this.#on.gatherColumns(a, columns, c);
  }

  /** A new slot on `content`, which is freed with it. */
  protected hold(rows: number, cols: number, content: Content): Slot<D> {
    return this.#slots.make(rows, cols, content);
  }

  /** What a slot of this backend stands for. */
  protected contentOf(where: string, name: string, A: Slot<D>): Content {
    return this.#slots.content(where, name, A);
  }

  /** What an output stands for, of a shape that fits and apart from all inputs. */
  #output(
    where: string,
    name: string,
    C: Slot<D>,
    rows: number,
    cols: number,
    inputs: Named<D>,
  ): Content {
    const content = this.contentOf(where, name, C);
    this.#slots.checkOutput(where, name, C, rows, cols, inputs);
    return content;
  }

  #like(where: string, name: string, B: Slot<D>, A: Slot<D>): Content {
    const content = this.contentOf(where, name, B);
    checkShape(where, name, B, A.rows, A.cols);
    return content;
  }

  #scalar(where: string, name: string, value: number): void {
    checkScalar(where, name, value, this.dtype);
  }

  /** S, checked: the one place that tells its forms apart here. */
  #sketch(X: Slot<D>, sketch: SketchOf<Slot<D>>): Applied<D, Content> {
    if (sketch.kind === 'columns') {
      const indices = takeIndices('sketchMoment', sketch.indices, X.cols);
      return {
        width: indices.length,
        slots: {},
        known: { kind: 'columns', indices },
        applyTo: (XS) => this.gatherColumns(X, indices, XS),
      };
    }
    const { S } = sketch;
    const content = this.contentOf('sketchMoment', 'S', S);
    checkShape('sketchMoment', 'S', S, X.cols, S.cols);
    return {
      width: S.cols,
      slots: { S },
      known: { kind: 'dense', S: content },
      applyTo: (XS) => this.gemm(1, X, 'N', S, 'N', 0, XS),
    };
  }
}

/** How X meets a sketch S, whatever its form. */
interface Applied<D extends DType, Content> {
  /** The columns of S. */
  readonly width: number;
  /** The slots of S, which the output must be apart from. */
  readonly slots: Named<D>;
  /** S as a fused Xᵀ(XS) takes it, where it is of a form that such a one knows. */
  readonly known: FusedSketch<Content> | undefined;
  /** XS ← X·S. */
  applyTo(this: void, XS: Slot<D>, take: Take<D>): void;
}

/** Where memory is never shared, a slot overlaps itself alone. */
function firstRepeated(slots: readonly Slot[]): readonly [number, number] | undefined {
  const seen = new Map<Slot, number>();
  for (const [index, A] of slots.entries()) {
    const before = seen.get(A);
    if (before !== undefined) return [before, index];
    seen.set(A, index);
  }
  return undefined;
}
