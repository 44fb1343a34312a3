// The operations that are timed, ours beside ml-matrix's way of doing the same.

import {
  CholeskyDecomposition,
  EigenvalueDecomposition,
  inverse,
  type Matrix,
  QrDecomposition,
} from 'ml-matrix';
import { cpuEngine } from '../../src/backend/cpu.js';
import { upload } from '../../src/backend/engine.js';
import type { DType } from '../../src/core/dtype.js';
import { convert, type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { toMlMatrix } from '../../src/ml-matrix.js';
import { fillNormal, foldIn, type RandomKey, randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { syrk } from '../../src/kernels/syrk.js';
import { cholesky, spdInverse } from '../../src/linalg/cholesky.js';
import { eigh } from '../../src/linalg/eigh.js';
import { thinQr } from '../../src/linalg/qr.js';

/** Something to run again and again. */
export type Work = () => unknown;

/** One operation at one size. */
export interface KernelCase {
  readonly name: string;
  /** Floating-point operations of the textbook algorithm, for rates. */
  readonly flops: number;
  /** Our routine on operands of a dtype, which are made here, outside of what is timed. */
  readonly ours: (dtype: DType) => Work;
  /** The same by ml-matrix, always in float64. */
  readonly peer: () => Work;
}

const rows = 4096;
const p = 577;
const symmetric = { assumeSymmetric: true } as const;

/** Every case, on operands that `seed` determines. */
export function kernelCases(seed: number): KernelCase[] {
  const key = randomKey(seed);
  const X = gaussian(foldIn(key, 0), rows, p);
  const A = zeros('float64', p, p);
  syrk(1 / rows, X, 'T', 0, A, 'both');
  return [
    ...[64, 128, 256, 512].map((n) => product(gaussian(foldIn(key, n), n, n))),
    secondMoment(X),
    ...[10, 50].map((r) => sketch(X, gaussian(foldIn(key, r), p, r))),
    factorisation('Cholesky', p ** 3 / 3, A, cholesky, (M) => new CholeskyDecomposition(M)),
    factorisation('inverse', p ** 3, A, spdInverse, (M) => inverse(M)),
    factorisation('eigh', 9 * p ** 3, A, eigh, (M) => new EigenvalueDecomposition(M, symmetric)),
    ...[10, 50].map((r) => {
      const T = gaussian(foldIn(key, 2 * r), p, r);
      return factorisation('thin QR', 4 * p * r ** 2, T, thinQr, (M) => {
        return new QrDecomposition(M).orthogonalMatrix;
      });
    }),
  ];
}

function gaussian(key: RandomKey, m: number, n: number): DenseMatrix<'float64'> {
  const A = zeros('float64', m, n);
  fillNormal(key, A.data);
  return A;
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

function secondMoment(X: DenseMatrix<'float64'>): KernelCase {
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
      const engine = cpuEngine(dtype);
      const Y = upload(engine, convert(X, dtype));
      const operand = { kind: 'dense', S: upload(engine, convert(S, dtype)) } as const;
      const C = engine.allocate(X.cols, S.cols);
      return () => engine.sketchMoment(Y, operand, 1, 0, C);
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
