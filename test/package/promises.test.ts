// What SECURITY.md promises, looked for in the packed files.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installedProject, type Project } from './project.js';

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

let project: Project;
let root: string;
/** Every script without its comments, by its path. */
let scripts: ReadonlyMap<string, string>;

beforeAll(() => {
  project = installedProject();
  root = join(project.folder, 'node_modules', 'nysact');
  const files = readdirSync(join(root, 'dist'), { encoding: 'utf8', recursive: true });
  scripts = new Map(
    files
      .filter((file) => file.endsWith('.js'))
      .map((file) => {
        const code = readFileSync(join(root, 'dist', file), 'utf8');
        return [file, esbuild.transformSync(code, { minifyWhitespace: true }).code];
      }),
  );
}, 120_000);

afterAll(() => project.remove());

function filesWith(pattern: RegExp): string[] {
  return [...scripts].filter(([, code]) => pattern.test(code)).map(([file]) => file);
}

test('the scripts are there to be looked at', () => {
  expect(filesWith(/WebAssembly/)).toContain(join('kernels', 'wasm', 'platform.js'));
});

test.each([
  ['makes code of text', /\beval\b|\bFunction\(|\bimport\(|\bimportScripts\b/],
  ['speaks to a network', /\bfetch\b|XMLHttpRequest|WebSocket|EventSource|sendBeacon/],
  ['imports a module of Node', /\b(from|import)\s*['"](node:|fs|net|http|child_process)/],
])('no script %s', (_what, pattern) => {
  expect(filesWith(pattern)).toEqual([]);
});

test('nothing but the pool asks for shared memory, threads or modules of Node', () => {
  const pool = /^(kernels[\\/]pool[\\/])/;
  expect(
    filesWith(/SharedArrayBuffer\(|getBuiltinModule\(|new Worker\(/).filter(
      (file) => !pool.test(file),
    ),
  ).toEqual([]);
});

test('nothing runs when it is installed, and it brings ml-matrix alone', () => {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(
    Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name)),
  ).toEqual([]);
  expect(Object.keys(manifest.dependencies)).toEqual(['ml-matrix']);
});

test('every source map and declaration map leads to a file of the package', () => {
  const maps = readdirSync(join(root, 'dist'), { encoding: 'utf8', recursive: true }).filter(
    (file) => file.endsWith('.map'),
  );
  expect(maps.filter((file) => file.endsWith('.d.ts.map')).length).toBe(scripts.size);
  for (const file of maps) {
    const path = join(root, 'dist', file);
    const map: { readonly sources: readonly string[] } = JSON.parse(readFileSync(path, 'utf8'));
    for (const source of map.sources) readFileSync(join(path, '..', source));
  }
});
