// The page that trains LeNet: its runs on wasm and WebGL, its curves, and what it says of a missing backend.

import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { samplesFrom } from '../../bench/data/samples.js';
import { contestants } from '../../bench/demo/contestants.js';
import { openBackend, pageBackends } from '../../bench/page/backends.js';
import type { PageSamples } from '../../bench/page/images.js';
import { mountPage } from '../../bench/page/page.js';
import { Trainer } from '../../bench/page/trainer.js';
import { fillUniform, foldIn, randomKey } from '../../src/core/random.js';

/** Noise with a bright band, whose place is the class. */
function bands(count: number, seed: number) {
  return samplesFrom(
    Int32Array.from({ length: count }, (_, k) => k % 10),
    784,
    (row) => {
      const image = new Float32Array(784);
      fillUniform(foldIn(randomKey(seed), row), image);
      return image.map((noise, j) => (Math.floor(j / 56) === row % 10 ? 255 : 100 * noise));
    },
  );
}

const samples: PageSamples = { train: bands(320, 1), test: bands(40, 2) };
const plan = { steps: 20, batchSize: 32, seed: 1 };

function backend(name: string) {
  const found = pageBackends.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no backend ${name}`);
  return found;
}

describe('LeNet', () => {
  test.each([
    // The pages of tests are isolated: TensorFlow.js takes its build whose memory threads share.
    { name: 'wasm', contestant: contestants.sgd },
    { name: 'wasm', contestant: contestants.adam },
    { name: 'wasm', contestant: contestants.gaussian },
    { name: 'webgl', contestant: contestants.gaussian },
  ])(
    'on $name is trained by $contestant.title, and leaves no tensor',
    async ({ name, contestant }) => {
      const opened = await openBackend(backend(name));
      expect(opened.getBackend()).toBe(name);
      const before = opened.memory().numTensors;
      const trainer = new Trainer(opened, contestant, samples, plan);
      const losses: number[] = [];
      for (let step = 0; step < plan.steps; step++) losses.push(await trainer.step());
      expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]);
      const accuracy = await trainer.accuracy();
      expect(accuracy).toBeGreaterThan(0.5);
      expect(accuracy).toBeLessThanOrEqual(1);
      trainer.dispose();
      expect(opened.memory().numTensors).toBe(before);
    },
  );
});

describe('the page', () => {
  const container = document.createElement('div');
  const load = vi.fn(async () => samples);

  beforeEach(() => {
    document.body.append(container);
    load.mockClear();
    mountPage(container, { load, plan, testEvery: 5 });
  });
  afterEach(() => container.remove());

  function button(text: string): HTMLButtonElement {
    const found = [...container.querySelectorAll('button')].find(
      ({ textContent }) => textContent === text,
    );
    if (found === undefined) throw new Error(`no button ${text}`);
    return found;
  }

  function choose(...values: string[]): void {
    container.querySelectorAll('select').forEach((list, k) => {
      list.value = values[k];
    });
  }

  /** Starts a run, and waits until it is over. */
  async function run(name: string, optimiser: string): Promise<void> {
    choose(name, optimiser);
    button('Start').click();
    expect(button('Start').disabled).toBe(true);
    await vi.waitFor(() => expect(button('Start').disabled).toBe(false), { timeout: 100_000 });
  }

  const status = () => container.querySelector('output');
  const rows = () =>
    [...container.querySelectorAll('tbody tr')].map((row) =>
      [...row.querySelectorAll('td')].map(({ textContent }) => textContent),
    );

  /** The lines that are drawn in the charts, by the number of their points. */
  function curves(): number[][] {
    return [...container.querySelectorAll('svg')].map((chart) =>
      [...chart.querySelectorAll('g[aria-label="line"] path')].map(
        (path) => (path.getAttribute('d') ?? '').split('L').length,
      ),
    );
  }

  test('draws a curve of losses and one of accuracies for each run', async () => {
    await run('wasm', 'nysact-g');
    expect(status()?.textContent).toBe('NysAct-G, wasm: done.');
    expect(curves()).toEqual([[plan.steps], [4]]);
    await run('webgl', 'sgd');
    expect(curves()).toEqual([
      [plan.steps, plan.steps],
      [4, 4],
    ]);
    expect(rows().map(([name, step]) => [name, step])).toEqual([
      ['NysAct-G, wasm', '20'],
      ['SGD, webgl', '20'],
    ]);
    for (const [, , loss] of rows()) expect(Number(loss)).toBeLessThan(Math.log(10));
    expect(load).toHaveBeenCalledTimes(1);
    expect(container.innerHTML).not.toContain('NaN');
    button('Clear').click();
    expect(curves()).toEqual([]);
    expect(rows()).toEqual([]);
  });

  test('stops when it is told to, and keeps the curve', async () => {
    const watch = new MutationObserver(() => {
      if (status()?.textContent?.includes('step 2 of')) button('Stop').click();
    });
    watch.observe(container, { childList: true, subtree: true });
    await run('wasm', 'adam');
    watch.disconnect();
    expect(status()?.textContent).toBe('Adam, wasm: stopped.');
    expect(rows().map(([name, step]) => [name, step])).toEqual([['Adam, wasm', '2']]);
    expect(curves()).toEqual([[2]]);
  });

  test('says what is missing, marks it, and trains on what is there', async () => {
    tf.removeBackend('webgpu');
    await run('webgpu', 'sgd');
    expect(status()?.dataset.kind).toBe('failed');
    expect(status()?.textContent).toBe(
      'WebGPU is missing: this browser has no WebGPU, or keeps it from this page',
    );
    const option = container.querySelector<HTMLOptionElement>('option[value="webgpu"]');
    expect([option?.disabled, option?.textContent]).toEqual([true, 'WebGPU (missing)']);
    await run('wasm', 'sgd');
    expect(status()?.textContent).toBe('SGD, wasm: done.');
  });

  test('tries images again that did not come', async () => {
    load.mockRejectedValueOnce(new Error('page: /images.bin answers 500'));
    await run('wasm', 'sgd');
    expect(status()?.textContent).toBe('page: /images.bin answers 500');
    await run('wasm', 'sgd');
    expect(status()?.textContent).toBe('SGD, wasm: done.');
  });
});
