// What a model's variables are trained by, where options say so by name.

import type { io, LayersModel } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { nysact, registerOptimizers, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, weightsOf } from './models.js';

const kernelInitializer = (seed: number) => tf.initializers.glorotNormal({ seed });

/** Layers whose names have what TensorFlow.js rewrites when it loads: capitals and underscores. */
function named(): ReturnType<typeof tf.sequential> {
  return tf.sequential({
    layers: [
      tf.layers.dense({
        inputShape: [6],
        units: 8,
        name: 'first_Dense',
        kernelInitializer: kernelInitializer(1),
      }),
      tf.layers.layerNormalization({ name: 'norm' }),
      tf.layers.dense({
        units: 5,
        name: 'Middle',
        activation: 'tanh',
        kernelInitializer: kernelInitializer(2),
      }),
      tf.layers.dense({
        units: 3,
        name: 'head_1',
        activation: 'softmax',
        kernelInitializer: kernelInitializer(3),
      }),
    ],
  });
}

const OPTIONS = {
  learningRate: 0.05,
  rank: 3,
  observeEvery: 2,
  refreshEvery: 4,
  rest: 'adam',
  restLearningRate: 0.01,
  restWeightDecay: 0.1,
  weightDecay: 0.01,
  decays: ['first_Dense', 'Middle'],
  skip: ['Middle'],
  overrides: { head_1: { rank: 2, damping: 0.5 } },
} as const;

async function train(model: LayersModel, seed: number): Promise<void> {
  const { x, y } = clouds(40, 6, seed);
  await model.fit(x, y, { batchSize: 8, shuffle: false });
  tf.dispose([x, y]);
}

async function saved(model: LayersModel): Promise<io.ModelArtifacts> {
  let artifacts: io.ModelArtifacts | undefined;
  const handler = tf.io.withSaveHandler(async ({ weightData, ...json }) => {
    if (!(weightData instanceof ArrayBuffer)) throw new TypeError('expected one buffer');
    artifacts = { ...JSON.parse(JSON.stringify(json)), weightData: weightData.slice(0) };
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(handler, { includeOptimizer: true });
  if (artifacts === undefined) throw new Error('nothing was saved');
  return artifacts;
}

function compiled<Model extends LayersModel>(model: Model, optimizer: TfjsOptimizer): Model {
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  return model;
}

onBackends(['wasm'], () => {
  test('options by name are saved with a model, and training goes on bit for bit', async () => {
    registerOptimizers(tf);
    const model = compiled(named(), nysact(tf, OPTIONS));
    await train(model, 1);
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(await saved(model)));
    await train(model, 2);
    await train(loaded, 2);
    expect(loaded.getWeights().map((w) => w.dataSync())).toEqual(
      model.getWeights().map((w) => w.dataSync()),
    );
    for (const one of [model, loaded]) {
      one.optimizer.dispose();
      one.dispose();
    }
  });

  test('the report says what is left to the rest, and what has options of its own', async () => {
    const optimizer = nysact(tf, OPTIONS);
    const model = compiled(named(), optimizer);
    await train(model, 1);
    const lines = optimizer
      .report(model)
      .map(({ layer, kind, rank, reason }) => [layer, kind ?? reason, rank]);
    const left = 'the optimizer was told to leave its layer to the rest';
    const unknown =
      'LayerNormalization scales and shifts each feature alone, and trains with the rest';
    expect(lines).toEqual([
      ['first_Dense', 'dense', 3],
      ['first_Dense', 'dense', undefined],
      ['norm', unknown, undefined],
      ['norm', unknown, undefined],
      ['Middle', left, undefined],
      ['Middle', left, undefined],
      ['head_1', 'dense', 2],
      ['head_1', 'dense', undefined],
    ]);
    optimizer.dispose();
    model.dispose();
  });

  describe('a name that no variable has', () => {
    test.each([
      ['skip', { skip: ['Midle'] }],
      ['overrides', { overrides: { Midle: { rank: 2 } } }],
      ['decays', { decays: ['Midle'], weightDecay: 0.1 }],
    ])('in %s is refused, and the model is as it was', async (option, options) => {
      const optimizer = nysact(tf, options);
      const model = compiled(named(), optimizer);
      const before = weightsOf(model);
      await expect(train(model, 1)).rejects.toThrow(`${option} names 'Midle', expected one of `);
      expect(weightsOf(model)).toEqual(before);
      optimizer.dispose();
      model.dispose();
    });
  });
});
