// The WebAssembly that is shipped is what its sources compile to.

import { expect, test } from 'vitest';
import * as calibrator from '../../bench/kernels/calibrator-binaries.js';
import { compileVariants, sourceDigest, TARGETS } from '../../src/kernels/assembly/build.js';
import * as kernels from '../../src/kernels/wasm/binaries.js';
import * as tfjs from '../../src/tfjs-wasm/binaries.js';

/** What was built of each target. */
const BUILT = [kernels, tfjs, calibrator];

test.each(BUILT)('no source is newer: else run `npm run build:wasm`', (built) => {
  expect(built.SOURCE_DIGEST).toBe(sourceDigest());
});

test('the sources compile to these very bytes', async () => {
  const fresh = await Promise.all(TARGETS.map(compileVariants));
  expect(fresh).toEqual(BUILT.map(({ BINARIES }) => BINARIES));
}, 600_000);

/** Bytes of the variants of a module. */
function bytesOf(binaries: Readonly<Record<string, string>>): Buffer[] {
  return Object.values(binaries).map((text) => Buffer.from(text, 'base64'));
}

test('both variants take at most 64 KB, before what carries them compresses them', () => {
  const sizes = bytesOf(kernels.BINARIES).map(({ length }) => length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(64 * 1024);
});

test('the kernels for TensorFlow.js take at most 32 KB, in strict arithmetic alone', () => {
  expect(Object.keys(tfjs.BINARIES)).toEqual(['strict']);
  expect(bytesOf(tfjs.BINARIES)[0].length).toBeLessThanOrEqual(32 * 1024);
});

/** The numbers of a module's sections, in their order. */
function sectionsOf(module: Buffer): number[] {
  const found: number[] = [];
  let at = 8;
  while (at < module.length) {
    found.push(module[at]);
    at += 1;
    // The length of a section: seven bits a byte, the low ones first.
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at];
      at += 1;
      length += (byte & 127) << shift;
      if (byte < 128) break;
    }
    at += length;
  }
  expect(at).toBe(module.length);
  return found;
}

test('what computes in the memory of another module puts nothing there of its own', () => {
  const [GLOBALS, EXPORTS, START, ELEMENTS, CODE, DATA] = [6, 7, 8, 9, 10, 11];
  const sections = sectionsOf(bytesOf(tfjs.BINARIES)[0]);
  expect(sections).toEqual(expect.arrayContaining([EXPORTS, CODE]));
  expect(sections).not.toContain(GLOBALS);
  expect(sections).not.toContain(DATA);
  expect(sections).not.toContain(START);
  expect(sections).not.toContain(ELEMENTS);
});
