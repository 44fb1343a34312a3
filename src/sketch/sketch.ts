// A drawn sketch, by what it is in memory: the one place above the backend that tells forms apart.

import { type Backend, place, type Slot, upload } from '../backend/backend.js';
import { checkSketchOperand } from '../backend/slots.js';
import { distinctIndices, type StateEntry } from '../backend/state.js';
import {
  checkChoice,
  checkDType,
  checkInteger,
  checkNonNegative,
  checkShape,
  checkType,
  isObject,
} from '../core/check.js';
import { DTYPES, type DType } from '../core/dtype.js';
import {
  checkFinite,
  checkMatrix,
  convert,
  copyInto,
  type DenseMatrix,
  type Matrix64,
  zeros,
} from '../core/matrix.js';
import { Workspace } from '../core/workspace.js';
import { gemm } from '../kernels/gemm.js';
import { checkIndices, takeIndices } from '../kernels/indices.js';
import { SKETCH_FORMS, type SketchOf } from '../kernels/kernels.js';
import type { SketchShape } from './shape.js';

/**
 * A drawn sketch S (p×r): a matrix, or columns of I, whatever distribution it came from. A value, never
 * changed after it is drawn.
 */
export type Sketch<D extends DType = DType> = SketchShape & SketchOf<DenseMatrix<D>>;

/**
 * `sketch` must be one, whoever drew it.
 *
 * @throws TypeError or RangeError where it is not.
 */
export function checkSketch(where: string, sketch: Sketch): void {
  checkType(where, 'sketch', sketch, isObject(sketch), 'a sketch, as drawSketch makes it');
  const { inputs, width, kind } = sketch;
  checkInteger(where, 'inputs of sketch', inputs, 1);
  checkInteger(where, 'width of sketch', width, 1, inputs);
  checkChoice(where, 'kind of sketch', kind, SKETCH_FORMS);
  if (sketch.kind === 'dense') {
    checkMatrix(where, 'S of sketch', sketch.S);
    checkShape(where, 'S of sketch', sketch.S, inputs, width);
  } else {
    const indices = takeIndices(where, sketch.indices, inputs);
    checkInteger(where, 'the number of indices', indices.length, width, width);
  }
}

/** Whether two sketches are the same matrix in the same form and dtype, bit for bit. */
export function sameSketch(a: Sketch, b: Sketch): boolean {
  if (a.inputs !== b.inputs || a.width !== b.width) return false;
  if (a.kind === 'dense') {
    return b.kind === 'dense' && a.S.dtype === b.S.dtype && sameElements(a.S, b.S);
  }
  return b.kind === 'columns' && a.indices.every((index, j) => index === b.indices[j]);
}

function sameElements(A: DenseMatrix, B: DenseMatrix): boolean {
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) {
      if (A.at(i, j) !== B.at(i, j)) return false;
    }
  }
  return true;
}

/**
 * Yt ← (C + νS)ᵀ in float64, whatever the dtypes of C and S. C is p×r, Yt is r×p: its rows are the long
 * columns of C + νS, as factorisations want them.
 *
 * Cost: 2pr flops (dense), r additions and pr copies (columns).
 *
 * @throws RangeError where a shape does not fit or `nu` is not a finite number ≥ 0; Yt is untouched then.
 */
export function shiftedTranspose(C: DenseMatrix, nu: number, sketch: Sketch, Yt: Matrix64): void {
  checkShape('shiftedTranspose', 'C', C, sketch.inputs, sketch.width);
  checkNonNegative('shiftedTranspose', 'nu', nu);
  checkShape('shiftedTranspose', 'Yt', Yt, sketch.width, sketch.inputs);
  if (sketch.kind === 'dense') {
    addTransposed(C, nu, sketch.S, Yt);
  } else {
    addTransposed(C, 0, C, Yt);
    sketch.indices.forEach((i, j) => {
      Yt.set(j, i, Yt.at(j, i) + nu);
    });
  }
}

/** Yt ← (C + νS)ᵀ. With ν = 0, S is not read. */
function addTransposed(C: DenseMatrix, nu: number, S: DenseMatrix, Yt: Matrix64): void {
  const [c, s, y] = [C.data, S.data, Yt.data];
  const { rows, cols } = C;
  const [strideC, strideS] = [C.stride, S.stride];
  for (let j = 0; j < cols; j++) {
    let fromC = C.offset + j;
    let to = Yt.offset + j * Yt.stride;
    const end = to + rows;
    if (nu === 0) {
      for (; to < end; to++, fromC += strideC) y[to] = c[fromC];
    } else {
      let fromS = S.offset + j;
      for (; to < end; to++, fromC += strideC, fromS += strideS) y[to] = c[fromC] + nu * s[fromS];
    }
  }
}

/**
 * B ← SᵀY in float64, whatever the dtype of S, from Yᵀ. Yt is n×p, B is r×n.
 *
 * Cost: 2prn flops and pr numbers of workspace (dense), rn copies (columns: the rows of Y that S
 * picks).
 *
 * @throws RangeError where a shape does not fit; B is untouched then.
 */
export function applySketchTranspose(
  sketch: Sketch,
  Yt: Matrix64,
  B: Matrix64,
  workspace: Workspace = new Workspace(),
): void {
  checkShape('applySketchTranspose', 'Yt', Yt, Yt.rows, sketch.inputs);
  checkShape('applySketchTranspose', 'B', B, sketch.width, Yt.rows);
  if (sketch.kind === 'dense') {
    workspace.scope(() => {
      const S = workspace.take('float64', sketch.inputs, sketch.width);
      copyInto(sketch.S, S);
      gemm(1, S, 'T', Yt, 'T', 0, B);
    });
  } else {
    sketch.indices.forEach((i, j) => {
      for (let k = 0; k < Yt.rows; k++) B.set(j, k, Yt.at(k, i));
    });
  }
}

/**
 * S as a new dense p×r matrix of `dtype`. Cost: p·r.
 *
 * @throws TypeError or RangeError for what is no sketch, RangeError for an unknown dtype.
 */
export function denseSketch<D extends DType>(sketch: Sketch, dtype: D): DenseMatrix<D> {
  checkSketch('denseSketch', sketch);
  checkChoice('denseSketch', 'dtype', dtype, DTYPES);
  return sketch.kind === 'dense'
    ? convert(sketch.S, dtype)
    : columnsOfIdentity(dtype, sketch.inputs, sketch.indices);
}

function columnsOfIdentity<D extends DType>(
  dtype: D,
  rows: number,
  indices: Int32Array,
): DenseMatrix<D> {
  const S = zeros(dtype, rows, indices.length);
  indices.forEach((i, j) => {
    S.set(i, j, 1);
  });
  return S;
}

/**
 * `body` on S as one slot of p rows: its own where it is dense, otherwise one made for the moment.
 *
 * @throws TypeError or RangeError where S is no sketch, or not of p rows.
 */
export function withDense<D extends DType>(
  where: string,
  backend: Backend<D>,
  sketch: SketchOf<Slot<D>>,
  rows: number,
  body: (S: Slot<D>) => void,
): void {
  checkSketchOperand(where, sketch);
  if (sketch.kind === 'dense') {
    body(sketch.S);
    return;
  }
  const indices = takeIndices(where, sketch.indices, rows);
  const S = place(backend, columnsOfIdentity(backend.dtype, rows, indices));
  try {
    body(S);
  } finally {
    backend.free(S);
  }
}

/** The sketch with `f` of each of its matrices, in their order; what lies on the host stays. */
export function mapMatrices<From, To>(
  sketch: SketchOf<From>,
  f: (matrix: From, index: number) => To,
): SketchOf<To> {
  return sketch.kind === 'dense' ? { kind: 'dense', S: f(sketch.S, 0) } : sketch;
}

/** The matrices of a sketch, in their order. */
export function matricesOf<Matrix>(sketch: SketchOf<Matrix>): readonly Matrix[] {
  const matrices: Matrix[] = [];
  mapMatrices(sketch, (matrix) => matrices.push(matrix));
  return matrices;
}

/** A sketch as the operand of `backend`, with its matrices in new slots: {@link freeSketch} frees them. */
export function holdSketch<D extends DType>(
  backend: Backend<D>,
  sketch: SketchOf<DenseMatrix<D>>,
): SketchOf<Slot<D>> {
  return mapMatrices(sketch, (matrix) => upload(backend, matrix));
}

/** Frees what {@link holdSketch} made. */
export function freeSketch<D extends DType>(backend: Backend<D>, sketch: SketchOf<Slot<D>>): void {
  for (const slot of matricesOf(sketch)) backend.free(slot);
}

/** The columns of S. */
export function widthOf<D extends DType>(operand: SketchOf<Slot<D>>): number {
  return operand.kind === 'dense' ? operand.S.cols : operand.indices.length;
}

/** The operand with room for a matrix of `width` columns, of whatever content; lists stay as they are. */
export function resizeSketch<D extends DType>(
  backend: Backend<D>,
  operand: SketchOf<Slot<D>>,
  width: number,
): SketchOf<Slot<D>> {
  return mapMatrices(operand, (slot) => {
    if (slot.cols === width) return slot;
    const resized = backend.allocate(slot.rows, width);
    backend.free(slot);
    return resized;
  });
}

/** The state of a held sketch of a form that stays: its slots, and lists that are replaced. */
export function sketchState<D extends DType>(
  backend: Backend<D>,
  inputs: number,
  held: { operand: SketchOf<Slot<D>> },
): StateEntry<D>[] {
  if (held.operand.kind === 'dense') {
    const { S } = held.operand;
    const matrix: StateEntry<D> = {
      name: 'S',
      holds: {
        get slot() {
          return held.operand.kind === 'dense' ? held.operand.S : S;
        },
        resize(columns) {
          held.operand = resizeSketch(backend, held.operand, columns);
        },
      },
    };
    return [matrix];
  }
  const columns: StateEntry<D> = {
    name: 'columns',
    holds: {
      get length() {
        return widthOf(held.operand);
      },
      check: distinctIndices(inputs),
      get: () => (held.operand.kind === 'columns' ? held.operand.indices : new Int32Array(0)),
      set: (indices) => {
        held.operand = { kind: 'columns', indices };
      },
    },
  };
  return [columns];
}

/**
 * A sketch that may be anyone's, checked to be of this shape and dtype. Lists are copied, matrices are not.
 *
 * @throws TypeError or RangeError where it is no such sketch.
 */
export function takeSketch<D extends DType>(
  where: string,
  name: string,
  sketch: Sketch<D>,
  shape: SketchShape,
  dtype: D,
): SketchOf<DenseMatrix<D>> {
  checkType(where, name, sketch, isObject(sketch), 'a sketch');
  checkChoice(where, `the kind of ${name}`, sketch.kind, SKETCH_FORMS);
  const { inputs, width } = shape;
  checkShape(where, name, { rows: sketch.inputs, cols: sketch.width }, inputs, width);
  if (sketch.kind === 'columns') {
    return { kind: 'columns', indices: copyOfIndices(where, name, sketch.indices, shape) };
  }
  const { S } = sketch;
  checkMatrix(where, `S of ${name}`, S);
  checkDType(where, `S of ${name}`, S, dtype);
  checkShape(where, `S of ${name}`, S, inputs, width);
  checkFinite(where, `S of ${name}`, S);
  return { kind: 'dense', S };
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
  checkIndices(where, (j) => `indices of ${name}, number ${j}`, indices, inputs);
  const copy = Int32Array.from(indices);
  distinctIndices(inputs)(where, `indices of ${name}`, copy);
  return copy;
}
