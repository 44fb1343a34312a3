// The entrances of the package: the names that users import from, and the source files behind them.

import { resolve } from 'node:path';

/** The subpaths of package.json and their files, without ending, under src and dist. */
export const SUBPATHS: Readonly<Record<string, string>> = {
  '.': 'index',
  './methods': 'methods',
  './transforms': 'transforms',
  './rows': 'rows',
  './sketch': 'sketch',
  './linalg': 'linalg/index',
  './random': 'random',
  './ml-matrix': 'ml-matrix',
  './published': 'published/index',
  './tfjs': 'tfjs/index',
  './tfjs-wasm': 'tfjs-wasm/index',
  './gpu': 'backend/gpujs/index',
};

/** The sources by the names that users import, such as `nysact/linalg`. */
export const ENTRANCES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(SUBPATHS).map(([subpath, file]) => [
    `nysact${subpath.slice(1)}`,
    resolve('src', `${file}.ts`),
  ]),
);
