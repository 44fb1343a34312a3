// The bundles that README.md's table of sizes promises, built from what `npm pack` packs.

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installedProject, type Project } from './project.js';

/** What a bundle uses, by the name of its row in the table. */
const ENTRIES = {
  'everything of `nysact`': "export * from 'nysact';",
  '`gemm` of `nysact/linalg`': "export { gemm } from 'nysact/linalg';",
  '`activationSketch`': "export { activationSketch } from 'nysact';",
  '`Optimizer`, `nysact`, `cpuBackend`': "export { Optimizer, nysact, cpuBackend } from 'nysact';",
  '`nysact` of `nysact/tfjs`': "export { nysact } from 'nysact/tfjs';",
} as const;

/** Builds of zlib compress a little differently, and a table need not follow every line. */
const TOLERANCE = 0.05;

/** The section's rows: | name | minified kB | gzipped kB |. */
function printed(): Map<string, readonly number[]> {
  const [, section = ''] = /^## Size\n(.*?)^## /ms.exec(readFileSync('README.md', 'utf8')) ?? [];
  const rows = section.matchAll(/^\| (.*?) \| ([\d.]+) kB \| ([\d.]+) kB \|$/gm);
  return new Map([...rows].map(([, name, ...sizes]) => [name, sizes.map(Number)]));
}

let project: Project;
beforeAll(() => {
  project = installedProject();
}, 120_000);
afterAll(() => project.remove());

/** The sizes in kB of a minified bundle without what it does not use: plain, and gzipped. */
async function measured(contents: string): Promise<readonly number[]> {
  const { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: project.folder },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
  const [{ contents: code }] = outputFiles;
  return [code.length, gzipSync(code, { level: 9 }).length].map((bytes) => bytes / 1000);
}

test('the table has a row for every bundle', () => {
  expect([...printed().keys()]).toEqual(Object.keys(ENTRIES));
});

test.each(Object.entries(ENTRIES))('%s is as large as the table says', async (name, code) => {
  const sizes = await measured(code);
  const shown = sizes.map((kB) => kB.toFixed(1)).join(' and ');
  const said = printed().get(name) ?? [];
  const stale = sizes.filter((kB, i) => !(Math.abs(said[i] - kB) <= TOLERANCE * kB));
  expect(stale, `the row should say ${shown}`).toEqual([]);
});
