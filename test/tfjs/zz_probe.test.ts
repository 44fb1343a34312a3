import { test } from 'vitest';
import { nysact, adam } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, perceptron } from './models.js';
onBackends(['wasm'], () => {
  test('today', async () => {
    for (const o of [nysact(tf, { rank: 3, sketch: 'subcolumn', observeEvery: 2 }), adam(tf), tf.train.adam(0.1)]) {
    const model = perceptron();
    model.compile({ optimizer: o, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    const { x, y } = clouds(16);
    await model.fit(x, y, { epochs: 3, batchSize: 16, shuffle: false });
    let art: any;
    for (let i = 0; i < 3; i++) {
    await model.save(tf.io.withSaveHandler(async (a) => { art = a; return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } } as any; }), { includeOptimizer: true });
    console.log(tf.memory().numTensors, tf.memory().numBytes);
    }
    console.log(JSON.stringify(art.trainingConfig), art.weightSpecs.map((s: any) => [s.name, s.dtype, s.shape.join('x'), s.group].join(' ')).join('\n'));
    const before = tf.memory().numTensors;
    try { const m = await tf.loadLayersModel(tf.io.fromMemory(art)); console.log('loaded', m.optimizer.getClassName(), m.optimizer.iterations, (m as any).metrics, tf.memory().numTensors-before);
    m.dispose(); m.optimizer.dispose(); console.log(tf.memory().numTensors-before);
    } catch (e) { console.log(String(e), tf.memory().numTensors-before); }
    }
  });
  test('probe', async () => {
    class X extends tf.Optimizer { static className = 'Xx'; static fromConfig(cls: any, config: any): any { console.log('config', config, arguments.length); return tf.train.sgd(1); } applyGradients() {} getConfig(): any { return {klClip: 'none', beta1: 1, learningRate: 0.5}; } }
    tf.serialization.registerClass(X);
    const model = perceptron();
    model.compile({ optimizer: new X(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    let art: any;
    await model.save(tf.io.withSaveHandler(async (a) => { art = a; return {} as any; }), { includeOptimizer: true });
    console.log(art.trainingConfig);
    await tf.loadLayersModel(tf.io.fromMemory(JSON.parse(JSON.stringify(art.trainingConfig)) && art));
    console.log(art.trainingConfig, Object.keys((tf.serialization.SerializationMap.getMap() as any).classNameMap).join());
  });
});
