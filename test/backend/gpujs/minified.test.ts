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
import { DenseMatrix, engineFrom, upload } from './src/index.js';
import { gpuBackend } from './src/backend/gpujs/index.js';

export async function run(GPU) {
  const backend = await gpuBackend(GPU, { mode: 'webasm', reading: 'sync', fallback: 'gpu.js' });
  const engine = engineFrom(backend);
  const of = (rows, cols, ...data) =>
    upload(engine, new DenseMatrix('float32', rows, cols, Float32Array.from(data)));
  const [G, V, P, s] = [of(1, 2, 3, 4), of(2, 1, 1, 0), engine.allocate(1, 2), engine.allocate(1, 1)];
  engine.applyLowRankInverse(G, V, 0.5, P);
  engine.innerProduct(1, P, P, 0, s);
  engine.clip(s, 73 / 4, P);
  return { variant: backend.info.variant, P: engine.read(P).toArrays() };
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
    // G/½ − (GV)Vᵀ = [6 − 3, 8], whose squared norm is 73: the clip halves it.
    expect(await bundle.run(GPU)).toEqual({ variant: 'webasm', P: [[1.5, 4]] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
