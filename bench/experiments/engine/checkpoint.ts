// States of unfinished runs as files that are either whole or not there.

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { deserialize, serialize } from 'node:v8';

/** Where one run keeps its state. */
export interface Checkpoint<T> {
  /** What was saved last, if anything. */
  load(): T | undefined;
  /** Takes the place of what was saved before; killed at any moment, one of the two is whole. */
  save(state: T): void;
  remove(): void;
}

/** A checkpoint in a file that this program alone writes. */
export function checkpointAt<T>(path: string): Checkpoint<T> {
  return {
    load: () => (existsSync(path) ? deserialize(readFileSync(path)) : undefined),
    save(state) {
      // Of this process alone: others may be saving the same run.
      const draft = `${path}.${process.pid}.draft`;
      try {
        writeThrough(draft, serialize(state));
        renameSync(draft, path);
      } catch (error) {
        rmSync(draft, { force: true });
        throw error;
      }
    },
    remove: () => rmSync(path, { force: true }),
  };
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
