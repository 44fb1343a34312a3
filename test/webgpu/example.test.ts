// What docs/backends.md says of training on a GPU in Node: it runs as it is printed, with the packed
// library and packages that are installed beside it, and the process ends by itself.

import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAWN } from '../../bench/gpu/dawn.js';
import { installedProject, type Project } from '../package/project.js';

let project: Project;

beforeAll(() => {
  project = installedProject();
  const modules = join(project.folder, 'node_modules');
  symlinkSync(resolve('node_modules/@tensorflow'), join(modules, '@tensorflow'));
  symlinkSync(DAWN, join(modules, 'webgpu'));
});

afterAll(() => project.remove());

// The example leaves initial weights and the order of its batches to TensorFlow.js, which asks for a seed
// here: the same run every time.
const seeded = `let state = 1;
Math.random = () => (state = (48271 * state) % 2147483647) / 2147483647;`;

test('the example trains, and ends', () => {
  const document = readFileSync('docs/backends.md', 'utf8');
  const [, code] = /<!-- webgpu test: train -->\n```ts\n(.*?)^```$/ms.exec(document) ?? [];
  const report = 'console.log(JSON.stringify([tf.getBackend(), history.loss]));';
  const script = project.write('train.js', `${seeded}\n${code}\n${report}\n`);
  const printed = execFileSync(process.execPath, [script], { encoding: 'utf8', timeout: 250_000 });
  const [backend, losses]: [string, number[]] = JSON.parse(printed.trim().split('\n').at(-1) ?? '');
  expect(backend).toBe('webgpu');
  expect(losses).toHaveLength(5);
  // Over unseeded runs it fell to between 0.39 and 0.57 of the first epoch's.
  expect(losses[4]).toBeLessThan(0.8 * losses[0]);
});
