// TensorFlow.js on WebGL: the backend keeps its contract on textures of float32, and refuses half floats.

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tfjsBackend } from '../../src/tfjs/backend.js';
import { nysact } from '../../src/tfjs/index.js';
import { backendContract } from '../backend/backend.contract.js';
import { SIZES } from './selection.js';

describe('textures of float32', () => {
  beforeAll(() => tf.setBackend('webgl'));

  test('are what runs', () => {
    expect(tf.getBackend()).toBe('webgl');
    expect(tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')).toBe(true);
  });

  test('train a model', async () => {
    const [x, y] = [tf.randomNormal([32, 4, 4, 1], 0, 1, 'float32', 1), tf.ones([32, 1])];
    const model = tf.sequential();
    model.add(tf.layers.conv2d({ inputShape: [4, 4, 1], filters: 3, kernelSize: 2 }));
    model.add(tf.layers.flatten());
    model.add(tf.layers.dense({ units: 1 }));
    model.compile({ optimizer: nysact(tf, { rank: 4 }), loss: 'meanSquaredError' });
    const { history } = await model.fit(x, y, { epochs: 4, shuffle: false });
    expect(Number(history.loss[3])).toBeLessThan(0.5 * Number(history.loss[0]));
    tf.dispose([x, y]);
    model.optimizer.dispose();
    model.dispose();
  });

  backendContract('tfjsBackend on WebGL', () => tfjsBackend(tf), SIZES);
});

describe('half floats', () => {
  beforeAll(async () => {
    // Kernels belong to the name; the context and its textures are new.
    const make = tf.findBackendFactory('webgl');
    tf.removeBackend('webgl');
    tf.env().set('WEBGL_FORCE_F16_TEXTURES', true);
    tf.env().set('WEBGL_RENDER_FLOAT32_ENABLED', false);
    tf.registerBackend('webgl', make);
    await tf.setBackend('webgl');
  });

  test('are refused by name', () => {
    expect(() => tfjsBackend(tf)).toThrow(/^tfjsBackend: tf computes in half floats/);
  });
});
