// The WebAssembly that is shipped is what its sources compile to.

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
}, 600_000);

test('both variants take at most 64 KB, before what carries them compresses them', () => {
  const sizes = Object.values(kernels.BINARIES).map((text) => Buffer.from(text, 'base64').length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(64 * 1024);
});
