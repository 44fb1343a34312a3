// The grid of bad values: what comes from JavaScript, from files, from other realms, and by mistake.

import { runInNewContext } from 'node:vm';
import { upload } from '../../../src/backend/backend.js';
import { cpuBackend } from '../../../src/backend/cpu.js';
import { zeros } from '../../../src/core/matrix.js';

/** The backend that the valid calls use. */
export const backend = cpuBackend('float64');

function transferred(): Float64Array {
  const data = new Float64Array(4);
  structuredClone(data, { transfer: [data.buffer] });
  return data;
}

function freed() {
  const A = upload(backend, zeros('float64', 2, 2));
  backend.free(A);
  return A;
}

/** A value for every way to be wrong, by name. */
export const GRID: readonly (readonly [name: string, value: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-1', -1],
  ['0', 0],
  ['0.5', 0.5],
  ['1.5', 1.5],
  ['2^53', 2 ** 53],
  ["''", ''],
  ["'1'", '1'],
  ["'nonsense'", 'nonsense'],
  ['true', true],
  ['false', false],
  ['{}', {}],
  ['an object without prototype', Object.create(null)],
  ['[]', []],
  ['[null]', [null]],
  ["[[1, 'a']]", [[1, 'a']]],
  ['a function', () => 1],
  [
    'a class',
    class Thing {
      readonly size = 1;
    },
  ],
  ['a symbol', Symbol('s')],
  ['1n', 1n],
  ['a Date', new Date(0)],
  ['a Map', new Map()],
  ['a RegExp', /x/],
  ['a Promise', Promise.resolve(1)],
  ['an array of another realm', runInNewContext('["a", "b", "c", "d", "e"]')],
  ['an Int32Array', Int32Array.of(-1, 2, 3)],
  ['a Uint8Array of another realm', runInNewContext('new Uint8Array(5)')],
  ['an ArrayBuffer', new ArrayBuffer(8)],
  ['a DataView', new DataView(new ArrayBuffer(8))],
  ['a transferred Float64Array', transferred()],
  ['a plain clone of a matrix', structuredClone(zeros('float64', 2, 2))],
  ['a matrix without memory', withoutMemory()],
  ['a matrix of another shape', zeros('float64', 7, 5)],
  ['a freed slot', freed()],
  ['a slot of another backend', upload(cpuBackend('float64'), zeros('float64', 2, 2))],
  ['a slot of another shape', upload(backend, zeros('float64', 7, 5))],
];

/** A matrix whose memory was given away. */
function withoutMemory() {
  const A = zeros('float64', 2, 2);
  structuredClone(A.data, { transfer: [A.data.buffer] });
  return A;
}
