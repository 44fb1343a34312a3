// The operations that are timed, ours beside ml-matrix's way of doing the same.

import {
  CholeskyDecomposition,
  EigenvalueDecomposition,
  inverse,
  type Matrix,
  QrDecomposition,
} from 'ml-matrix';
import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { convert, type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { syrk } from '../../src/kernels/syrk.js';
import { cholesky, spdInverse } from '../../src/linalg/cholesky.js';
import { eigh } from '../../src/linalg/eigh.js';
import { thinQr } from '../../src/linalg/qr.js';
import { toMlMatrix } from '../../src/ml-matrix.js';
import { normalMatrix, secondMoment } from '../measure/matrices.js';
import type { Work } from '../measure/timing.js';

/** One operation at one size. */
export interface KernelCase {
  readonly name: string;
  /** Floating-point operations of the textbook algorithm, for rates. */
  readonly flops: number;
  /** Our routine on operands of a dtype, which are made here, outside of what is timed. */
  readonly ours: (dtype: DType) => Work['run'];
  /** The same by ml-matrix, always in float64. */
  readonly peer: () => Work['run'];
}

const rows = 4096;
const p = 577;
const symmetric = { assumeSymmetric: true } as const;

/** Every case, on operands that `seed` determines. */
export function kernelCases(seed: number): KernelCase[] {
  const key = randomKey(seed);
  const normal = (m: number, n: number, stream: number) =>
    normalMatrix('float64', m, n, foldIn(key, stream));
  const X = normal(rows, p, 0);
  const A = secondMoment(X);
  return [
    ...[64, 128, 256, 512].map((n) => product(normal(n, n, n))),
    moment(X),
    ...[10, 50].map((r) => sketch(X, normal(p, r, r))),
    factorisation('Cholesky', p ** 3 / 3, A, cholesky, (M) => new CholeskyDecomposition(M)),
    factorisation('inverse', p ** 3, A, spdInverse, (M) => inverse(M)),
    factorisation('eigh', 9 * p ** 3, A, eigh, (M) => new EigenvalueDecomposition(M, symmetric)),
    ...[10, 50].map((r) => {
      const T = normal(p, r, 2 * r);
      return factorisation('thin QR', 4 * p * r ** 2, T, thinQr, (M) => {
        return new QrDecomposition(M).orthogonalMatrix;
      });
    }),
  ];
}

function product(A: DenseMatrix<'float64'>): KernelCase {
  const n = A.rows;
  return {
    name: `A·A, ${n}×${n}`,
    flops: 2 * n ** 3,
    ours: (dtype) => {
      const B = convert(A, dtype);
      const C = zeros(dtype, n, n);
      return () => gemm(1, B, 'N', B, 'N', 0, C);
    },
    peer: () => {
      const M = toMlMatrix(A);
      return () => M.mmul(M);
    },
  };
}

function moment(X: DenseMatrix<'float64'>): KernelCase {
  return {
    name: `XᵀX, X ${X.rows}×${X.cols}`,
    flops: X.rows * X.cols ** 2,
    ours: (dtype) => {
      const Y = convert(X, dtype);
      const C = zeros(dtype, X.cols, X.cols);
      return () => syrk(1, Y, 'T', 0, C, 'both');
    },
    peer: () => {
      const M = toMlMatrix(X);
      return () => M.transpose().mmul(M);
    },
  };
}

function sketch(X: DenseMatrix<'float64'>, S: DenseMatrix<'float64'>): KernelCase {
  return {
    name: `Xᵀ(XS), X ${X.rows}×${X.cols}, r = ${S.cols}`,
    flops: 4 * X.rows * X.cols * S.cols,
    ours: (dtype) => {
      const backend = cpuBackend(dtype);
      const Y = upload(backend, convert(X, dtype));
      const operand = { kind: 'dense', S: upload(backend, convert(S, dtype)) } as const;
      const C = backend.allocate(X.cols, S.cols);
      return () => backend.sketchMoment(Y, operand, 1, 0, C);
    },
    peer: () => {
      const [M, T] = [toMlMatrix(X), toMlMatrix(S)];
      return () => M.transpose().mmul(M.mmul(T));
    },
  };
}

function factorisation(
  name: string,
  flops: number,
  A: DenseMatrix<'float64'>,
  ours: (A: DenseMatrix) => unknown,
  peer: (M: Matrix) => unknown,
): KernelCase {
  return {
    name: `${name}, ${A.rows}×${A.cols}`,
    flops,
    ours: (dtype) => {
      const B = convert(A, dtype);
      return () => ours(B);
    },
    peer: () => {
      const M = toMlMatrix(A);
      return () => peer(M);
    },
  };
}
