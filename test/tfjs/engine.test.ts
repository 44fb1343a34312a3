// The TensorFlow.js engine: the contract of engines in every layout, and no leaked tensor.

import { describe, expect, test } from 'vitest';
import { upload } from '../../src/backend/engine.js';
import { convert } from '../../src/core/matrix.js';
import { type TfjsEngine, tfjsEngine } from '../../src/tfjs/engine.js';
import type { Layout } from '../../src/tfjs/slots.js';
import { engineContract } from '../backend/engine.contract.js';
import { devicePreconditioners } from '../backend/gpujs/preconditioners.contract.js';
import { gaussian, uniform } from '../support/matrices.js';
import { onBackends, tf } from './backends.js';

/** An engine whose slots take the given layouts in turn as they are written. */
function engineWriting(...layouts: readonly Layout[]): TfjsEngine {
  const engine = tfjsEngine(tf);
  const write = engine.write.bind(engine);
  let writes = 0;
  engine.write = (A, value) => {
    write(A, value);
    const layout = layouts[writes++ % layouts.length];
    const tensor = engine.tensorOf(A, layout);
    const B = engine.adopt(tensor, layout);
    // The result of an operation keeps the layout of its operand.
    engine.axpby(1, B, 0, A);
    engine.free(B);
    tensor.dispose();
  };
  return engine;
}

onBackends(['wasm', 'cpu'], () => {
  engineContract('tfjsEngine', () => tfjsEngine(tf));
  engineContract('tfjsEngine, reading asynchronously', () => tfjsEngine(tf, { reading: 'async' }));
  // The results alone: its own tests train with the optimiser.
  devicePreconditioners('preconditioners on tfjsEngine', () => tfjsEngine(tf), []);
});

onBackends(['wasm'], () => {
  engineContract('tfjsEngine, on transposed tensors', () => engineWriting('columns'));
  engineContract('tfjsEngine, on mixed layouts', () => engineWriting('rows', 'columns'));
  engineContract('tfjsEngine, on layouts mixed otherwise', () => engineWriting('columns', 'rows'));

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
      const engine = tfjsEngine(tf, { reading: 'sync' });
      const tensor = tf.tensor(data, [...shape]);
      const { numDataBuffers } = tf.memory();
      const A = engine.adopt(tensor, layout);
      expect([A.rows, A.cols]).toEqual([rows, cols]);
      expect(tf.memory().numDataBuffers).toBe(numDataBuffers);
      const content = engine.read(A).toArrays();
      const at = (i: number, j: number) => data[layout === 'rows' ? i * cols + j : j * rows + i];
      expect(content).toEqual(content.map((row, i) => row.map((_, j) => at(i, j))));
      for (const form of ['rows', 'columns'] as const) {
        const back = engine.tensorOf(A, form);
        expect(back.shape).toEqual(form === 'rows' ? [rows, cols] : [cols, rows]);
        expect(back.arraySync()).toEqual(
          form === 'rows' ? content : content[0].map((_, j) => content.map((row) => row[j])),
        );
        back.dispose();
      }
      tensor.dispose();
      expect(engine.read(A).toArrays()).toEqual(content);
      engine.dispose();
    });

    test('a scalar is 1×1, and only float32 is taken', () => {
      const engine = tfjsEngine(tf);
      const [one, integers] = [tf.scalar(3), tf.tensor1d([1, 2], 'int32')];
      const A = engine.adopt(one, 'rows');
      expect([A.rows, A.cols]).toEqual([1, 1]);
      expect(() => engine.adopt(integers, 'rows')).toThrow(/int32/);
      tf.dispose([one, integers]);
      engine.dispose();
    });
  });

  test('one tensor for each slot with content, whatever is done', () => {
    const engine = tfjsEngine(tf);
    const before = tf.memory().numTensors;
    const slots = [engine.allocate(4, 5), engine.allocate(4, 5), engine.allocate(5, 5)];
    const [A, B, C] = slots;
    expect(tf.memory().numTensors).toBe(before);
    engine.axpby(0.5, A, 0, B);
    engine.write(A, convert(gaussian(uniform(1), 4, 5), 'float32'));
    engine.secondMoment(A, 1, 0, C);
    for (let k = 0; k < 10; k++) {
      engine.axpby(1, A, 0, B);
      engine.axpby(2, B, 0.5, A);
      engine.secondMoment(A, 0.5, 0.5, C);
      engine.applyDenseInverse(A, C, undefined, B);
      engine.checkFinite('test', 'B', B);
      expect(tf.memory().numTensors).toBe(before + 3);
    }
    expect(() => engine.secondMoment(A, 1, 0, B)).toThrow(RangeError);
    engine.free(A);
    expect(tf.memory().numTensors).toBe(before + 2);
    engine.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(() => engine.axpby(1, B, 0, C)).toThrow(/freed/);
  });

  test('an operation within a tidy keeps its result', () => {
    const engine = tfjsEngine(tf, { reading: 'sync' });
    const A = upload(engine, convert(gaussian(uniform(2), 2, 3), 'float32'));
    const B = engine.allocate(2, 3);
    tf.tidy(() => engine.axpby(2, A, 0, B));
    expect(engine.read(B).at(1, 2)).toBe(2 * engine.read(A).at(1, 2));
    engine.dispose();
  });

  test('checkFinite finds NaN and Infinity and says where', () => {
    const engine = tfjsEngine(tf);
    for (const [value, message] of [
      [Number.NaN, 'step: G holds NaN at row 1, column 2'],
      [Number.NEGATIVE_INFINITY, 'step: G holds -Infinity at row 1, column 2'],
    ] as const) {
      const tensor = tf.tensor2d([
        [1, 2, 3],
        [4, 5, value],
      ]);
      const G = engine.adopt(tensor, 'rows');
      const before = tf.memory().numTensors;
      expect(() => engine.checkFinite('step', 'G', G)).toThrow(message);
      expect(tf.memory().numTensors).toBe(before);
      tensor.dispose();
    }
    engine.dispose();
  });

  test('an asynchronous read leaves nothing behind', async () => {
    const engine = tfjsEngine(tf, { reading: 'async' });
    const A = upload(engine, convert(gaussian(uniform(3), 3, 3), 'float32'));
    const before = tf.memory().numTensors;
    const [first, second] = [engine.read(A), engine.read(A)];
    await first;
    await second;
    expect(tf.memory().numTensors).toBe(before);
    engine.dispose();
  });

  test('names the backend that runs, and refuses an unknown way of reading', () => {
    expect(tfjsEngine(tf).info).toEqual({ name: 'tfjs', variant: 'wasm', threads: 1 });
    expect(tfjsEngine(tf).reading).toBe('sync');
    const options = JSON.parse('{ "reading": "later" }');
    expect(() => tfjsEngine(tf, options)).toThrow(RangeError);
  });
});
