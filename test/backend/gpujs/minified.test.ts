// Kernels survive a bundler that minifies: they are text, and no name of this library is in it.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { GPU } from 'gpu.js';
import { expect, test } from 'vitest';

/** What the bundle exports. */
interface Bundle {
  readonly run: (gpu: typeof GPU) => Promise<{ readonly variant: string; readonly P: number[][] }>;
}

function isBundle(module: unknown): module is Bundle {
  return typeof module === 'object' && module !== null && 'run' in module;
}

const PROGRAM = `
import { upload } from './src/backend/backend.js';
import { gpuBackend } from './src/backend/gpujs/index.js';
import { DenseMatrix } from './src/core/matrix.js';

export async function run(GPU) {
  const backend = await gpuBackend(GPU, { mode: 'webasm', reading: 'sync', fallback: 'gpu.js' });
  const of = (rows, cols, ...data) =>
    upload(backend, new DenseMatrix('float32', rows, cols, Float32Array.from(data)));
  const [G, V, P] = [of(1, 2, 3, 4), of(2, 1, 1, 0), backend.allocate(1, 2)];
  const [GV, s] = [backend.allocate(1, 1), backend.allocate(1, 1)];
  backend.gemm(1, G, 'N', V, 'N', 0, GV);
  backend.axpby(2, G, 0, P);
  backend.gemm(-1, GV, 'N', V, 'T', 1, P);
  backend.dot(1, P, P, 0, s);
  backend.clip(s, 73 / 4, P);
  return { variant: backend.info.variant, P: backend.readSync(P).toArrays() };
}
`;

test('a minified bundle computes what it should', async () => {
  mkdirSync('build', { recursive: true });
  const folder = mkdtempSync(join('build', 'minified-'));
  try {
    const outfile = join(folder, 'bundle.mjs');
    await build({
      stdin: { contents: PROGRAM, resolveDir: '.', loader: 'ts' },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      outfile,
      logLevel: 'silent',
    });
    const bundle: unknown = await import(/* @vite-ignore */ pathToFileURL(outfile).href);
    if (!isBundle(bundle)) throw new TypeError('the bundle exports nothing to run');
    // 2G − (GV)Vᵀ = [6 − 3, 8], whose squared norm is 73: the clip halves it.
    expect(await bundle.run(GPU)).toEqual({ variant: 'webasm', P: [[1.5, 4]] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
