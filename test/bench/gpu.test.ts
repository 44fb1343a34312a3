// The benchmark of devices: every case fits together, is timed to its end, and is printed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { gpuCases } from '../../bench/gpu/cases.js';
import { measureCases } from '../../bench/gpu/measure.js';
import { operationTable, stepTable } from '../../bench/gpu/report.js';
import { measureSteps, perceptrons } from '../../bench/gpu/steps.js';
import { softwareVulkan } from '../../bench/gpu/vulkan.js';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { doubleOf } from '../support/gpujs-double.js';
import { tf } from '../tfjs/backends.js';

/** A double that takes `cost` for every read, by a clock that otherwise moves when it is looked at. */
async function slowReader(cost: number) {
  let time = 0;
  const { GPU } = doubleOf({
    devices: ['webgl2'],
    observe: (event) => {
      if (event === 'read') time += cost;
    },
  });
  return { backend: await gpuBackend(GPU), clock: () => (time += 0.01) };
}

describe('cases', () => {
  test('are of every operation, and stop at the largest size', () => {
    expect(gpuCases(31)).toEqual([]);
    const names = gpuCases(257).map(({ name }) => name);
    expect(names).toHaveLength(12);
    expect(new Set(names)).toEqual(new Set(['AB', 'XᵀX', 'Xᵀ(XS)', 'G/c − (GV)Vᵀ', 'G·R']));
  });

  test('are timed with their reads: alone, and once for a row of eight', async () => {
    const { backend, clock } = await slowReader(80);
    const rows = await measureCases(backend, gpuCases(65), 1, clock);
    expect(rows.map(({ name }) => name)).toEqual(gpuCases(65).map(({ name }) => name));
    for (const row of rows) {
      expect(row.transferred).toBeCloseTo(80, 1);
      expect(row.resident).toBeCloseTo(10, 1);
    }
    // Nothing is left behind but scratch: XS and GV.
    expect(backend.memory().textures).toBeLessThanOrEqual(2);
  });
});

describe('the table', () => {
  const row = { name: 'G·R', shape: '2×3', multiplyAdds: 18, cpu: 2, transferred: 3, resident: 1 };
  const report = { mode: 'webgl2', adapter: 'a card', error: 1e-7, rows: [row] };

  test('says what is faster, and whether only without transfers', () => {
    const rows = [row, { ...row, transferred: 1.5 }, { ...row, cpu: 0.5 }];
    const faster = operationTable({ ...report, rows }).rows.map((cells) => cells.at(-1));
    expect(faster).toEqual(['webgl2, if resident', 'webgl2', 'CPU']);
    const [first] = operationTable({ ...report, rows }).rows;
    // 2 ms / 3 ms.
    expect(first).toContain('0.667');
  });
});

describe('steps of TensorFlow.js', () => {
  const model = { widths: [5, 4, 3], batch: 7 } as const;

  test('are timed in whole cycles, to their end, and leave nothing behind', async () => {
    let time = 0;
    // Two looks a cycle of 50 steps, and one a round.
    const plan = { time: 1, clock: () => (time += 100) };
    await tf.setBackend('cpu');
    const before = tf.memory().numTensors;
    const [row, ...others] = await measureSteps(tf, ['cpu'], [model], plan);
    expect(others).toEqual([]);
    expect(row).toEqual({ ...model, backend: 'cpu', sgd: 2, nysact: 2, ratio: 1 });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('on a backend that does not exist are an error', async () => {
    const plan = { time: 1, clock: () => 0 };
    await expect(measureSteps(tf, ['abacus'], [model], plan)).rejects.toThrow(/abacus/);
  });

  test('are of models that stop at the largest size', () => {
    expect(perceptrons(63)).toEqual([]);
    expect(perceptrons(784).map(({ widths: [inputs] }) => inputs)).toEqual([64, 784]);
  });

  test('are printed with what NysAct costs beside SGD', () => {
    const row = { ...model, backend: 'webgpu', sgd: 2, nysact: 3, ratio: 1.48 };
    expect(stepTable([row]).rows).toEqual([['5–4–3', '7', 'webgpu', '2.00 ms', '3.00 ms', '1.48']]);
  });
});

describe('the software driver', () => {
  const folders: string[] = [];
  const folder = (...files: readonly string[]): string => {
    const path = mkdtempSync(join(tmpdir(), 'nysact-driver-'));
    folders.push(path);
    for (const file of files) writeFileSync(join(path, file), '');
    return path;
  };
  afterEach(() => {
    vi.unstubAllEnvs();
    for (const path of folders.splice(0)) rmSync(path, { recursive: true });
  });

  test('is found beside Chromium, with its loader before other libraries', () => {
    const path = folder('chromium', 'vk_swiftshader_icd.json');
    vi.stubEnv('CHROME_PATH', join(path, 'chromium'));
    vi.stubEnv('VK_ICD_FILENAMES', '');
    vi.stubEnv('LD_LIBRARY_PATH', '/elsewhere');
    expect(softwareVulkan()).toEqual({
      VK_ICD_FILENAMES: join(path, 'vk_swiftshader_icd.json'),
      LD_LIBRARY_PATH: `${path}${delimiter}/elsewhere`,
    });
    vi.stubEnv('LD_LIBRARY_PATH', undefined);
    expect(softwareVulkan()).toHaveProperty('LD_LIBRARY_PATH', path);
  });

  test('is left alone where another one is named', () => {
    vi.stubEnv('VK_ICD_FILENAMES', '/a/driver.json');
    expect(softwareVulkan()).toEqual({});
  });

  test('that is nowhere is an error that says where it was looked for', () => {
    const path = folder('chromium');
    vi.stubEnv('CHROME_PATH', join(path, 'chromium'));
    vi.stubEnv('VK_ICD_FILENAMES', undefined);
    expect(() => softwareVulkan([])).toThrow(
      `No software driver for WebGPU: no vk_swiftshader_icd.json in ${path}.`,
    );
  });
});
