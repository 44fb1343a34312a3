// Every kind of rows keeps the contract, over random shapes, weights and masks.

import { fc } from '@fast-check/vitest';
import { upload } from '../../src/backend/backend.js';
import type { DType } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { convolutionOutput } from '../../src/rows/convolution.js';
import { denseRows, slotRows } from '../../src/rows/dense.js';
import { oneHotRows } from '../../src/rows/one-hot.js';
import { imageRows, patchRows } from '../../src/rows/patches.js';
import { build, gaussian, type Matrix, rounded, uniform, withOnes } from '../support/matrices.js';
import { elements, geometries, integers, patchPixel, pixel, shapeOf } from './images.js';
import { type Draft, describeRows, POISON, weightsFor } from './rows.contract.js';

const shapes = fc.record({
  m: fc.integer({ min: 1, max: 9 }),
  p: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(),
  bias: fc.boolean(),
});

/** A with a column of ones where there is a bias. */
function withBias(A: Matrix, bias: boolean): Matrix {
  return bias ? withOnes(A) : A;
}

describeRows('dense rows', (dtype) =>
  shapes.map(({ m, p, seed, bias }) => {
    const A = rounded(gaussian(uniform(seed), m, p), dtype);
    const weights = weightsFor(m, seed);
    const given = build(m, p, (i, j) => (weights?.[i] === 0 ? POISON[j % 3] : A.at(i, j)));
    return {
      X: withBias(A, bias),
      weights,
      make: (backend) => denseRows(backend, convert(given, dtype), { bias, weights }),
    };
  }),
);

describeRows('slot rows', (dtype) =>
  shapes.map(({ m, p, seed, bias }) => {
    const A = rounded(gaussian(uniform(seed), m, p), dtype);
    return {
      X: withBias(A, bias),
      weights: undefined,
      make: (backend) => slotRows(backend, upload(backend, convert(A, dtype)), { bias }),
    };
  }),
);

describeRows('one-hot rows', () =>
  shapes.map(({ m, p, seed }) => {
    const random = uniform(seed);
    const indices = Array.from({ length: m }, () => Math.floor(p * random()));
    const weights = weightsFor(m, seed);
    return {
      X: build(m, p, (i, j) => (indices[i] === j ? 1 : 0)),
      weights,
      make: (backend) => oneHotRows(backend, Int32Array.from(indices), { cols: p, weights }),
    };
  }),
);

describeRows('patch rows', <D extends DType>(dtype: D) =>
  fc
    .record({
      geometry: geometries,
      seed: fc.nat(),
      bias: fc.boolean(),
      // Whole, a row at a time, a few rows at a time.
      strip: fc.constantFrom(undefined, 1, 20, 100),
    })
    .map(({ geometry, seed, bias, strip }): Draft<D> => {
      const { rows, inputs } = convolutionOutput(geometry);
      const group = seed % geometry.groups;
      const weights = weightsFor(rows, seed);
      const image = integers(dtype, elements(geometry), seed);
      const given = integers(dtype, image.length, seed);
      const seen = new Set<number | undefined>();
      for (let g = 0; g < geometry.groups; g++) {
        for (let i = 0; i < rows; i++) {
          if (weights?.[i] === 0) continue;
          for (let j = 0; j < inputs; j++) seen.add(patchPixel(geometry, g, i, j));
        }
      }
      for (let k = 0; k < given.length; k++) if (!seen.has(k)) given[k] = POISON[k % 3];
      const X = build(rows, inputs, (i, j) => {
        const at = patchPixel(geometry, group, i, j);
        return at === undefined ? 0 : image[at];
      });
      return {
        X: withBias(X, bias),
        weights,
        make: (backend) => patchRows(backend, given, geometry, { bias, weights, strip })[group],
      };
    }),
);

describeRows('image rows', <D extends DType>(dtype: D) =>
  fc.record({ geometry: geometries, seed: fc.nat() }).map(({ geometry, seed }): Draft<D> => {
    const shape = shapeOf(geometry);
    const { batch, channels, height, width, groups = 1 } = shape;
    const rows = batch * height * width;
    const count = channels / groups;
    const group = seed % groups;
    const weights = weightsFor(rows, seed);
    const image = integers(dtype, elements(shape), seed);
    const given = integers(dtype, image.length, seed);
    const at = (i: number, c: number) =>
      pixel(shape, Math.floor(i / (height * width)), c, Math.floor(i / width) % height, i % width);
    for (let i = 0; i < rows; i++) {
      if (weights?.[i] !== 0) continue;
      for (let c = 0; c < channels; c++) given[at(i, c)] = POISON[c % 3];
    }
    return {
      X: build(rows, count, (i, j) => image[at(i, group * count + j)]),
      weights,
      make(backend) {
        const all = imageRows(backend, given, shape, { weights });
        for (const other of all) if (other !== all[group]) other.dispose();
        return all[group];
      },
    };
  }),
);
