import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { convert, DenseMatrix, zeros } from '../../src/core/matrix.js';
import { convolutionOutput } from '../../src/rows/convolution.js';
import { extractPatches, outputGradientRows } from '../../src/rows/images.js';
import { distance, inner, product } from '../support/matrices.js';
import {
  column,
  directConvolution,
  elements,
  type FullGeometry,
  geometries,
  integerMatrix,
  integers,
  pixel,
  shapeOf,
} from './images.js';

const dtypes = fc.constantFrom('float32' as const, 'float64' as const);
const seeds = fc.integer({ min: 0, max: 2 ** 31 });

/** The elements of the whole image under the name (b, c, i, j), in another layout. */
function relayout(image: Float64Array, from: FullGeometry, to: FullGeometry): Float64Array {
  const moved = new Float64Array(image.length);
  for (let b = 0; b < from.batch; b++) {
    for (let c = 0; c < from.channels; c++) {
      for (let i = 0; i < from.height; i++) {
        for (let j = 0; j < from.width; j++) {
          moved[pixel(to, b, c, i, j)] = image[pixel(from, b, c, i, j)];
        }
      }
    }
  }
  return moved;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

describe('extractPatches', () => {
  test.prop([geometries, dtypes, seeds], { numRuns: 300 })(
    'makes a convolution a matrix product: patches·Wᵀ is the direct convolution',
    (geometry, dtype, seed) => {
      const image = integers(dtype, elements(geometry), seed);
      const patches = extractPatches(image, geometry);
      const { rows, inputs, height, width } = convolutionOutput(geometry);
      expect(patches).toHaveLength(geometry.groups);
      expect(rows).toBe(geometry.batch * height * width);
      patches.forEach((X, group) => {
        expect([X.dtype, X.rows, X.cols]).toEqual([dtype, rows, inputs]);
        const W = integerMatrix(2, inputs, seed + group + 1);
        const expected = directConvolution(image, W, group, geometry);
        expect(distance(product(convert(X, 'float64'), 'N', W, 'T'), expected)).toBe(0);
      });
    },
  );

  test.prop([geometries, seeds], { numRuns: 100 })(
    'gives both layouts the same patches, up to the permutation of columns',
    (drawn, seed) => {
      const first: FullGeometry = { ...drawn, layout: 'channelsFirst' };
      const last: FullGeometry = { ...drawn, layout: 'channelsLast' };
      const image = integers('float64', elements(first), seed);
      const lastPatches = extractPatches(relayout(image, first, last), last);
      extractPatches(image, first).forEach((X, group) => {
        const Y = lastPatches[group];
        for (let c = 0; c < first.channels / first.groups; c++) {
          for (let k = 0; k < first.kernel[0]; k++) {
            for (let l = 0; l < first.kernel[1]; l++) {
              const own = X.view(0, column(first, c, k, l), X.rows, 1);
              expect(distance(own, Y.view(0, column(last, c, k, l), Y.rows, 1))).toBe(0);
            }
          }
        }
      });
    },
  );

  test.prop([geometries, seeds], { numRuns: 50 })(
    'counts every pixel once where the kernel tiles the image',
    (drawn, seed) => {
      const { kernel } = drawn;
      const geometry: FullGeometry = {
        ...drawn,
        stride: kernel,
        dilation: [1, 1],
        padding: 'valid',
        height: kernel[0] * (1 + (drawn.height % 3)),
        width: kernel[1] * (1 + (drawn.width % 3)),
      };
      const image = integers('float64', elements(geometry), seed);
      const total = extractPatches(image, geometry).map((X) => sum(X.data));
      expect(sum(total)).toBe(sum(image));
    },
  );

  test.prop([geometries, seeds], { numRuns: 50 })(
    'a matrix that is a view of a larger one reads as the flat array does',
    (geometry, seed) => {
      const image = integers('float64', elements(geometry), seed);
      const perExample = image.length / geometry.batch;
      const holder = zeros('float64', geometry.batch + 1, perExample + 2);
      holder.data.fill(99);
      const view = holder.view(1, 1, geometry.batch, perExample);
      for (let i = 0; i < image.length; i++) {
        view.set(Math.floor(i / perExample), i % perExample, image[i]);
      }
      const padded = Float64Array.of(...Array.from({ length: perExample }, () => 99), ...image);
      const all = new DenseMatrix('float64', geometry.batch + 1, perExample, padded);
      const rowsOnly = all.view(1, 0, geometry.batch, perExample);
      const expected = extractPatches(image, geometry);
      const rows = outputGradientRows(image, shapeOf(geometry));
      for (const matrix of [view, rowsOnly]) {
        extractPatches(matrix, geometry).forEach((X, group) => {
          expect(distance(X, expected[group])).toBe(0);
        });
        outputGradientRows(matrix, shapeOf(geometry)).forEach((D, group) => {
          expect(distance(D, rows[group])).toBe(0);
        });
      }
    },
  );

  test('copies runs too long for a loop as it copies short ones', () => {
    const geometry: FullGeometry = {
      batch: 1,
      channels: 120,
      height: 3,
      width: 4,
      layout: 'channelsLast',
      kernel: [2, 3],
      stride: [1, 1],
      dilation: [1, 1],
      padding: 'same',
      groups: 1,
    };
    const image = integers('float32', elements(geometry), 5);
    const [X] = extractPatches(image, geometry);
    const W = integerMatrix(2, X.cols, 6);
    const expected = directConvolution(image, W, 0, geometry);
    expect(distance(product(convert(X, 'float64'), 'N', W, 'T'), expected)).toBe(0);
  });

  test('takes one number for both axes, and no option for its default', () => {
    const shape = { batch: 1, channels: 2, height: 7, width: 6, layout: 'channelsLast' } as const;
    const image = integers('float64', elements(shape), 7);
    const short = { ...shape, kernel: [3, 2], stride: 2, padding: 1, dilation: 2 } as const;
    const long: FullGeometry = {
      ...short,
      stride: [2, 2],
      padding: [
        [1, 1],
        [1, 1],
      ],
      dilation: [2, 2],
      groups: 1,
    };
    expect(extractPatches(image, short)).toEqual(extractPatches(image, long));
    expect(extractPatches(image, { ...short, padding: [1, 1] })).toEqual(
      extractPatches(image, long),
    );
    const plain = { ...shape, kernel: [3, 2] } as const;
    expect(extractPatches(image, plain)).toEqual(
      extractPatches(image, { ...plain, stride: 1, padding: 'valid', dilation: 1 }),
    );
  });

  test.each([
    ['null', /geometry is null, expected an object/],
    [
      '{"batch":1,"channels":1,"height":4,"width":4,"layout":"channelsLast"}',
      /kernel is undefined, expected \[rows, columns\]/,
    ],
  ])('refuses a geometry that lacks what it needs: %s', (text, message) => {
    const geometry: FullGeometry = JSON.parse(text);
    expect(() => extractPatches(new Float32Array(16), geometry)).toThrow(message);
    expect(() => extractPatches(new Float32Array(16), geometry)).toThrow(/^extractPatches: /);
  });

  test('refuses an input of another size or kind', () => {
    const geometry = {
      batch: 2,
      channels: 3,
      height: 4,
      width: 5,
      layout: 'channelsFirst',
      kernel: [2, 2],
    } as const;
    expect(() => extractPatches(new Float32Array(119), geometry)).toThrow(
      'extractPatches: input has 119 elements, expected 2·60 = 120',
    );
    const notFloats: unknown = new Int32Array(120);
    expect(() => Reflect.apply(extractPatches, undefined, [notFloats, geometry])).toThrow(
      TypeError,
    );
    expect(() => Reflect.apply(extractPatches, undefined, [null, geometry])).toThrow(
      'extractPatches: input is null, expected a DenseMatrix, a Float32Array or a Float64Array',
    );
  });
});

describe('outputGradientRows', () => {
  test.prop([geometries, dtypes, seeds], { numRuns: 100 })(
    'matches the patches row by row: ⟨patches·Wᵀ, D⟩ = ⟨W, DᵀX⟩ with D laid out as the output',
    (geometry, dtype, seed) => {
      const perGroup = 2;
      const { height, width, rows, inputs } = convolutionOutput(geometry);
      const { batch, groups, layout } = geometry;
      const shape = { batch, channels: groups * perGroup, height, width, layout, groups };
      const image = integers(dtype, elements(geometry), seed);
      const gradient = integers(dtype, elements(shape), seed + 1);
      const D = outputGradientRows(gradient, shape).map((part) => convert(part, 'float64'));
      const X = extractPatches(image, geometry).map((part) => convert(part, 'float64'));
      X.forEach((patches, group) => {
        const W = integerMatrix(perGroup, inputs, seed + 2);
        const output = directConvolution(image, W, group, geometry);
        let expected = 0;
        for (let row = 0; row < rows; row++) {
          const b = Math.floor(row / (height * width));
          const i = Math.floor((row % (height * width)) / width);
          for (let q = 0; q < perGroup; q++) {
            const at = pixel(shape, b, group * perGroup + q, i, row % width);
            expected += output.at(row, q) * gradient[at];
          }
        }
        expect(inner(W, product(D[group], 'T', patches, 'N'))).toBe(expected);
      });
    },
  );

  test('shares memory where channels come last', () => {
    const gradient = new Float32Array(2 * 3 * 2 * 4);
    const shape = { batch: 2, channels: 4, height: 3, width: 2, groups: 2 } as const;
    const [, second] = outputGradientRows(gradient, { ...shape, layout: 'channelsLast' });
    expect([second.rows, second.cols]).toEqual([12, 2]);
    expect(second.data).toBe(gradient);
  });

  test('refuses an input of another size, and groups that do not divide the channels', () => {
    const shape = { batch: 1, channels: 4, height: 3, width: 2, layout: 'channelsFirst' } as const;
    expect(() => outputGradientRows(new Float64Array(25), shape)).toThrow(
      'outputGradientRows: input has 25 elements, expected 4·6 = 24',
    );
    expect(() => outputGradientRows(new Float64Array(24), { ...shape, groups: 3 })).toThrow(
      'outputGradientRows: groups is 3, expected a divisor of the 4 channels',
    );
  });
});
