// The pool of threads: the bits of one thread, clean ends, and plain words where it cannot open.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { DType } from '../../src/core/dtype.js';
import { NotPositiveDefiniteError } from '../../src/core/errors.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { gemm } from '../../src/kernels/gemm.js';
import { Caller, createControl, serve } from '../../src/kernels/pool/control.js';
import { kernelInfo, openPool, type Pool, useKernels } from '../../src/kernels/selection.js';
import { syrk } from '../../src/kernels/syrk.js';
import type { Exports } from '../../src/kernels/wasm/instance.js';
import { Refusal } from '../../src/kernels/wasm/refusal.js';
import { evenRanges, parts, triangularRanges } from '../../src/kernels/wasm/split.js';
import { cholesky } from '../../src/linalg/cholesky.js';
import { type Built, buildLibrary } from '../support/built.js';
import { DTYPES, matrix, OP_PAIRS, reals } from './support.js';

/** Milliseconds that a process or thread may take to start on a machine that is busy with other work. */
const STARVED = 100_000;

let built: Built;
let worker: URL;

beforeAll(() => {
  built = buildLibrary();
  worker = pathToFileURL(join(built.folder, 'kernels/pool/worker.js'));
});

afterAll(() => built.remove());

afterEach(() => {
  vi.unstubAllGlobals();
  useKernels('auto');
});

/** What one thread computes and what a pool does, on the same operands. */
async function both(threads: number, compute: () => DenseMatrix): Promise<DenseMatrix[]> {
  useKernels('auto');
  const one = compute();
  const pool = await openPool({ threads, worker });
  try {
    expect(kernelInfo().threads).toBe(threads);
    return [one, compute()];
  } finally {
    pool.close();
  }
}

/** Sizes that are cut in parts, none of them a whole number of tiles. */
const [M, N, K] = [207, 181, 193];

describe.each(DTYPES)('in %s a pool computes the bits of one thread', (dtype) => {
  describe.each([2, 3])('with %i threads', (threads) => {
    test.each(OP_PAIRS)('gemm %s%s', async (opA, opB) => {
      const element = reals(1);
      const A = matrix(dtype, opA === 'N' ? M : K, opA === 'N' ? K : M, element);
      const B = matrix(dtype, opB === 'N' ? K : N, opB === 'N' ? N : K, element);
      const C0 = matrix(dtype, M, N, element);
      const [one, pooled] = await both(threads, () => {
        const C = C0.clone();
        gemm(0.5, A, opA, B, opB, -0.25, C);
        return C;
      });
      expect(pooled.data).toEqual(one.data);
    });

    test('syrk', async () => {
      const X = matrix(dtype, 400, N, reals(2));
      const [one, pooled] = await both(threads, () => {
        const C = zeros(dtype, N, N);
        syrk(1, X, 'T', 0, C, 'both');
        return C;
      });
      expect(pooled.data).toEqual(one.data);
    });

    test('Cholesky', async () => {
      const A = secondMoment(dtype, 481);
      const [one, pooled] = await both(threads, () => cholesky(A));
      expect(pooled.data).toEqual(one.data);
    });
  });
});

test.each([3, 400, 600])('pivot %i fails in a pool as it does alone', async (pivot) => {
  const A = secondMoment('float64', 601);
  A.set(pivot, pivot, -1);
  const pool = await openPool({ threads: 2, worker });
  try {
    expect(() => cholesky(A)).toThrow(NotPositiveDefiniteError);
    expect(() => cholesky(A)).toThrow(`pivot ${pivot} is -`);
  } finally {
    pool.close();
  }
});

function secondMoment<D extends DType>(dtype: D, n: number): DenseMatrix<D> {
  const A = zeros(dtype, n, n);
  syrk(1 / n, matrix(dtype, 2 * n, n, reals(3)), 'T', 0, A, 'both');
  return A;
}

describe('parts', () => {
  test.each([evenRanges, triangularRanges])('cover all rows once, in whole tiles', (split) => {
    for (const rows of [1, 3, 4, 5, 64, 333]) {
      for (const count of [1, 2, 3, 7]) {
        const ranges = split(rows, count);
        expect(ranges.length).toBeLessThanOrEqual(count);
        const ends = ranges.map(({ to }) => to);
        expect(ranges.map(({ from }) => from)).toEqual([0, ...ends.slice(0, -1)]);
        expect(ends.at(-1)).toBe(rows);
        expect(ranges.every(({ from }) => from % 5 === 0)).toBe(true);
      }
    }
  });

  test('of a triangle have nearly equal areas', () => {
    const areas = triangularRanges(1000, 4).map(({ from, to }) => to * to - from * from);
    for (const area of areas) expect(Math.abs(area / 250_000 - 1)).toBeLessThan(0.02);
  });

  test('are not made of little work', () => {
    expect(parts(1000, 8)).toBe(1);
    expect(parts(1e9, 8)).toBe(8);
  });
});

describe('a pool opens and closes', () => {
  test('once at a time, and what ran before runs again', async () => {
    useKernels('typescript');
    const pool = await openPool({ threads: 2, worker });
    await expect(openPool({ threads: 2, worker })).rejects.toThrow('a pool is open');
    expect(kernelInfo()).toMatchObject({ kind: 'wasm', threads: 2 });
    pool.close();
    pool.close();
    expect(kernelInfo().kind).toBe('typescript');
    const again: Pool = await openPool({ threads: 2, worker });
    again.close();
  });

  test('and gives back what was chosen while it opened', async () => {
    const opening = openPool({ threads: 2, worker });
    useKernels('typescript');
    (await opening).close();
    expect(kernelInfo().kind).toBe('typescript');
  });

  test('what a function gives as a worker must be one', async () => {
    await expect(
      Reflect.apply(openPool, undefined, [{ threads: 2, worker: () => ({}) }]),
    ).rejects.toThrow(
      new TypeError('openPool: what worker() gives is [object Object], expected a Worker'),
    );
  });

  test('and a process whose pool did not open ends at once', () => {
    const script = join(built.folder, 'failing.mjs');
    writeFileSync(join(built.folder, 'throws.mjs'), `throw new Error('no');`);
    writeFileSync(
      script,
      `import { openPool } from './index.js';
      const worker = new URL('./throws.mjs', import.meta.url);
      await openPool({ threads: 3, worker }).catch(({ message }) => console.log(message));`,
    );
    const printed = execFileSync(process.execPath, [script], {
      encoding: 'utf8',
      timeout: STARVED,
    });
    expect(printed).toMatch(/^openPool: the worker did not start: Error: no/);
  });

  test('and runs whenever its kernels are chosen', async () => {
    const pool = await openPool({ threads: 2, worker });
    expect(useKernels('typescript').threads).toBe(1);
    expect(useKernels('auto').threads).toBe(2);
    pool.close();
    expect(useKernels('auto').threads).toBe(1);
  });

  test('as a process that ends by itself, with an idle pool', () => {
    const script = join(built.folder, 'idle.mjs');
    writeFileSync(
      script,
      `import { kernelInfo, openPool, zeros } from './index.js';
      import { gemm } from './linalg/index.js';
      const { threads } = await openPool();
      const A = zeros('float32', 300, 300);
      gemm(1, A, 'N', A, 'N', 0, zeros('float32', 300, 300));
      console.log(threads === kernelInfo().threads);`,
    );
    const printed = execFileSync(process.execPath, [script], {
      encoding: 'utf8',
      timeout: STARVED,
    });
    expect(printed).toBe('true\n');
  });

  test.each([1, 65, 1.5, Number.NaN])('but not with %d threads', async (threads) => {
    await expect(openPool({ threads, worker })).rejects.toThrow(/^openPool: threads is /);
  });

  test('on workers that the caller starts', async () => {
    const start = vi.fn(() => new Worker(worker));
    const pool = await openPool({ threads: 3, worker: start });
    expect(start).toHaveBeenCalledTimes(2);
    expect(kernelInfo().threads).toBe(3);
    pool.close();
  });

  test.each(['worker.js', 5, null])('but not on %s', async (source) => {
    await expect(openPool({ threads: 2, worker: Object(source) })).rejects.toThrow(
      /^openPool: worker is .*, expected a URL, or a function that starts a worker/,
    );
  });

  test('in a CommonJS bundle, where its script is named', async () => {
    const entry = join(built.folder, 'bundled.mjs');
    const bundle = join(built.folder, 'bundle.cjs');
    writeFileSync(
      entry,
      `import { kernelInfo, openPool } from './index.js';
      (async () => {
        await openPool({ threads: 2 }).catch(({ message }) => console.log(message));
        const pool = await openPool({ threads: 2, worker: new URL(${JSON.stringify(worker.href)}) });
        console.log(kernelInfo().threads);
        pool.close();
      })();`,
    );
    await build({
      entryPoints: [entry],
      outfile: bundle,
      bundle: true,
      format: 'cjs',
      platform: 'node',
      logLevel: 'silent',
    });
    const printed = execFileSync(process.execPath, [bundle], { encoding: 'utf8', timeout: 30_000 });
    expect(printed).toMatch(
      /^openPool: worker is undefined, expected the URL of 'nysact\/worker' /,
    );
    expect(printed).toMatch(/\n2\n$/);
  });

  test('but not on a page that is not cross-origin isolated', async () => {
    vi.stubGlobal('crossOriginIsolated', false);
    const before = kernelInfo();
    await expect(openPool({ threads: 2, worker })).rejects.toThrow(
      /not cross-origin isolated: serve it with the headers Cross-Origin-Opener-Policy/,
    );
    expect(kernelInfo()).toEqual(before);
  });

  test('and closes by itself where a worker dies', async () => {
    const mortal = join(built.folder, 'mortal.mjs');
    writeFileSync(
      mortal,
      `import { parentPort } from 'node:worker_threads';
      new BroadcastChannel('mortal').onmessage = () => process.exit();
      parentPort.once('message', () => parentPort.postMessage('ready'));`,
    );
    useKernels('typescript');
    await openPool({ threads: 2, worker: pathToFileURL(mortal) });
    expect(kernelInfo().threads).toBe(2);
    const channel = new BroadcastChannel('mortal');
    channel.postMessage('die');
    await vi.waitFor(() => expect(kernelInfo().kind).toBe('typescript'), { timeout: STARVED });
    channel.close();
    (await openPool({ threads: 2, worker })).close();
  });

  test('but not without its script', async () => {
    const missing = pathToFileURL(join(built.folder, 'nowhere.js'));
    const before = kernelInfo();
    await expect(openPool({ threads: 2, worker: missing })).rejects.toThrow(
      /^openPool: the worker did not start: /,
    );
    expect(kernelInfo()).toEqual(before);
  });
});

test('a kernel that fails in a worker is an error of the call, and the worker goes on', () => {
  const control = createControl(1);
  const caller = new Caller(control, 1);
  const kernel = vi.fn(() => {
    // Whatever comes next, the pool is closed: so that this thread, which plays the worker, returns.
    caller.close();
    throw new RangeError('out of bounds');
  });
  const exports: Exports = Object.assign(Object.create(null), { product64: kernel });
  caller.offer([{ kernel: 'product64', operands: [1, 2, 3] }], 100, 8);
  serve(exports, control, 0, 1);
  expect(kernel).toHaveBeenCalledWith(1, 2, 3, 100);
  const compute = vi.fn();
  expect(() => caller.finish(compute)).toThrow('a kernel failed in a worker');
  expect(() => caller.finish(compute)).not.toThrow();
  expect(compute).not.toHaveBeenCalled();
});

test('a worker that is woken without work sleeps on', async () => {
  const script = join(built.folder, 'sleeper.mjs');
  writeFileSync(
    script,
    `import { parentPort, workerData } from 'node:worker_threads';
    import { serve } from './kernels/pool/control.js';
    let calls = 0;
    serve({ product32: () => { calls++; } }, workerData, 0, 1);
    parentPort.postMessage(calls);`,
  );
  const control = createControl(1);
  const thread = new Worker(script, { workerData: control });
  try {
    const calls = once(thread, 'message');
    const words = new Int32Array(control);
    for (let wake = 0; wake < 3; wake++) {
      // Whom a notification wakes was asleep: so each but the first proves that it slept on.
      while (Atomics.notify(words, 0) === 0) await nextTurn();
    }
    new Caller(control, 1).close();
    expect(await calls).toEqual([0]);
  } finally {
    await thread.terminate();
  }
});

test('what no worker has taken the caller computes, and no worker takes it later', () => {
  const control = createControl(2);
  const caller = new Caller(control, 2);
  const calls = [1, 2].map((k) => ({ kernel: 'product64', operands: [k] }) as const);
  caller.offer(calls, 0, 8);
  const compute = vi.fn();
  caller.finish(compute);
  expect(compute.mock.calls).toEqual([[calls[0]], [calls[1]]]);
  const kernel = vi.fn();
  caller.close();
  serve(Object.assign(Object.create(null), { product64: kernel }), control, 1, 2);
  expect(kernel).not.toHaveBeenCalled();
});

test('a worker that takes a call and does not finish it is refused by name', async () => {
  const control = createControl(1);
  const caller = new Caller(control, 1, 2);
  const dying = join(built.folder, 'dying.mjs');
  writeFileSync(
    dying,
    `import { parentPort, workerData } from 'node:worker_threads';
    import { serve } from './kernels/pool/control.js';
    serve({ product64: () => process.exit() }, workerData, 0, 1);`,
  );
  const thread = new Worker(dying, { workerData: control });
  caller.offer([{ kernel: 'product64', operands: [] }], 0, 0);
  await new Promise((resolve) => thread.once('exit', resolve));
  const compute = vi.fn();
  expect(() => caller.finish(compute)).toThrow(Refusal);
  expect(compute).not.toHaveBeenCalled();
});

/** A script whose worker runs `body` once it has reported. */
function scriptOf(name: string, body: string): URL {
  const script = join(built.folder, name);
  writeFileSync(
    script,
    `import { parentPort } from 'node:worker_threads';
    parentPort.once('message', ({ control }) => {
      parentPort.postMessage('ready');
      ${body}
    });`,
  );
  return pathToFileURL(script);
}

describe('a worker that dies costs no result', () => {
  const A = matrix('float32', 300, 300, reals(4));
  const product = (): DenseMatrix => {
    const C = matrix('float32', 300, 300, reals(5));
    gemm(0.5, A, 'N', A, 'N', -1, C);
    return C;
  };

  test.each([
    ['before it takes a call', 'process.exit();'],
    [
      'while it is at one',
      `const words = new Int32Array(control);
      Atomics.wait(words, 0, 0);
      // Takes the first offer, as serve does.
      if (Atomics.compareExchange(words, 16, 1, 2) === 1) process.exit();`,
    ],
  ])('%s', async (name, body) => {
    useKernels('auto');
    const one = product();
    const pool = await openPool({ threads: 2, worker: scriptOf(`${name.length}.mjs`, body) });
    const pooled = product();
    pool.close();
    expect(pooled.data).toEqual(one.data);
  });
});
