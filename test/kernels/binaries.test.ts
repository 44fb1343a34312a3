// The WebAssembly that is shipped is what its sources compile to.

import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import * as calibrator from '../../bench/kernels/calibrator-binaries.js';
import { compileVariants, sourceDigest, TARGETS } from '../../src/kernels/assembly/build.js';
import * as kernels from '../../src/kernels/wasm/binaries.js';

test.each([kernels, calibrator])('no source is newer: else run `npm run build:wasm`', (built) => {
  expect(built.SOURCE_DIGEST).toBe(sourceDigest());
});

test('the sources compile to these very bytes', async () => {
  const [fresh, beside] = await Promise.all(TARGETS.map(({ entry }) => compileVariants(entry)));
  expect(fresh).toEqual(kernels.BINARIES);
  expect(beside).toEqual(calibrator.BINARIES);
}, 120_000);

test('both variants take at most 20 KB on the wire', () => {
  const bytes = Object.values(kernels.BINARIES).map((text) => Buffer.from(text, 'base64'));
  expect(gzipSync(Buffer.concat(bytes), { level: 9 }).length).toBeLessThanOrEqual(20_000);
});
