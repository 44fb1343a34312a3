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

/** A checkpoint in a file that this program alone has written. */
export function checkpointAt<T>(path: string): Checkpoint<T> {
  return {
    load: () => (existsSync(path) ? deserialize(readFileSync(path)) : undefined),
    save(state) {
      const draft = `${path}.draft`;
      const file = openSync(draft, 'w');
      try {
        const bytes = serialize(state);
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(draft, path);
    },
    remove: () => rmSync(path, { force: true }),
  };
}
