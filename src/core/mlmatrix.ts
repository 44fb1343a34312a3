// The only file that names ml-matrix: conversion both ways.

import { Matrix } from 'ml-matrix';
import type { DType } from './dtype.js';
import { type DenseMatrix, zeros } from './matrix.js';

/** The part of an ml-matrix matrix that is read, so that any copy or version of it is accepted. */
export interface MlMatrixLike {
  readonly rows: number;
  readonly columns: number;
  get(row: number, column: number): number;
}

/** Whether a value looks like an ml-matrix matrix. */
export function isMlMatrix(value: unknown): value is MlMatrixLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    'rows' in value &&
    'columns' in value &&
    'get' in value &&
    typeof value.get === 'function'
  );
}

/**
 * A copy of an ml-matrix matrix (float64 unless `dtype` says otherwise).
 *
 * @throws RangeError for an unknown dtype.
 */
export function fromMlMatrix(M: MlMatrixLike): DenseMatrix<'float64'>;
export function fromMlMatrix<D extends DType>(M: MlMatrixLike, dtype: D): DenseMatrix<D>;
export function fromMlMatrix(M: MlMatrixLike, dtype: DType = 'float64'): DenseMatrix {
  const A = zeros(dtype, M.rows, M.columns);
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) A.set(i, j, M.get(i, j));
  }
  return A;
}

/** A copy of `A` as an ml-matrix `Matrix` (always float64). */
export function toMlMatrix(A: DenseMatrix): Matrix {
  const M = new Matrix(A.rows, A.cols);
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) M.set(i, j, A.at(i, j));
  }
  return M;
}
