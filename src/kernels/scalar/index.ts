// The kernels in plain TypeScript: what runs where WebAssembly does not.

import { DenseMatrix } from '../../core/matrix.js';
import { fillNormal, type RandomKey } from '../../core/random.js';
import type { Kernels, SketchMatrix } from '../kernels.js';
import { factorCholesky, invertFactored } from './cholesky.js';
import { accumulate, factorColumns } from './householder.js';
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
  factorColumns,
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

/** XS of the largest batch so far, in float64 for both dtypes: its range must not be that of X. */
let workspace = new Float64Array(0);

function sketchMoment(
  alpha: number,
  X: DenseMatrix,
  sketch: SketchMatrix,
  beta: number,
  C: DenseMatrix,
): void {
  const { rows: m } = X;
  const { cols: r } = C;
  if (workspace.length < m * r) workspace = new Float64Array(m * r);
  const XS = new DenseMatrix('float64', m, r, workspace);
  if (sketch.kind === 'dense') packedProduct(1, X, 'N', sketch.S, 'N', 0, XS, false);
  else gather(X, sketch.indices, XS);
  packedProduct(alpha, X, 'T', XS, 'N', beta, C, false);
}

/** C ← the columns of A that the indices name. */
function gather(A: DenseMatrix, indices: Int32Array, C: DenseMatrix): void {
  for (let i = 0; i < C.rows; i++) {
    const row = A.offset + i * A.stride;
    for (let j = 0; j < C.cols; j++) C.set(i, j, A.data[row + indices[j]]);
  }
}
