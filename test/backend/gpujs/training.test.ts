// Training on a device: only refreshes read, and an asynchronous run that is flushed is repeatable.

import { describe, expect, test } from 'vitest';
import { upload } from '../../../src/backend/backend.js';
import { gpuBackend } from '../../../src/backend/gpujs/index.js';
import { convert } from '../../../src/core/matrix.js';
import { Optimizer } from '../../../src/optimize/optimizer.js';
import { kfac } from '../../../src/optimize/optimizers.js';
import { observed, randomBatch, randomGradient } from '../../precondition/runs.js';
import { doubleOf } from '../../support/gpujs-double.js';
import { trainingLaws } from './training.contract.js';

const SIZE = { inputs: 6, outputs: 3 };
const MODES = [
  { mode: 'webgl2' },
  { mode: 'webgl2', reading: 'async' },
  { mode: 'webgpu' },
] as const;

/** KFAC with its KL clip on one layer with a bias, and the reads that the device sees. */
async function training(options: (typeof MODES)[number]) {
  let reads = 0;
  const { GPU } = doubleOf({
    devices: [options.mode],
    observe: (event) => {
      if (event === 'read') reads += 1;
    },
  });
  const backend = await gpuBackend(GPU, options);
  const optimizer = new Optimizer({
    backend,
    transform: kfac({ learningRate: 0.1, observeEvery: 1, refreshEvery: 4, klClip: 1e-3 }),
    parameters: [
      { rows: 3, cols: 5 },
      { rows: 3, cols: 1 },
    ],
    layers: [{ weight: 0, bias: 1 }],
  });
  const drawn = (seed: number, inputs: number) =>
    upload(backend, convert(randomGradient(seed, { ...SIZE, inputs }), 'float32'));
  const parameters = [drawn(100, 5), drawn(101, 1)];
  const step = () => {
    const k = optimizer.steps;
    optimizer.step([drawn(k, 5), drawn(k + 50, 1)], parameters, [
      observed(backend, randomBatch(k, 7, SIZE)),
    ]);
  };
  const weights = async () => (await backend.read(parameters[0])).data;
  reads = 0;
  return { optimizer, step, weights, reads: () => reads };
}

async function flushedRun(options: (typeof MODES)[number]): Promise<Float32Array> {
  const { optimizer, step, weights } = await training(options);
  for (let k = 0; k < 10; k++) {
    step();
    await optimizer.flush();
  }
  return weights();
}

describe.each(MODES)('on %j', (options) => {
  test('nothing but a refresh reads: observing, preconditioning and the clip stay on the device', async () => {
    const { optimizer, step, reads } = await training(options);
    const seen: number[] = [];
    for (let k = 0; k < 8; k++) {
      const before = reads();
      step();
      await optimizer.flush();
      seen.push(reads() - before);
    }
    // Both factors, at steps 0 and 4.
    expect(seen).toEqual([2, 0, 0, 0, 2, 0, 0, 0]);
  });

  test('runs that are flushed after every step are the same, to the last bit', async () => {
    const first = await flushedRun(options);
    expect(first.every(Number.isFinite)).toBe(true);
    expect(await flushedRun(options)).toEqual(first);
  });
});

test('devices that answer later give one run, whatever they are', async () => {
  // On one that reads at once a refresh takes effect a step earlier.
  const [, webgl2, webgpu] = await Promise.all(MODES.map(flushedRun));
  expect(webgpu).toEqual(webgl2);
});

for (const options of MODES) {
  trainingLaws(`a double, ${JSON.stringify(options)}`, async () => {
    const { GPU, lose } = doubleOf({ devices: [options.mode] });
    return { backend: await gpuBackend(GPU, options), lose };
  });
}
