// The packed library in Node, Deno and Bun, where strict arithmetic gives the same bits, and under the
// oldest TypeScript that reads its declarations.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installedProject, type Project } from '../package/project.js';

const modules = resolve('build/runtimes/node_modules');

/** How to run a script, and what the runtime answers when it is asked who it is. */
const runtimes = {
  node: { command: [process.execPath], engine: 'process.release.name' },
  deno: {
    command: [`${modules}/@deno/linux-x64-glibc/deno`, 'run', '--allow-all', '--cached-only'],
    engine: 'Deno.version.deno',
  },
  bun: {
    command: [`${modules}/@oven/bun-linux-x64-baseline/bin/bun`, 'run'],
    engine: 'Bun.version',
  },
} as const;

type Runtime = keyof typeof runtimes;
const kernels = ['wasm', 'typescript'] as const;

interface Report {
  readonly kernels: { readonly kind: string; readonly variant: string };
  readonly bits: Readonly<Record<string, string>>;
  readonly pool?: { readonly threads: number; readonly product: string };
}

let project: Project;

beforeAll(() => {
  project = installedProject();
  const [, code] =
    /<!-- test: quick start -->\n```ts\n(.*?)^```$/ms.exec(readFileSync('README.md', 'utf8')) ?? [];
  project.write('quick-start.js', `${code}\nexport { P };\n`);
  project.write('program.js', readFileSync('test/runtimes/program.js', 'utf8'));
}, 120_000);

afterAll(() => project.remove());

function run(runtime: Runtime, ...script: readonly string[]): string {
  const [file, ...options] = runtimes[runtime].command;
  return execFileSync(file, [...options, ...script], {
    cwd: project.folder,
    encoding: 'utf8',
    timeout: 120_000,
  });
}

const reports = new Map<string, Report>();

/** What the program reports; it runs once a runtime and choice. */
function report(runtime: Runtime, choice: (typeof kernels)[number]): Report {
  const key = `${runtime} ${choice}`;
  const known = reports.get(key);
  if (known !== undefined) return known;
  const made: Report = JSON.parse(run(runtime, 'program.js', choice));
  reports.set(key, made);
  return made;
}

test.each(['node', 'deno', 'bun'] as const)('%s is what it is called', (runtime) => {
  const { engine } = runtimes[runtime];
  const script = project.write(`who-${runtime}.js`, `console.log(String(${engine}));\n`);
  const expected = runtime === 'node' ? /^node\n$/ : /^\d+\.\d+\.\d+\n$/;
  expect(run(runtime, script)).toMatch(expected);
});

test('in Node, every part is another number', () => {
  const { bits } = report('node', 'wasm');
  expect(new Set(Object.values(bits)).size).toBe(7);
});

test.each(['deno', 'bun'] as const)('%s computes the bits of Node with each kernels', (runtime) => {
  for (const choice of kernels) expect(report(runtime, choice)).toEqual(report('node', choice));
});

test.each(['node', 'deno', 'bun'] as const)('%s runs WebAssembly and two threads', (runtime) => {
  const { kernels: ran, pool } = report(runtime, 'wasm');
  expect([ran.kind, ran.variant, pool?.threads]).toEqual(['wasm', 'simd', 2]);
});

/** Types arrive where a wrong argument is an error: one that is expected and missing is an error too. */
const CONSUMER = `
import { activationSketch } from 'nysact';
import { gpuBackend } from 'nysact/gpu';
import { eigh } from 'nysact/linalg';
import { toMlMatrix } from 'nysact/ml-matrix';
import { kfacMethod } from 'nysact/methods';
import { publishedKfac } from 'nysact/published';
import { randomKey } from 'nysact/random';
import { patchRows } from 'nysact/rows';
import { drawSketch } from 'nysact/sketch';
import { nysact } from 'nysact/tfjs';
import { chain } from 'nysact/transforms';

export const sketch = activationSketch({ inputs: 785, rank: 10 });
export const others = [gpuBackend, eigh, toMlMatrix, kfacMethod, publishedKfac, randomKey, nysact];
export const more = [patchRows, drawSketch, chain];
// @ts-expect-error: the rank is a number
activationSketch({ inputs: 785, rank: 'ten' });
`;

test('TypeScript 5.4 reads every declaration', () => {
  symlinkSync(
    resolve('node_modules/@tensorflow'),
    join(project.folder, 'node_modules/@tensorflow'),
  );
  project.write('consumer.ts', CONSUMER);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022'];
  const { stdout, error } = spawnSync(
    process.execPath,
    [join(modules, 'typescript/bin/tsc'), ...options, '--lib', 'es2022,dom', 'consumer.ts'],
    { cwd: project.folder, encoding: 'utf8' },
  );
  expect(error).toBeUndefined();
  // TensorFlow.js's own declarations have errors, whatever the compiler.
  const ours = stdout.split('\n').filter((line) => /^(consumer|node_modules\/nysact)/.test(line));
  expect(ours).toEqual([]);
});
