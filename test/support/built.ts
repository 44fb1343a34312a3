// The library as it is shipped: compiled, for what runs outside of the test runner.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

/** A compiled copy, in a folder of its own inside the package. */
export interface Built {
  /** Its absolute path. */
  readonly folder: string;
  remove(): void;
}

/** Compiles the library; takes about a second. */
export function buildLibrary(): Built {
  mkdirSync('build', { recursive: true });
  const folder = resolve(mkdtempSync('build/test-'));
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', folder]);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
