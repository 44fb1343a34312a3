// Where the software driver for WebGPU in plain Node is: Chromium brings one, and its Vulkan loader.

import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { findChromium } from './chromium.js';

const DRIVER = 'vk_swiftshader_icd.json';

/** Where distributions put Chromium's parts, if what starts it is a script in another folder. */
const USUAL = ['/usr/lib/chromium', '/usr/lib64/chromium-browser', '/usr/lib/chromium-browser'];

/**
 * The environment of a process whose Vulkan is Chromium's SwiftShader: it has to be there when the process
 * starts. It is looked for beside the Chromium of `findChromium`, then in the `usual` folders. A driver that
 * `VK_ICD_FILENAMES` names already stays.
 *
 * @throws Error where there is no such driver, or `CHROME_PATH` names a file that does not exist.
 */
export function softwareVulkan(usual: readonly string[] = USUAL): Readonly<Record<string, string>> {
  const { LD_LIBRARY_PATH: libraries, VK_ICD_FILENAMES: named } = process.env;
  if (named !== undefined && named !== '') return {};
  const chromium = findChromium();
  const beside = chromium === undefined ? [] : [dirname(realpathSync(chromium))];
  const folders = [...beside, ...usual];
  const folder = folders.find((path) => existsSync(join(path, DRIVER)));
  if (folder === undefined) {
    throw new Error(
      `No software driver for WebGPU: no ${DRIVER} in ${folders.join(', ')}. Install chromium, set CHROME_PATH to one, or VK_ICD_FILENAMES to a Vulkan driver`,
    );
  }
  return {
    VK_ICD_FILENAMES: join(folder, DRIVER),
    // libvulkan.so.1, for machines that have none.
    LD_LIBRARY_PATH: [folder, ...(libraries ? [libraries] : [])].join(delimiter),
  };
}
