// Rows of a convolution: what belongs to patchRows and imageRows beside the contract of rows.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON, LARGEST } from '../../src/core/dtype.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { convolutionOutput } from '../../src/rows/convolution.js';
import { extractPatches } from '../../src/rows/images.js';
import { imageRows, patchRows } from '../../src/rows/patches.js';
import type { Rows } from '../../src/rows/rows.js';
import { countingBackend } from '../support/backends.js';
import { distance, type Matrix, product } from '../support/matrices.js';
import { directConvolution, elements, geometries, integerMatrix, integers } from './images.js';

const GEOMETRY = {
  batch: 2,
  channels: 3,
  height: 4,
  width: 5,
  layout: 'channelsFirst',
  kernel: [2, 2],
} as const;
const SHAPE = { batch: 2, channels: 3, height: 4, width: 5, layout: 'channelsFirst' } as const;

function gram(rows: Rows<'float64'>): Matrix {
  const A = rows.backend.allocate(rows.cols, rows.cols);
  rows.secondMoment(1, 0, A);
  return rows.backend.readSync?.(A) ?? zeros('float64', 0, 0);
}

/** patchRows without its types. */
function readPatches(...values: readonly unknown[]): unknown {
  return Reflect.apply(patchRows, undefined, [...values]);
}

describe('patchRows', () => {
  test.prop([geometries, fc.nat()], { numRuns: 50 })(
    'makes a convolution a product, tr W(XᵀX)Wᵀ = ‖the direct convolution‖², and imageRows fits beside it',
    (geometry, seed) => {
      const backend = cpuBackend('float64');
      const { height, width, rows, inputs } = convolutionOutput(geometry);
      const { batch, groups, layout } = geometry;
      const shape = { batch, channels: 2 * groups, height, width, layout, groups };
      const X = patchRows(backend, integers('float64', elements(geometry), seed), geometry);
      const D = imageRows(backend, integers('float64', elements(shape), seed + 1), shape);
      expect([X.length, D.length]).toEqual([groups, groups]);
      X.forEach((own, group) => {
        expect([own.rows, own.cols, D[group].rows, D[group].cols]).toEqual([rows, inputs, rows, 2]);
        const image = integers('float64', elements(geometry), seed);
        const W = integerMatrix(2, inputs, seed + 2);
        const squares = product(product(W, 'N', gram(own), 'N'), 'N', W, 'T');
        const output = directConvolution(image, W, group, geometry);
        expect(squares.at(0, 0) + squares.at(1, 1)).toBe(sumOfSquares(output));
      });
    },
  );

  test('memory is that of a strip, at least of a row', () => {
    const image = integers('float64', elements({ ...SHAPE, batch: 6 }), 3);
    const geometry = { ...GEOMETRY, batch: 6 };
    const p = convolutionOutput(geometry).inputs;
    for (const [strip, largest] of [
      [1, p],
      [p, p],
      [5 * p + 1, 5 * p],
      [undefined, 6 * 3 * 4 * p],
    ] as const) {
      const backend = countingBackend('float64');
      const C = backend.allocate(p, 1);
      backend.count.largest = 0;
      const [rows] = patchRows(backend, image, geometry, { strip });
      rows.sketchMoment({ kind: 'columns', indices: Int32Array.of(0) }, 1, 0, C);
      expect(backend.count.largest).toBe(largest);
    }
  });

  test('the squared norm is exact, and none of the patches are made for it', () => {
    const backend = countingBackend('float64');
    const image = integers('float64', elements(SHAPE), 3);
    const [rows] = patchRows(backend, image, { ...GEOMETRY, padding: 1, stride: [1, 2] });
    const [X] = extractPatches(image, { ...GEOMETRY, padding: 1, stride: [1, 2] });
    expect(rows.bound()).toBe(sumOfSquares(X));
    expect(backend.count.allocated).toBe(0);
  });

  test.each<DType>(['float32', 'float64'])(
    'refuses what could overflow %s, and takes what lies below',
    (dtype) => {
      const backend = cpuBackend<DType>(dtype);
      const geometry = { ...GEOMETRY, batch: 1, channels: 1, height: 3, width: 3 };
      // The pixel in the middle lies in all four patches of four elements.
      const limit = Math.sqrt(LARGEST[dtype] / 4 / 4);
      const image = zeros(dtype, 1, 9);
      image.set(0, 4, limit * (1 - 4 * EPSILON[dtype]));
      expect(patchRows(backend, image, geometry)).toHaveLength(1);
      image.set(0, 4, limit * (1 + 4 * EPSILON[dtype]));
      expect(() => patchRows(backend, image, geometry)).toThrow(
        `patchRows: rows too large for ${dtype}`,
      );
      // A corner lies in one of them.
      image.set(0, 4, 0);
      image.set(0, 8, limit * 1.9);
      expect(patchRows(backend, image, geometry)).toHaveLength(1);
    },
  );

  test('refuses NaN in what a row that counts holds, and nowhere else', () => {
    const backend = cpuBackend('float64');
    const image = integers('float64', elements(SHAPE), 3);
    // The second example.
    image.fill(Number.NaN, image.length / 2);
    expect(() => patchRows(backend, image, GEOMETRY)).toThrow(
      new RangeError('patchRows: images holds NaN at row 1, column 0, expected finite numbers'),
    );
    const { rows } = convolutionOutput(GEOMETRY);
    const weights = Uint8Array.from({ length: rows }, (_, i) => (i < rows / 2 ? 1 : 0));
    const [masked] = patchRows(backend, image, GEOMETRY, { weights, bias: true });
    const first = image.subarray(0, image.length / 2);
    const [alone] = patchRows(backend, first, { ...GEOMETRY, batch: 1 }, { bias: true });
    expect(masked.count).toBe(alone.rows);
    expect(distance(gram(masked), gram(alone))).toBe(0);
  });

  test('weights are a copy', () => {
    const backend = cpuBackend('float64');
    const image = integers('float64', elements(SHAPE), 3);
    const { rows } = convolutionOutput(GEOMETRY);
    const weights = Array.from({ length: rows }, (_, i) => i % 3);
    const [X] = patchRows(backend, image, GEOMETRY, { weights, strip: 40 });
    const before = gram(X);
    weights.fill(9);
    expect(gram(X)).toEqual(before);
  });

  const image = new Float64Array(120);
  const on = cpuBackend('float64');

  test.each<[string, () => unknown]>([
    [
      'images has 119 elements, expected 2·60 = 120',
      () => readPatches(on, new Float64Array(119), GEOMETRY),
    ],
    [
      'groups is 2, expected a divisor of the 3 channels',
      () => readPatches(on, image, { ...GEOMETRY, groups: 2 }),
    ],
    [
      "unknown option 'kernal', expected one of",
      () => readPatches(on, image, { ...GEOMETRY, kernal: 2 }),
    ],
    [
      "unknown option 'biases', expected one of bias, weights, strip; did you mean 'bias'?",
      () => readPatches(on, image, GEOMETRY, { biases: true }),
    ],
    [
      'weights has 3 elements, expected one for each of 24 rows',
      () => readPatches(on, image, GEOMETRY, { weights: [1, 1, 1] }),
    ],
    ['strip is 0, expected an integer >= 1', () => readPatches(on, image, GEOMETRY, { strip: 0 })],
  ])('refuses: %s', (message, refused) => {
    expect(refused).toThrow(RangeError);
    expect(refused).toThrow(`patchRows: ${message}`);
  });

  test.each<[string, () => unknown]>([
    ['geometry is undefined, expected an object', () => readPatches(on, image)],
    ['options is null, expected an object', () => readPatches(on, image, GEOMETRY, null)],
    ['images is null, expected a DenseMatrix', () => readPatches(on, null, GEOMETRY)],
    [
      'images is [object Int32Array], expected a DenseMatrix',
      () => readPatches(on, new Int32Array(120), GEOMETRY),
    ],
    [
      'images holds float32, expected float64',
      () => readPatches(on, new Float32Array(120), GEOMETRY),
    ],
    ['backend is [object Float64Array], expected a backend', () => readPatches(image, GEOMETRY)],
  ])('refuses by type: %s', (message, refused) => {
    expect(refused).toThrow(TypeError);
    expect(refused).toThrow(`patchRows: ${message}`);
  });
});

/** imageRows without its types. */
function readImages(...values: readonly unknown[]): unknown {
  return Reflect.apply(imageRows, undefined, [...values]);
}

describe('imageRows refuses:', () => {
  const on = cpuBackend('float32');
  const gradient = new Float32Array(120);

  test.each<[string, () => unknown]>([
    [
      'gradients has 119 elements, expected 6·20 = 120',
      () => readImages(on, new Float32Array(119), SHAPE),
    ],
    [
      "unknown option 'kernel', expected one of batch, channels",
      () => readImages(on, gradient, GEOMETRY),
    ],
    [
      "unknown option 'weight', expected one of weights",
      () => readImages(on, gradient, SHAPE, { weight: 1 }),
    ],
    [
      'batch is 0, expected an integer >= 1',
      () => readImages(on, gradient, { ...SHAPE, batch: 0 }),
    ],
    [
      'X holds NaN at row 0, column 0, expected finite numbers',
      () =>
        readImages(
          on,
          gradient.map(() => Number.NaN),
          SHAPE,
        ),
    ],
  ])('%s', (message, refused) => {
    expect(refused).toThrow(RangeError);
    expect(refused).toThrow(`imageRows: ${message}`);
  });

  test.each<[string, () => unknown]>([
    ['shape is undefined, expected an object', () => readImages(on, gradient)],
    ['gradients is 5, expected a DenseMatrix', () => readImages(on, 5, SHAPE)],
    ['backend is null, expected a backend', () => readImages(null, gradient, SHAPE)],
  ])('by type: %s', (message, refused) => {
    expect(refused).toThrow(TypeError);
    expect(refused).toThrow(`imageRows: ${message}`);
  });
});

function sumOfSquares({ data }: DenseMatrix): number {
  return Array.from(data).reduce((sum, x) => sum + x * x, 0);
}
