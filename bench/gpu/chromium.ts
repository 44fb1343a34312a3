// Where Chromium is, and how it is started so that WebGL2 and WebGPU compute without a graphics card.

import { existsSync } from 'node:fs';

/** Where distributions put it. */
const USUAL = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/**
 * The path of a Chromium: `CHROME_PATH`, or one in a usual place; nothing where there is none.
 *
 * @throws Error where `CHROME_PATH` names a file that does not exist.
 */
export function findChromium(): string | undefined {
  const { CHROME_PATH: named } = process.env;
  if (named === undefined || named === '') return USUAL.find((path) => existsSync(path));
  if (existsSync(named)) return named;
  throw new Error(`CHROME_PATH is '${named}', which does not exist`);
}

/** Both GPU interfaces on SwiftShader, and nothing that reaches for the network. */
export const SOFTWARE_FLAGS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu-sandbox',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What isolates a page, so that SharedArrayBuffer may be used in it. */
export const ISOLATION_HEADERS: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
