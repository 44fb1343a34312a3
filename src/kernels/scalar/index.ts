// The kernels in plain TypeScript: what runs where WebAssembly does not.

import type { DType } from '../../core/dtype.js';
import { DenseMatrix } from '../../core/matrix.js';
import { fillNormal, type RandomKey } from '../../core/random.js';
import type { Kernels, SketchMatrix } from '../kernels.js';
import { gatherColumns } from '../level1.js';
import { factorCholesky, invertFactored } from './cholesky.js';
import { accumulate, reduceColumns } from './householder.js';
import { packedProduct } from './packed.js';
import { rotate } from './rotations.js';
import { solveTriangular } from './solve.js';
import { tridiagonalise } from './tridiagonal.js';

/** One dtype for every sum: float64. A float32 result is rounded once every 256 terms. */
export const scalarKernels: Kernels = {
  product: packedProduct,
  sketchMoment,
  fillNormal: fillColumns,
  solve: solveTriangular,
  cholesky: factorCholesky,
  invertFactored,
  reduceColumns,
  accumulate,
  tridiagonalise,
  rotate,
};

function fillColumns(key: RandomKey, scale: number, S: DenseMatrix): void {
  const { rows: p, cols: r, offset, stride } = S;
  const columns = new Float64Array(p * r);
  fillNormal(key, columns, { scale });
  const elements = S.data;
  for (let j = 0; j < r; j++) {
    const from = j * p;
    for (let i = 0; i < p; i++) elements[offset + i * stride + j] = columns[from + i];
  }
}

/** XS of the largest batch so far. */
const workspace = { float32: new Float32Array(0), float64: new Float64Array(0) };

function rowsTimesSketch(dtype: DType, rows: number, cols: number): DenseMatrix {
  const count = rows * cols;
  if (dtype === 'float32') {
    if (workspace.float32.length < count) workspace.float32 = new Float32Array(count);
    return new DenseMatrix(dtype, rows, cols, workspace.float32);
  }
  if (workspace.float64.length < count) workspace.float64 = new Float64Array(count);
  return new DenseMatrix(dtype, rows, cols, workspace.float64);
}

function sketchMoment(
  alpha: number,
  X: DenseMatrix,
  sketch: SketchMatrix,
  beta: number,
  C: DenseMatrix,
): void {
  const XS = rowsTimesSketch(X.dtype, X.rows, C.cols);
  if (sketch.kind === 'dense') packedProduct(1, X, 'N', sketch.S, 'N', 0, XS, false);
  else gatherColumns(X, sketch.indices, XS);
  packedProduct(alpha, X, 'T', XS, 'N', beta, C, false);
}
