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

test('@tensorflow/tfjs-core alone is enough for a backend and for taps', async () => {
  const output = await outputOf(`
    import * as core from '@tensorflow/tfjs-core';
    import '@tensorflow/tfjs-backend-cpu';
    import { DenseMatrix } from './src/core/matrix.js';
    import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
    import { tfjsBackend } from './src/tfjs/backend.js';
    import { kfac } from './src/tfjs/index.js';

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
      const [x, W] = [core.ones([4, 2]), core.variable(core.tensor2d([[1], [2]]))];
      const optimizer = kfac(core, { observeEvery: 1, refreshEvery: 1, learningRate: 0.1 });
      const loss = () => core.mean(core.square(optimizer.tap.dense(x, W)));
      const [first] = optimizer.minimize(loss, true).dataSync();
      const [second] = optimizer.minimize(loss, true).dataSync();
      return {
        chained: 'reshape' in core.Tensor.prototype,
        bound: backend.bound(C),
        C: backend.readSync(C).toArrays(),
        falls: second < first,
        layers: optimizer.diagnostics.length,
      };
    }
  `);
  // With A = [[1, 3], [2, 4]] and ones v: C = 2Av + Aᵀ(Av) = [8, 12] + [16, 36].
  expect(output).toEqual({
    chained: false,
    bound: Math.sqrt(24 ** 2 + 48 ** 2),
    C: [[24], [48]],
    falls: true,
    layers: 1,
  });
});

test('@tensorflow/tfjs-core alone is enough for what looks at no layers; the rest says so at its first step', async () => {
  const output = await outputOf(`
    import * as core from '@tensorflow/tfjs-core';
    import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
    import '@tensorflow/tfjs-backend-cpu';
    import { adam, adamw, eva, foof, kfac, nysact, sgd } from './src/tfjs/index.js';

    async function main() {
      await core.setBackend('cpu');
      const refusals = [nysact, foof, kfac, eva].map((make) => {
        const w = core.variable(core.tensor1d([2, -3]));
        try {
          make(core).minimize(() => core.sum(core.square(w)));
        } catch (error) {
          return String(error);
        } finally {
          w.dispose();
        }
      });
      const trained = [sgd, adam, adamw].map((make) => {
        const w = core.variable(core.tensor1d([2, -3]));
        const optimizer = make(core, { learningRate: 0.1 });
        for (let k = 0; k < 100; k++) optimizer.minimize(() => core.sum(core.square(w)));
        return Math.hypot(...w.dataSync()) < 0.1;
      });
      return { chained: 'toFloat' in core.Tensor.prototype, refusals, trained };
    }
  `);
  const missing =
    'no layer of this copy of TensorFlow.js took part in computing the gradients, and no tap, so there is nothing to precondition: make the model with the copy that was handed in, compute without layers through optimizer.tap, or use sgd';
  expect(output).toEqual({
    chained: false,
    refusals: ['nysact', 'foof', 'kfac', 'eva'].map((name) => `RangeError: ${name}: ${missing}`),
    trained: [true, true, true],
  });
});

/** Modular TensorFlow.js with layers, and functions that train a small model, save it and load it. */
const MODULAR = `
  import * as core from '@tensorflow/tfjs-core';
  import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
  import '@tensorflow/tfjs-backend-cpu';
  import * as layers from '@tensorflow/tfjs-layers';
  import { nysact, registerOptimizers } from './src/tfjs/index.js';

  const tf = { ...core, ...layers };
  const [x, y] = [core.randomNormal([24, 5], 0, 1, 'float32', 1), core.ones([24, 2])];

  async function train(model) {
    await model.fit(x, y, { batchSize: 8, epochs: 2, shuffle: false, verbose: 0, yieldEvery: 'never' });
  }

  async function save(model) {
    let saved;
    await model.save(core.io.withSaveHandler(async (artifacts) => {
      saved = { ...artifacts, weightData: [...new Uint8Array(artifacts.weightData)] };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }), { includeOptimizer: true });
    return JSON.parse(JSON.stringify(saved));
  }

  async function load(saved) {
    registerOptimizers(tf);
    const weightData = Uint8Array.from(saved.weightData).buffer;
    return layers.loadLayersModel(core.io.fromMemory({ ...saved, weightData }));
  }

  const weightsOf = (model) => model.getWeights().map((weight) => [...weight.dataSync()]);
`;

test('modular TensorFlow.js trains and saves; a fresh process loads and goes on bit for bit', async () => {
  const first = await outputOf(`${MODULAR}
    async function main() {
      await core.setBackend('cpu');
      const dense = (units, seed) => layers.layers.dense({
        units,
        inputShape: [5],
        activation: 'tanh',
        kernelInitializer: layers.initializers.glorotNormal({ seed }),
      });
      const model = layers.sequential({ layers: [dense(4, 1), dense(2, 2)] });
      const optimizer = nysact(tf, { rank: 2, observeEvery: 2, refreshEvery: 5, momentum: 0.9 });
      model.compile({ optimizer, loss: 'meanSquaredError' });
      await train(model);
      const saved = await save(model);
      const before = weightsOf(model);
      await train(model);
      return {
        chained: 'toFloat' in core.Tensor.prototype,
        kinds: optimizer.report(model).map(({ kind }) => kind),
        moved: JSON.stringify(before) !== JSON.stringify(weightsOf(model)),
        saved,
        weights: weightsOf(model),
      };
    }
  `);
  expect(first).toMatchObject({ chained: false, kinds: Array(4).fill('dense'), moved: true });
  const { saved, weights } = Object(first);
  const second = await outputOf(`${MODULAR}
    async function main() {
      await core.setBackend('cpu');
      // Names are given in the order of making: these differ from those that were saved.
      layers.layers.dense({ units: 1, inputShape: [1] }).apply(core.ones([1, 1]));
      const model = await load(${JSON.stringify(saved)});
      const { iterations } = model.optimizer;
      await train(model);
      return { iterations, weights: weightsOf(model) };
    }
  `);
  expect(second).toEqual({ iterations: 6, weights });
});
