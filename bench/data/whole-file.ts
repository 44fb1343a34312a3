// Files that are either whole or not there, at whatever moment their writer is killed.

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What follows the name of the file: who writes. */
const DRAFT = /^\.(\d+)\.draft$/;

/** Writes a file, in the place of the one before if there is one. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  removeAbandoned(path);
  // Of this process alone: others may be writing the same file.
  const draft = `${path}.${process.pid}.draft`;
  try {
    writeThrough(draft, bytes);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Removes a file, and what processes left that were killed while they wrote it. */
export function removeWhole(path: string): void {
  rmSync(path, { force: true });
  removeAbandoned(path);
}

function removeAbandoned(path: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) return;
  const name = basename(path);
  for (const file of readdirSync(folder)) {
    const writer = file.startsWith(name) ? DRAFT.exec(file.slice(name.length)) : null;
    if (writer !== null && !isAlive(Number(writer[1]))) rmSync(join(folder, file), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's may not be asked.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Returns once the bytes are on the disk. */
function writeThrough(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
