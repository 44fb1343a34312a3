// The WebAssembly that is shipped is what its sources compile to.

import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compileVariants, sourceDigest } from '../../src/kernels/assembly/build.js';
import { BINARIES, SOURCE_DIGEST } from '../../src/kernels/wasm/binaries.js';

test('no source is newer than the binaries: else run `npm run build:wasm`', () => {
  expect(SOURCE_DIGEST).toBe(sourceDigest());
});

test('the sources compile to these very bytes', async () => {
  expect(await compileVariants('src/kernels/assembly/index.ts')).toEqual(BINARIES);
}, 120_000);

test('both variants take at most 20 KB on the wire', () => {
  const bytes = Object.values(BINARIES).map((text) => Buffer.from(text, 'base64'));
  expect(gzipSync(Buffer.concat(bytes), { level: 9 }).length).toBeLessThanOrEqual(20_000);
});
