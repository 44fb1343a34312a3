import { describe, expect, test } from 'vitest';
import { identity, zeros } from '../../src/core/matrix.js';
import {
  addToDiagonal,
  cholesky,
  choleskyInPlace,
  invertSpd,
  solveCholesky,
  spdInverse,
} from '../../src/linalg/cholesky.js';
import { eigh, eigvalsh } from '../../src/linalg/eigh.js';
import { thinQr } from '../../src/linalg/qr.js';
import { transferred } from '../support/buffers.js';

const I = identity('float64', 2);

/** Every routine, each of its matrices, and a call where that matrix is `A`. */
const calls: readonly { where: string; name: string; call: (A: unknown) => unknown }[] = [
  { where: 'cholesky', name: 'A', call: (A) => Reflect.apply(cholesky, undefined, [A]) },
  {
    where: 'choleskyInPlace',
    name: 'A',
    call: (A) => Reflect.apply(choleskyInPlace, undefined, [A]),
  },
  { where: 'spdInverse', name: 'A', call: (A) => Reflect.apply(spdInverse, undefined, [A]) },
  {
    where: 'addToDiagonal',
    name: 'A',
    call: (A) => Reflect.apply(addToDiagonal, undefined, [A, 1]),
  },
  {
    where: 'solveCholesky',
    name: 'L',
    call: (L) => Reflect.apply(solveCholesky, undefined, [L, I]),
  },
  {
    where: 'solveCholesky',
    name: 'B',
    call: (B) => Reflect.apply(solveCholesky, undefined, [I, B]),
  },
  {
    where: 'invertSpd',
    name: 'A',
    call: (A) => Reflect.apply(invertSpd, undefined, [A, identity('float64', 2)]),
  },
  { where: 'invertSpd', name: 'B', call: (B) => Reflect.apply(invertSpd, undefined, [I, B]) },
  { where: 'eigh', name: 'A', call: (A) => Reflect.apply(eigh, undefined, [A]) },
  { where: 'eigvalsh', name: 'A', call: (A) => Reflect.apply(eigvalsh, undefined, [A]) },
  { where: 'thinQr', name: 'A', call: (A) => Reflect.apply(thinQr, undefined, [A]) },
];

describe.each(calls)('$where: $name', ({ where, name, call }) => {
  test.each([
    {
      value: [
        [2, 1],
        [1, 2],
      ],
      shown: '[object Array]',
    },
    { value: undefined, shown: 'undefined' },
    { value: new Float64Array(4), shown: '[object Float64Array]' },
    { value: structuredClone(I), shown: '[object Object]' },
  ])('is no matrix where it is $shown', ({ value, shown }) => {
    expect(() => call(value)).toThrow(
      new TypeError(`${where}: ${name} is ${shown}, expected a DenseMatrix`),
    );
  });

  test('is no matrix any more where its buffer was transferred', () => {
    expect(() => call(transferred(identity('float64', 2)))).toThrow(
      `${where}: ${name} has a buffer of 0 bytes`,
    );
  });
});

test.each([
  { name: 'eigh', routine: eigh },
  { name: 'eigvalsh', routine: eigvalsh },
])('$name takes options as an object', ({ name, routine }) => {
  for (const options of [null, 5, 'fast']) {
    expect(() => Reflect.apply(routine, undefined, [I, options])).toThrow(
      `${name}: options is ${options === 'fast' ? "'fast'" : options}, expected an object`,
    );
  }
});

test.each([
  ['cholesky', 'A', () => cholesky(zeros('float64', 2, 3))],
  ['choleskyInPlace', 'A', () => choleskyInPlace(zeros('float64', 2, 3))],
  ['spdInverse', 'A', () => spdInverse(zeros('float64', 2, 3))],
  ['invertSpd', 'A', () => invertSpd(zeros('float64', 2, 3), zeros('float64', 2, 2))],
  ['solveCholesky', 'L', () => solveCholesky(zeros('float64', 2, 3), zeros('float64', 2, 2))],
] as const)('%s refuses %s where it is not square', (where, name, call) => {
  expect(call).toThrow(new RangeError(`${where}: ${name} is 2×3, expected a square matrix`));
});

test('addToDiagonal refuses what float32 cannot hold', () => {
  const A = identity('float32', 2);
  for (const value of [1e39, 1e-50]) {
    expect(() => addToDiagonal(A, value)).toThrow(/addToDiagonal: value is .* that float32 holds/);
  }
  expect(Array.from(A.data)).toEqual([1, 0, 0, 1]);
});
