// What is no matrix, has lost its memory, or picks no columns is refused by name, on every kernel set.

import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { DenseMatrix, zeros } from '../../src/core/matrix.js';
import { gemm } from '../../src/kernels/gemm.js';
import {
  axpby,
  divide,
  divideByRoot,
  dot,
  frobeniusNorm,
  multiply,
  scale,
} from '../../src/kernels/level1.js';
import { copyColumns, gatherColumns, mirrorLower, transpose } from '../../src/kernels/movement.js';
import { sketchMoment } from '../../src/kernels/sketch-moment.js';
import { syrk } from '../../src/kernels/syrk.js';
import { trsm } from '../../src/kernels/trsm.js';
import { matrix, reals } from './support.js';

/** Every routine on square matrices, with the names of its operands. */
const ROUTINES: Readonly<
  Record<string, readonly [names: string, call: (...operands: DenseMatrix[]) => unknown]>
> = {
  gemm: ['ABC', (A, B, C) => gemm(1, A, 'N', B, 'N', 1, C)],
  syrk: ['AC', (A, C) => syrk(1, A, 'N', 1, C, 'both')],
  trsm: ['LB', (L, B) => trsm('left', 'N', 1, L, B)],
  sketchMoment: ['XSC', (X, S, C) => sketchMoment(1, X, { kind: 'dense', S }, 1, C)],
  axpby: ['AC', (A, C) => axpby(1, A, 1, C)],
  multiply: ['ABC', (A, B, C) => multiply(1, A, B, 1, C)],
  divide: ['ABC', (A, B, C) => divide(A, B, 1, C)],
  divideByRoot: ['ABC', (A, B, C) => divideByRoot(1, A, 1, B, 1, C)],
  dot: ['AB', (A, B) => dot(A, B)],
  frobeniusNorm: ['A', (A) => frobeniusNorm(A)],
  scale: ['C', (C) => scale(2, C)],
  transpose: ['AC', (A, C) => transpose(A, C)],
  gatherColumns: ['AC', (A, C) => gatherColumns(A, [0, 1, 2, 3], C)],
  copyColumns: ['AC', (A, C) => copyColumns(A, 0, C, 0, 4)],
  mirrorLower: ['C', (C) => mirrorLower(C)],
};

const ones = (): DenseMatrix => matrix('float64', 4, 4, () => 1);

/** A matrix whose elements have gone elsewhere, as they do where they are posted. */
function transferred(): DenseMatrix {
  const A = ones();
  structuredClone(A.data, { transfer: [A.data.buffer] });
  return A;
}

/** A matrix in a buffer that was made smaller. */
function shrunk(): DenseMatrix {
  const buffer: ArrayBuffer = Reflect.construct(ArrayBuffer, [128, { maxByteLength: 128 }]);
  const A = new DenseMatrix('float64', 4, 4, new Float64Array(buffer));
  Reflect.apply(Reflect.get(buffer, 'resize'), buffer, [64]);
  return A;
}

/** What a matrix holds, as far as it is there. */
function elements(A: DenseMatrix): number[] {
  return A instanceof DenseMatrix && A.data.length > 0 ? Array.from(A.data) : [];
}

const BROKEN: readonly (readonly [what: string, make: () => DenseMatrix, message: string])[] = [
  ['an array', () => Object([[3, 4]]), 'expected a DenseMatrix'],
  ['nothing', () => Object(undefined), 'expected a DenseMatrix'],
  ['the structured clone of a matrix', () => structuredClone(ones()), 'expected a DenseMatrix'],
  ['a matrix whose buffer was transferred', transferred, 'has a buffer of 0 bytes'],
  ['a matrix whose buffer shrank', shrunk, 'has a buffer of 64 bytes'],
];

describe.each(Object.entries(ROUTINES))('%s refuses', (routine, [names, call]) => {
  test.each(BROKEN)('%s', (_, make, message) => {
    for (const name of names) {
      const operands = Array.from(names, (other) => (other === name ? make() : ones()));
      const before = operands.map(elements);
      expect(() => call(...operands)).toThrow(TypeError);
      expect(() => call(...operands)).toThrow(new RegExp(`^${routine}: ${name} .*${message}`));
      expect(operands.map(elements)).toEqual(before);
    }
  });
});

describe('columns', () => {
  const X = matrix('float32', 9, 40, reals(1));
  const picks = [3, 17, 39, 1];
  const sketched = (indices: ArrayLike<number>): Float32Array => {
    const C = zeros('float32', 40, 4);
    sketchMoment(1, X, { kind: 'columns', indices }, 0, C);
    return C.data;
  };
  const gathered = (indices: ArrayLike<number>): Float32Array => {
    const C = zeros('float32', 9, 4);
    gatherColumns(X, indices, C);
    return C.data;
  };
  const foreign = runInNewContext('Int32Array').from(picks);

  test.each([
    ['an array', picks],
    ['a Uint32Array', Uint32Array.from(picks)],
    ['a Float64Array', Float64Array.from(picks)],
    ['an Int32Array of another realm', foreign],
  ])('are taken from %s', (_, indices) => {
    const own = Int32Array.from(picks);
    expect(sketched(indices)).toEqual(sketched(own));
    expect(gathered(indices)).toEqual(gathered(own));
    expect(gathered(own).slice(0, 4)).toEqual(Float32Array.from(picks, (j) => X.at(0, j)));
  });

  test.each([
    ['beyond the last one', Uint32Array.of(0, 40, 1, 2), RangeError, /: indices\[1\] is 40, /],
    ['before the first one', [0, -1, 1, 2], RangeError, /: indices\[1\] is -1, /],
    ['between two', Float64Array.of(0, 1.5, 1, 2), RangeError, /: indices\[1\] is 1.5, /],
    ['of a BigInt64Array', Object(BigInt64Array.of(0n, 1n)), RangeError, /: indices\[0\] is 0/],
    ['of nothing', Object(undefined), TypeError, /: indices is .*, expected an array of integers/],
  ])('%s are refused', (_, indices, type, message) => {
    for (const call of [sketched, gathered]) {
      expect(() => call(indices)).toThrow(type);
      expect(() => call(indices)).toThrow(message);
    }
  });
});
