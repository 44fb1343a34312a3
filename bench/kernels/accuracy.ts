// How exact products are: max |error|/Σ|ab| for all kernels and dtypes, against sums in twice the precision.

import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { randomKey, sampleWithoutReplacement } from '../../src/core/random.js';
import { kernelInfo, useKernels } from '../../src/kernels/selection.js';
import { isSupported } from '../../src/kernels/wasm/instance.js';
import { normalMatrix, product } from '../measure/matrices.js';

/** One line of the table. */
export interface Accuracy {
  readonly kind: string;
  readonly variant: string;
  readonly dtype: DType;
  /** The common dimension of the product. */
  readonly depth: number;
  /** max |error|/Σ|ab| over the entries that were looked at, and the same in units of ε. */
  readonly error: number;
  readonly errorInEpsilons: number;
}

const ENTRIES = 400;
const SIZE = 256;
const DEPTHS = [256, 4096] as const;

/** All kernels that run here, both dtypes. The kernels that ran before run again afterwards. */
export function measureAccuracy(): Accuracy[] {
  const choices = [
    () => useKernels('typescript'),
    ...(['strict', 'relaxed'] as const)
      .filter(isSupported)
      .map((arithmetic) => () => useKernels('wasm', { arithmetic })),
  ];
  const dtypes = ['float32', 'float64'] as const;
  const rows = choices.flatMap((choose) => {
    choose();
    return dtypes.flatMap((dtype) => DEPTHS.map((depth) => accuracyOf(dtype, depth)));
  });
  useKernels('auto');
  return rows;
}

function accuracyOf(dtype: DType, depth: number): Accuracy {
  const A = normalMatrix(dtype, SIZE, depth, randomKey(1));
  const B = normalMatrix(dtype, depth, SIZE, randomKey(2));
  const C = product(A, B);
  const [A64, B64] = [convert(A, 'float64'), convert(B, 'float64')];
  let error = 0;
  for (const entry of sampleWithoutReplacement(randomKey(3), SIZE * SIZE, ENTRIES)) {
    const [i, j] = [Math.floor(entry / SIZE), entry % SIZE];
    const { sum, size } = exactDot(A64, i, B64, j);
    error = Math.max(error, Math.abs(C.at(i, j) - sum) / size);
  }
  const { kind, variant } = kernelInfo();
  return { kind, variant, dtype, depth, error, errorInEpsilons: error / EPSILON[dtype] };
}

/**
 * Σ AᵢₖBₖⱼ as if in twice the precision, and Σ|AᵢₖBₖⱼ|. Source: Ogita, Rump and Oishi, "Accurate Sum and
 * Dot Product" (2005), Algorithm Dot2.
 */
function exactDot(A: DenseMatrix, i: number, B: DenseMatrix, j: number) {
  let sum = 0;
  let lost = 0;
  let size = 0;
  for (let k = 0; k < A.cols; k++) {
    const [a, b] = [A.at(i, k), B.at(k, j)];
    const ab = a * b;
    const next = sum + ab;
    const back = next - sum;
    lost += sum - (next - back) + (ab - back) + productError(a, b, ab);
    sum = next;
    size += Math.abs(ab);
  }
  return { sum: sum + lost, size };
}

/** ab − fl(ab), exactly: Dekker's product of halves. */
function productError(a: number, b: number, ab: number): number {
  const [a1, a2] = halves(a);
  const [b1, b2] = halves(b);
  return a2 * b2 - (ab - a1 * b1 - a2 * b1 - a1 * b2);
}

function halves(x: number): [number, number] {
  const c = 134_217_729 * x; // 2²⁷ + 1
  const high = c - (c - x);
  return [high, x - high];
}
