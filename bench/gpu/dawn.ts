// WebGPU in plain Node: Dawn, which `npm run webgpu` installs.
//
// It is no development dependency: all platforms' binaries come together, 51 MB of them, which few need.
// The version that GPU.js brings asks for a C++ library newer than that of Debian 12.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isObject } from '../../src/core/check.js';

const require = createRequire(import.meta.url);

/** The folder of the package. */
export const DAWN: string = join(
  dirname(require.resolve('nysact/package.json')),
  'build/webgpu/node_modules/webgpu',
);

/**
 * Gives this process a `navigator.gpu`, and the names that belong to it.
 *
 * @throws Error where Dawn is not installed, or finds no driver.
 */
export async function provideWebGpu(): Promise<void> {
  const entrance = join(DAWN, 'index.js');
  if (!existsSync(entrance)) throw new Error(`No Dawn in ${DAWN}: npm run webgpu installs it`);
  const dawn: unknown = await import(/* @vite-ignore */ pathToFileURL(entrance).href);
  if (!isDawn(dawn))
    throw new TypeError(`${entrance} exports no create and globals, as of webgpu 0.6`);
  const gpu = dawn.create([]);
  if ((await gpu.requestAdapter()) === null) {
    const { VK_ICD_FILENAMES: driver } = process.env;
    throw new Error(
      `Dawn finds no adapter (VK_ICD_FILENAMES is ${driver ?? 'not set'}), expected a Vulkan driver that it takes`,
    );
  }
  Object.assign(globalThis, dawn.globals);
  // Node 21 and later have one that cannot be assigned.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
}

/** What is used of the package. */
interface Dawn {
  readonly create: (options: string[]) => { requestAdapter(): Promise<object | null> };
  readonly globals: object;
}

function isDawn(module: unknown): module is Dawn {
  return (
    isObject(module) &&
    typeof Reflect.get(module, 'create') === 'function' &&
    isObject(Reflect.get(module, 'globals'))
  );
}
