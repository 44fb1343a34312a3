// The TensorFlow.js backend: the contract of backends in every layout, and no leaked tensor.

import { describe, expect, test, vi } from 'vitest';
import { type Slot, upload } from '../../src/backend/backend.js';
import { convert, type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { type TfjsBackend, tfjsBackend } from '../../src/tfjs/backend.js';
import type { Layout } from '../../src/tfjs/content.js';
import { backendContract } from '../backend/backend.contract.js';
import { expectClose } from '../backend/operation.js';
import {
  build,
  combine,
  gaussian,
  type Matrix,
  norm,
  product,
  uniform,
} from '../support/matrices.js';
import { onBackends, tf } from './backends.js';

type F32 = 'float32';

/** A backend whose slots take the given layouts in turn as they are written. */
function backendWriting(...layouts: readonly Layout[]): TfjsBackend {
  const backend = tfjsBackend(tf);
  const write = backend.write.bind(backend);
  let writes = 0;
  backend.write = (A, value) => {
    write(A, value);
    const layout = layouts[writes++ % layouts.length];
    const tensor = backend.tensorOf(A, layout);
    const B = backend.adopt(tensor, layout);
    // The result of an operation keeps the layout of its operand.
    backend.axpby(1, B, 0, A);
    backend.free(B);
    tensor.dispose();
  };
  return backend;
}

/** A float32 matrix of Gaussian numbers. */
function random(seed: number, rows: number, cols: number): DenseMatrix<F32> {
  return convert(gaussian(uniform(seed), rows, cols), 'float32');
}

/** A gradient as TensorFlow.js has it, and the slot of P. */
function gradient(): { backend: TfjsBackend; G: Slot<F32>; P: Slot<F32> } {
  const backend = tfjsBackend(tf);
  const tensor = tf.randomNormal([9, 6]);
  const G = backend.adopt(tensor, 'columns');
  tensor.dispose();
  return { backend, G, P: backend.allocate(6, 9) };
}

/** The bound of a matrix of one row. */
function boundOf(row: readonly number[]): number | undefined {
  const backend = tfjsBackend(tf);
  const tensor = tf.tensor2d(Float32Array.from(row), [1, row.length]);
  const A = backend.adopt(tensor, 'rows');
  const before = tf.memory().numTensors;
  const bound = backend.bound?.(A);
  expect(tf.memory().numTensors).toBe(before);
  tensor.dispose();
  backend.dispose();
  return bound;
}

function contentOf(backend: TfjsBackend, A: Slot<F32>): DenseMatrix<F32> {
  if (backend.readSync === undefined) throw new Error('the backend cannot be read at once');
  return backend.readSync(A);
}

/** How often `call` has TensorFlow.js transpose a matrix. */
function transpositions(call: () => void): number {
  const counted = vi.spyOn(tf.engine(), 'runKernel');
  try {
    call();
    return counted.mock.calls.filter(([kernel]) => kernel === 'Transpose').length;
  } finally {
    counted.mockRestore();
  }
}

onBackends(['wasm', 'cpu'], () => {
  backendContract('tfjsBackend', () => tfjsBackend(tf));
  backendContract('tfjsBackend, read asynchronously', () => tfjsBackend(tf, { reading: 'async' }));
});

onBackends(['wasm'], () => {
  backendContract('tfjsBackend, on transposed tensors', () => backendWriting('columns'));
  backendContract('tfjsBackend, on mixed layouts', () => backendWriting('rows', 'columns'));
  backendContract('tfjsBackend, on layouts mixed otherwise', () =>
    backendWriting('columns', 'rows'),
  );

  describe('passes between tensors and slots', () => {
    const data = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    test.each([
      { shape: [12], layout: 'columns', rows: 12, cols: 1 },
      { shape: [12], layout: 'rows', rows: 12, cols: 1 },
      { shape: [3, 4], layout: 'rows', rows: 3, cols: 4 },
      { shape: [3, 4], layout: 'columns', rows: 4, cols: 3 },
      { shape: [2, 3, 2], layout: 'rows', rows: 6, cols: 2 },
      { shape: [1, 2, 3, 2], layout: 'columns', rows: 2, cols: 6 },
    ] as const)('a tensor $shape in $layout is $rows×$cols', ({ shape, layout, rows, cols }) => {
      const backend = tfjsBackend(tf);
      const tensor = tf.tensor(data, [...shape]);
      const { numDataBuffers } = tf.memory();
      const A = backend.adopt(tensor, layout);
      expect([A.rows, A.cols]).toEqual([rows, cols]);
      expect(tf.memory().numDataBuffers).toBe(numDataBuffers);
      const content = contentOf(backend, A).toArrays();
      const at = (i: number, j: number) => data[layout === 'rows' ? i * cols + j : j * rows + i];
      expect(content).toEqual(content.map((row, i) => row.map((_, j) => at(i, j))));
      for (const form of ['rows', 'columns'] as const) {
        const back = backend.tensorOf(A, form);
        expect(back.shape).toEqual(form === 'rows' ? [rows, cols] : [cols, rows]);
        expect(back.arraySync()).toEqual(
          form === 'rows' ? content : content[0].map((_, j) => content.map((row) => row[j])),
        );
        back.dispose();
      }
      tensor.dispose();
      expect(contentOf(backend, A).toArrays()).toEqual(content);
      backend.dispose();
    });

    test('a scalar is 1×1, and one of no elements keeps its shape', () => {
      const backend = tfjsBackend(tf);
      const tensors = [tf.scalar(3), tf.zeros([0, 4])];
      const [one, none] = tensors.map((tensor) => backend.adopt(tensor, 'columns'));
      expect([one.rows, one.cols]).toEqual([1, 1]);
      expect([none.rows, none.cols]).toEqual([4, 0]);
      tf.dispose(tensors);
      backend.dispose();
    });

    test('only a tensor of float32 is taken, and only a known layout', () => {
      const backend = tfjsBackend(tf);
      const integers = tf.tensor1d([1, 2], 'int32');
      const layout: Layout = JSON.parse('"diagonals"');
      expect(() => backend.adopt(integers, 'rows')).toThrow(
        new TypeError('adopt: tensor holds int32, expected float32'),
      );
      expect(() => backend.adopt(JSON.parse('[1]'), 'rows')).toThrow(
        /^adopt: tensor is .*, expected a tensor$/,
      );
      const refused = "layout is 'diagonals', expected 'rows' or 'columns'";
      expect(() => backend.adopt(integers, layout)).toThrow(`adopt: ${refused}`);
      expect(() => backend.tensorOf(backend.allocate(1, 1), layout)).toThrow(
        `tensorOf: ${refused}`,
      );
      integers.dispose();
      backend.dispose();
    });
  });

  test('a vector is a factor in both its shapes, whichever came first', async () => {
    const backend = tfjsBackend(tf);
    const [a, b] = [upload(backend, random(4, 5, 7)), upload(backend, random(5, 1, 7))];
    const [A, v]: readonly Matrix[] = [a, b].map((X) => convert(contentOf(backend, X), 'float64'));
    const row = backend.allocate(1, 5);
    // Written, so that the product with the old content is made of rows.
    const outer = upload(backend, zeros('float32', 5, 7));
    for (let k = 0; k < 2; k++) {
      backend.gemm(1, b, 'N', a, 'T', 0, row);
      backend.gemm(1, row, 'T', b, 'N', 1, outer);
    }
    const once = product(product(A, 'N', v, 'T'), 'N', v, 'N');
    const value = combine(2, once, 0, once);
    await expectClose(backend, outer, { value, magnitude: 2 * norm(A) * norm(v) ** 2 }, 2 * 7);
    backend.dispose();
  });

  describe('transposes', () => {
    test('nothing where the written factor is symmetric', () => {
      const { backend, G, P } = gradient();
      const R = upload(
        backend,
        convert(
          build(9, 9, (i, j) => i * j),
          'float32',
        ),
      );
      expect(transpositions(() => backend.gemm(1, G, 'N', R, 'N', 0, P))).toBe(0);
      const A = backend.allocate(6, 6);
      backend.syrk(1, upload(backend, random(1, 5, 6)), 0, A);
      expect(transpositions(() => backend.gemm(1, A, 'N', G, 'N', 0, P))).toBe(0);
      backend.dispose();
    });

    test('what was written once, until it is written anew', () => {
      const { backend, G, P } = gradient();
      const Q = upload(backend, random(2, 9, 9));
      const multiply = () => backend.gemm(1, G, 'N', Q, 'N', 0, P);
      expect([1, 2, 3].map(() => transpositions(multiply))).toEqual([1, 0, 0]);
      const before = contentOf(backend, P);
      const value = random(3, 9, 9);
      backend.write(Q, value);
      expect(transpositions(multiply)).toBe(1);
      expect(contentOf(backend, P).data).not.toEqual(before.data);
      const twin = upload(backend, value);
      const C = backend.allocate(6, 9);
      backend.gemm(1, G, 'N', twin, 'N', 0, C);
      expect(contentOf(backend, P).data).toEqual(contentOf(backend, C).data);
      backend.dispose();
    });

    test('the narrow factor, not the wide one', () => {
      const { backend, G } = gradient();
      const narrow = backend.adopt(tf.ones([9, 2]), 'rows');
      const C = backend.allocate(6, 2);
      const spy = vi.spyOn(tf.engine(), 'runKernel');
      backend.gemm(1, G, 'N', narrow, 'N', 0, C);
      const shapes = spy.mock.calls.flatMap(([kernel, { x }]) =>
        kernel === 'Transpose' && x instanceof tf.Tensor ? [x.shape] : [],
      );
      spy.mockRestore();
      expect(shapes).toEqual([[9, 2]]);
      backend.dispose();
    });
  });

  test('one tensor for each slot with content, whatever is done', () => {
    const before = tf.memory().numTensors;
    const backend = tfjsBackend(tf);
    const slots = [backend.allocate(4, 5), backend.allocate(4, 5), backend.allocate(5, 5)];
    const [A, B, C] = slots;
    backend.axpby(0.5, A, 0, B);
    expect(tf.memory().numTensors).toBe(before);
    backend.write(A, random(1, 4, 5));
    backend.syrk(1, A, 0, C);
    backend.axpby(2, A, 0.5, A);
    for (let k = 0; k < 10; k++) {
      backend.axpby(1, A, 0, B);
      backend.axpby(2, B, 0.5, A);
      backend.syrk(0.5, A, 0.5, C);
      backend.gemm(1, A, 'N', C, 'N', 0, B);
      backend.bound?.(B);
      expect(tf.memory().numTensors).toBe(before + 3);
    }
    expect(() => backend.syrk(1, A, 0, B)).toThrow(RangeError);
    backend.free(A);
    expect(tf.memory().numTensors).toBe(before + 2);
    backend.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(() => backend.axpby(1, B, 0, C)).toThrow(/freed/);
    backend.dispose();
  });

  test('dispose gives back transposed copies and the slots that were borrowed', () => {
    const before = tf.memory().numTensors;
    const backend = tfjsBackend(tf);
    const Q = upload(backend, random(1, 5, 5));
    backend.borrow((take) => backend.gemm(1, Q, 'N', Q, 'T', 0, take(5, 5)));
    expect(tf.memory().numTensors).toBe(before + 3);
    backend.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('an operation that throws within changes nothing and leaves nothing behind', () => {
    const backend = tfjsBackend(tf);
    const [A, C] = [upload(backend, random(1, 3, 3)), upload(backend, random(2, 3, 3))];
    const content = contentOf(backend, C);
    const before = tf.memory().numTensors;
    const broken = vi.spyOn(tf.engine(), 'runKernel').mockImplementation(() => {
      throw new Error('the context is lost');
    });
    expect(() => backend.gemm(2, A, 'N', A, 'N', 0.5, C)).toThrow('the context is lost');
    broken.mockRestore();
    expect(tf.memory().numTensors).toBe(before);
    expect(contentOf(backend, C).data).toEqual(content.data);
    backend.dispose();
  });

  test('an operation within a tidy keeps its result', () => {
    const backend = tfjsBackend(tf);
    const A = upload(backend, random(2, 2, 3));
    const [B, C] = [backend.allocate(2, 3), backend.allocate(3, 3)];
    tf.tidy(() => {
      backend.axpby(2, A, 0, B);
      // The transposed copy that is made here outlives the tidy too.
      backend.gemm(1, A, 'T', A, 'N', 0, C);
    });
    backend.gemm(1, A, 'T', A, 'N', -1, C);
    expect(contentOf(backend, B).at(1, 2)).toBe(2 * contentOf(backend, A).at(1, 2));
    expect(contentOf(backend, C).data).toEqual(new Float32Array(9));
    backend.dispose();
  });

  describe('bound', () => {
    test('is at most ‖A‖F', () => {
      expect(boundOf([3, -4])).toBe(5);
    });

    test.each([
      [[1e30, -3e30], Math.fround(3e30)],
      [[1e-30, -3e-30], Math.fround(3e-30)],
      [[0, 0], 0],
    ])('of %j is the largest magnitude, as its squares leave the range', (row, largest) => {
      expect(boundOf(row)).toBe(largest);
    });

    test('is NaN or Infinity where an element is', () => {
      expect(boundOf([1, Number.NaN, 2])).toBeNaN();
      expect(boundOf([1, Number.NEGATIVE_INFINITY])).toBe(Number.POSITIVE_INFINITY);
    });
  });

  test('a read is of the moment of its call, and leaves nothing behind', async () => {
    const backend = tfjsBackend(tf);
    const value = random(3, 3, 3);
    const A = upload(backend, value);
    const before = tf.memory().numTensors;
    const reads = [backend.read(A), backend.read(A)];
    backend.axpby(1, A, 1, A);
    const [first, second] = await Promise.all(reads);
    expect(first.data).toEqual(value.data);
    expect(second.data).toEqual(value.data);
    expect(tf.memory().numTensors).toBe(before);
    backend.dispose();
  });

  test('says what runs, and what it can', () => {
    const backend = tfjsBackend(tf);
    expect(backend.info).toEqual({ name: 'tfjs', variant: 'wasm', threads: 1 });
    expect(backend).toHaveProperty('readSync', expect.any(Function));
    expect(tfjsBackend(tf, { reading: 'async' })).toHaveProperty('readSync', undefined);
  });

  test('a device is read asynchronously if it must be, and looked at only by reading', () => {
    const named = vi.spyOn(tf.engine(), 'backendName', 'get').mockReturnValue('webgpu');
    const backend = tfjsBackend(tf);
    named.mockRestore();
    expect(backend.info.variant).toBe('webgpu');
    expect(backend).toHaveProperty('readSync', undefined);
    expect(backend).toHaveProperty('bound', undefined);
  });

  test('what is no TensorFlow.js, and an unknown way of reading, are refused', () => {
    expect(() => tfjsBackend(JSON.parse('{}'))).toThrow(
      /^tfjsBackend: tf is .*, expected the TensorFlow.js module/,
    );
    expect(() => tfjsBackend(tf, JSON.parse('{ "reading": "later" }'))).toThrow(
      new RangeError("tfjsBackend: reading is 'later', expected 'sync' or 'async'"),
    );
  });
});
