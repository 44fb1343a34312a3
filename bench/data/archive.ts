// Files of a compressed tar archive, read in memory.

import { gunzipSync } from 'node:zlib';

const block = 512;

/**
 * The regular files of a .tar.gz by the name behind their last slash.
 *
 * @throws RangeError where a header is malformed or a file is cut short.
 */
export function filesOfArchive(archive: Uint8Array, name: string): Map<string, Uint8Array> {
  const tar = unzipped(archive, name);
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + block <= tar.length && tar[at] !== 0; ) {
    const path = textOf(tar.subarray(at, at + 100));
    const size = Number.parseInt(textOf(tar.subarray(at + 124, at + 136)), 8);
    const start = at + block;
    if (!(size >= 0 && start + size <= tar.length)) {
      throw new RangeError(`${name}: ${path} is cut short, expected ${size} bytes`);
    }
    const isFile = tar[at + 156] === 0 || tar[at + 156] === 0x30;
    if (isFile) files.set(path.slice(path.lastIndexOf('/') + 1), tar.subarray(start, start + size));
    at = start + block * Math.ceil(size / block);
  }
  return files;
}

function unzipped(archive: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(archive);
  } catch (error) {
    throw new RangeError(`${name}: not a whole gzip file`, { cause: error });
  }
}

/** Text up to the first zero. */
function textOf(bytes: Uint8Array): string {
  const [text = ''] = Buffer.from(bytes).toString('latin1').split('\0');
  return text.trim();
}
