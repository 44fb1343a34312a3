// The backend that docs/backends.md writes is one: it keeps the contract, as it is printed there.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { backendContract } from '../backend/backend.contract.js';

/** What the example exports. */
interface Example {
  readonly plainBackend: () => Backend<'float64'>;
}

function isExample(module: unknown): module is Example {
  return typeof module === 'object' && module !== null && 'plainBackend' in module;
}

const document = readFileSync('docs/backends.md', 'utf8');
const [, code = ''] = /<!-- test: own backend -->\n```ts\n(.*?)^```$/ms.exec(document) ?? [];

mkdirSync('build', { recursive: true });
const folder = mkdtempSync(join('build', 'own-backend-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'backend.ts');
writeFileSync(file, code);
const example: unknown = await import(/* @vite-ignore */ pathToFileURL(file).href);
if (!isExample(example)) throw new TypeError('docs/backends.md writes no backend');
const { plainBackend } = example;

test('it is written in sixty lines, and checks nothing', () => {
  const lines = code.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(60);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(code).not.toContain('throw');
});

backendContract('the backend of docs/backends.md', plainBackend);
