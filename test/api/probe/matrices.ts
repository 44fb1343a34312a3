// The valid calls of nysact/linalg, nysact/random, nysact/ml-matrix, and of matrices themselves.

import { isDenseMatrix } from '../../../src/core/matrix.js';
import * as root from '../../../src/index.js';
import * as linalg from '../../../src/linalg/index.js';
import * as mlMatrix from '../../../src/ml-matrix.js';
import * as random from '../../../src/random.js';
import { callable, integer, optional, own, real, record, that, word } from './kinds.js';
import { exported, method, type Routine } from './probe.js';

/** A symmetric positive definite matrix of order 3. */
export function spd(): root.DenseMatrix<'float64'> {
  return root.asMatrix(
    [
      [4, 1, 0],
      [1, 3, 1],
      [0, 1, 2],
    ],
    { dtype: 'float64' },
  );
}

/** rows × cols numbers between 0 and 1. */
export function dense(rows: number, cols: number): root.DenseMatrix<'float64'> {
  const A = root.zeros('float64', rows, cols);
  random.fillUniform(random.randomKey(rows + 10 * cols), A.data);
  return A;
}

const matrix = own;
/** Any matrix whose memory is there. */
const anyMatrix = that((value) => isDenseMatrix(value) && value.data.length > 0);
const tall = that((value) => isDenseMatrix(value) && value.rows === 7);
const workspace = optional(own);
const sweeps = optional(record({ maxSweeps: optional(integer(1)) }));
const key = own;
const seed = () => random.randomKey(1);
const small = (value: unknown) => typeof value === 'number' && Number.isSafeInteger(value);
const size = that((value) => small(value) && Number(value) >= 0);
const output = own;

/** A matrix as users have them. */
const input = that((value) => anyMatrix.has(value) || (Array.isArray(value) && value.length === 0));

export const matrices: readonly Routine[] = [
  exported(root, 'zeros', { dtype: word, rows: size, cols: size }, () => ['float64', 2, 3]),
  exported(
    root,
    'asMatrix',
    { input, options: record({ dtype: word, cols: optional(integer()) }) },
    () => [[[1, 2, 3]], { dtype: 'float64', cols: 3 }],
  ),
  method(
    'DenseMatrix.view',
    { row: integer(0, 1), col: integer(0, 1), rows: integer(0, 1), cols: integer(0, 1) },
    () => dense(2, 2),
    () => [1, 1, 1, 1],
    { where: 'DenseMatrix.view' },
  ),
  method(
    'DenseMatrix.clone',
    {},
    () => dense(2, 2),
    () => [],
  ),
  method(
    'DenseMatrix.toArrays',
    {},
    () => dense(2, 2),
    () => [],
  ),

  exported(
    linalg,
    'gemm',
    { alpha: real, A: matrix, opA: word, B: matrix, opB: word, beta: real, C: matrix },
    () => [1, dense(2, 3), 'N', dense(3, 4), 'N', 0, dense(2, 4)],
  ),
  exported(
    linalg,
    'syrk',
    { alpha: real, A: matrix, op: word, beta: real, C: matrix, triangle: word },
    () => [1, dense(3, 2), 'N', 0, dense(3, 3), 'both'],
  ),
  exported(linalg, 'trsm', { side: word, op: word, alpha: real, L: matrix, B: matrix }, () => [
    'left',
    'N',
    1,
    linalg.cholesky(spd()),
    dense(3, 2),
  ]),
  exported(linalg, 'axpby', { alpha: real, A: matrix, beta: real, C: matrix }, () => [
    1,
    dense(2, 3),
    1,
    dense(2, 3),
  ]),
  exported(linalg, 'dot', { A: matrix, B: matrix }, () => [dense(2, 3), dense(2, 3)]),
  exported(linalg, 'frobeniusNorm', { A: anyMatrix }, () => [dense(2, 3)]),
  exported(linalg, 'scale', { alpha: real, C: anyMatrix }, () => [2, dense(2, 3)]),
  exported(linalg, 'transpose', { A: matrix, C: matrix }, () => [dense(2, 3), dense(3, 2)]),
  exported(linalg, 'convert', { A: anyMatrix, dtype: word }, () => [dense(2, 3), 'float32']),
  exported(linalg, 'identity', { dtype: word, n: size }, () => ['float64', 2]),
  exported(linalg, 'cholesky', { A: matrix }, () => [spd()]),
  exported(linalg, 'choleskyInPlace', { A: matrix }, () => [spd()]),
  exported(linalg, 'solveCholesky', { L: matrix, B: matrix }, () => [
    linalg.cholesky(spd()),
    dense(3, 2),
  ]),
  exported(linalg, 'spdInverse', { A: matrix, workspace }, () => [spd(), new linalg.Workspace()]),
  exported(linalg, 'eigh', { A: matrix, options: sweeps, workspace }, () => [spd(), {}]),
  exported(linalg, 'eigvalsh', { A: matrix, options: sweeps, workspace }, () => [spd(), {}]),
  exported(linalg, 'thinQr', { A: tall, workspace }, () => [dense(3, 2)]),
  method(
    'Workspace.scope',
    { body: callable },
    () => new linalg.Workspace(),
    () => [() => 1],
    {
      where: 'Workspace.scope',
    },
  ),
  {
    name: 'Workspace.take',
    where: 'Workspace.take',
    kinds: { dtype: word, rows: size, cols: size },
    make() {
      const space = new linalg.Workspace();
      const call = (...args: never[]) =>
        space.scope(() => Reflect.apply(Reflect.get(space, 'take'), space, args));
      return { call, args: ['float64', 2, 3] };
    },
  },

  exported(random, 'randomKey', { seed: integer() }, () => [1]),
  exported(random, 'foldIn', { key, value: integer() }, () => [seed(), 1]),
  exported(
    random,
    'fillUniform',
    { key, out: output, start: optional(integer(0, 2 ** 52)) },
    () => [seed(), new Float64Array(3), 0],
  ),
  exported(
    random,
    'fillNormal',
    {
      key,
      out: output,
      options: optional(record({ scale: optional(real) })),
      start: optional(integer(0, 2 ** 52)),
    },
    () => [seed(), new Float64Array(3), { scale: 1 }, 0],
  ),
  exported(random, 'permutation', { key, n: size }, () => [seed(), 4]),
  exported(
    random,
    'sampleWithoutReplacement',
    { key, n: integer(0, 2 ** 31 - 1), k: integer(0, 4) },
    () => [seed(), 4, 2],
  ),

  exported(mlMatrix, 'toMlMatrix', { A: anyMatrix }, () => [dense(2, 3)]),
  exported(mlMatrix, 'fromMlMatrix', { M: own, dtype: optional(word) }, () => [
    mlMatrix.toMlMatrix(dense(2, 3)),
    'float64',
  ]),

  exported(root, 'kernelInfo', {}, () => []),
  exported(
    root,
    'useKernels',
    { kernels: word, options: optional(record({ arithmetic: optional(word) })) },
    () => ['auto', { arithmetic: 'auto' }],
  ),
  exported(
    root,
    'initKernels',
    { options: optional(record({ arithmetic: optional(word) })) },
    () => [{ arithmetic: 'auto' }],
  ),
];
