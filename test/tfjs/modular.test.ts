// TensorFlow.js of parts: functions of the module that is handed in, and no method that another
// package adds to tensors.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

/** What `main` returns, as JSON has it: bundled, and run in a process that no other package has touched. */
async function outputOf(program: string): Promise<unknown> {
  mkdirSync('build', { recursive: true });
  const folder = mkdtempSync(join('build', 'modular-'));
  try {
    const outfile = join(folder, 'bundle.cjs');
    await build({
      stdin: {
        contents: `${program}; main().then((value) => console.log(JSON.stringify(value)));`,
        resolveDir: '.',
        loader: 'ts',
      },
      bundle: true,
      format: 'cjs',
      platform: 'node',
      mainFields: ['module', 'main'],
      outfile,
      logLevel: 'silent',
    });
    const output = execFileSync(process.execPath, [outfile], { encoding: 'utf8', stdio: 'pipe' });
    return JSON.parse(output.slice(output.lastIndexOf('\n', output.length - 2) + 1));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('@tensorflow/tfjs-core alone is enough for a backend, not for layers', async () => {
  const output = await outputOf(`
    import * as core from '@tensorflow/tfjs-core';
    import '@tensorflow/tfjs-backend-cpu';
    import { DenseMatrix } from './src/core/matrix.js';
    import { tfjsBackend } from './src/tfjs/backend.js';
    import { captureGradients } from './src/tfjs/capture.js';

    async function main() {
      await core.setBackend('cpu');
      const backend = tfjsBackend(core);
      const square = backend.adopt(core.tensor2d([[1, 2], [3, 4]]), 'columns');
      const ones = backend.allocate(2, 1);
      backend.write(ones, new DenseMatrix('float32', 2, 1, Float32Array.of(1, 1)));
      const [C, D, s] = [backend.allocate(2, 1), backend.allocate(2, 2), backend.allocate(1, 1)];
      backend.gemm(2, square, 'N', ones, 'N', 0, C);
      backend.sketchMoment(square, { kind: 'dense', S: ones }, 1, 1, C);
      backend.syrk(1, square, 0, D);
      backend.multiply(-1, D, square, 1, backend.allocate(2, 2));
      backend.divide(square, D, 1, backend.allocate(2, 2));
      backend.divideByRoot(1, square, 1, D, 1, backend.allocate(2, 2));
      backend.dot(1, D, D, 0, s);
      backend.clip(s, 1, D);
      backend.sliceColumns(D, 1, ones);
      backend.gatherColumns(D, Int32Array.of(0), ones);
      backend.joinColumns(ones, ones, D);
      let refusal = '';
      try {
        captureGradients(core, () => core.scalar(0), undefined, { inputs: true, outputGradients: true });
      } catch (error) {
        refusal = String(error);
      }
      return {
        chained: 'reshape' in core.Tensor.prototype,
        bound: backend.bound(C),
        C: backend.readSync(C).toArrays(),
        refusal,
      };
    }
  `);
  // With A = [[1, 3], [2, 4]] and ones v: C = 2Av + Aᵀ(Av) = [8, 12] + [16, 36].
  expect(output).toEqual({
    chained: false,
    bound: Math.sqrt(24 ** 2 + 48 ** 2),
    C: [[24], [48]],
    refusal:
      'TypeError: captureGradients: tf is TensorFlow.js without layers, expected @tensorflow/tfjs, or { ...core, ...layers } of @tensorflow/tfjs-core and @tensorflow/tfjs-layers',
  });
});

test('with @tensorflow/tfjs-layers it is enough to capture what layers see', async () => {
  const output = await outputOf(`
    import * as core from '@tensorflow/tfjs-core';
    import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
    import '@tensorflow/tfjs-backend-cpu';
    import * as layers from '@tensorflow/tfjs-layers';
    import { captureGradients } from './src/tfjs/capture.js';
    import { fromNamedTensors, toNamedTensors } from './src/tfjs/weights.js';

    async function main() {
      await core.setBackend('cpu');
      const tf = { ...core, ...layers };
      const model = layers.sequential({
        layers: [layers.layers.dense({ units: 1, inputShape: [2], kernelInitializer: 'ones' })],
      });
      const x = core.tensor2d([[1, 2], [3, 4]]);
      const { value, layers: [seen] } = captureGradients(
        tf,
        () => core.sum(model.apply(x)),
        undefined,
        { inputs: true, outputGradients: true },
      );
      const state = await fromNamedTensors(toNamedTensors(tf, { steps: 3 }));
      return {
        chained: 'toFloat' in core.Tensor.prototype,
        value: value.dataSync()[0],
        X: seen.X.arraySync(),
        D: seen.D.arraySync(),
        state,
      };
    }
  `);
  expect(output).toEqual({
    chained: false,
    value: 10,
    X: [
      [1, 2],
      [3, 4],
    ],
    D: [[1], [1]],
    state: { steps: 3 },
  });
});
