// What a step is given as products of the Hessian: all of them, and in finite numbers.

import { expect, test } from 'vitest';
import { type Backend, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { NonFiniteError, PreconditionerError } from '../../src/core/errors.js';
import type { HessianProduct } from '../../src/optimize/hessian-product.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { adahessian, sketchySgd } from '../../src/optimize/systems.js';
import type { Transform } from '../../src/optimize/transform.js';
import { asyncBackend } from '../support/backends.js';
import { build, filled } from '../support/matrices.js';

type F64 = 'float64';

const SHAPES = [
  { rows: 2, cols: 3, name: 'kernel' },
  { rows: 2, cols: 1 },
] as const;

function begin(backend: Backend<F64>, transform: Transform) {
  const parameters = SHAPES.map(({ rows, cols }) => backend.allocate(rows, cols));
  const optimizer = new Optimizer({ backend, transform, parameters: SHAPES });
  const step = (hessianProduct: HessianProduct<F64>): void => {
    const gradients = SHAPES.map(({ rows, cols }) =>
      upload(
        backend,
        build(rows, cols, (i, j) => 1 + i + j),
      ),
    );
    optimizer.step(gradients, parameters, [], { hessianProduct });
  };
  return { optimizer, parameters, step };
}

/** H = 2I of some of the parameters; of others it writes nothing. */
const twice =
  (backend: Backend<F64>, of: readonly number[]): HessianProduct<F64> =>
  (vectors, products) => {
    for (const index of of) backend.axpby(2, vectors[index], 0, products[index]);
  };

const sketchy = (blocks: 'all' | 'parameters') =>
  sketchySgd({ learningRate: 1, rank: 2, refreshEvery: 1, maxFailures: 1, blocks });

const BACKENDS = [
  ['at once', () => cpuBackend('float64')],
  ['later', () => asyncBackend('float64')],
] as const;

test.each(BACKENDS)('a product is not what scratch memory held: read %s', async (_, make) => {
  for (const blocks of ['all', 'parameters'] as const) {
    for (const [written, missing] of [
      [[0], '1'],
      [[1], 'kernel'],
      [[], 'kernel'],
    ] as const) {
      const backend = make();
      const { optimizer, step } = begin(backend, sketchy(blocks));
      // Scratch of every shape holds numbers.
      step(twice(backend, [0, 1]));
      await optimizer.flush();
      const attempt = async () => {
        step(twice(backend, written));
        await optimizer.flush();
      };
      const error = await attempt().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(PreconditionerError);
      expect(error).toMatchObject({
        cause: new NonFiniteError(
          `the product of the Hessian for parameter ${missing}`,
          'hessianProduct to write every product, in finite numbers',
        ),
      });
      expect(optimizer.diagnostics.map(({ failures }) => failures)).toContain(1);
    }
  }
});

test('AdaHessian refuses it too, and nothing changes', async () => {
  const backend = cpuBackend('float64');
  const { optimizer, parameters, step } = begin(backend, adahessian());
  step(twice(backend, [0, 1]));
  const read = () => parameters.map((slot) => Array.from(backend.readSync(slot).data));
  const [before, state] = [read(), await optimizer.exportState()];
  for (const written of [[], [0], [1]]) {
    expect(() => step(twice(backend, written))).toThrow(NonFiniteError);
  }
  expect(read()).toEqual(before);
  expect(await optimizer.exportState()).toEqual(state);
});

test('adding to what is there is no writing', () => {
  const backend = cpuBackend('float64');
  const { step } = begin(backend, adahessian());
  expect(() =>
    step((vectors, products) => {
      products.forEach((slot, index) => {
        backend.axpby(2, vectors[index], 1, slot);
      });
    }),
  ).toThrow(NonFiniteError);
});

test('what it is asked for is all of the parameters, of which a group looks at its own', () => {
  const backend = cpuBackend('float64');
  const { step, parameters } = begin(backend, sketchy('parameters'));
  // Of each product with a block, those of other parameters are nobody's.
  step((vectors, products) => {
    vectors.forEach((slot, index) => {
      const moves = backend.readSync(slot).data.some((x) => x !== 0);
      if (moves) backend.axpby(2, slot, 0, products[index]);
      else backend.write(products[index], filled(slot.rows, slot.cols, Number.NaN));
    });
  });
  expect(parameters.every((slot) => backend.readSync(slot).data.every(Number.isFinite))).toBe(true);
});
