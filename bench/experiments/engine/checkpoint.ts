// States of unfinished runs as files that are either whole or not there.

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { environment } from '../../report/json.js';

/** Where one run keeps its state. */
export interface Checkpoint<T> {
  /** What was saved last, if anything. */
  load(): T | undefined;
  /** Takes the place of what was saved before; killed at any moment, one of the two is whole. */
  save(state: T): void;
  remove(): void;
}

/** What a file holds. States of other versions of the library may mean something else. */
interface Content<T> {
  readonly version: string;
  readonly state: T;
}

/**
 * A checkpoint in a file that this program alone writes; `load` throws an Error that names the file where it holds
 * no state of this version.
 */
export function checkpointAt<T>(path: string): Checkpoint<T> {
  const { nysact: version } = environment();
  return {
    load() {
      if (!existsSync(path)) return undefined;
      const content = contentOf<T>(path);
      if (content?.version === version) return content.state;
      throw new Error(
        `${path} is a checkpoint of version ${content?.version}, expected ${version}: ${ADVICE}`,
      );
    },
    save(state) {
      // Of this process alone: others may be saving the same run.
      const draft = `${path}.${process.pid}.draft`;
      try {
        writeThrough(draft, serialize({ version, state } satisfies Content<T>));
        renameSync(draft, path);
      } catch (error) {
        rmSync(draft, { force: true });
        throw error;
      }
    },
    remove() {
      rmSync(path, { force: true });
      for (const draft of abandonedDrafts(path)) rmSync(draft, { force: true });
    },
  };
}

/** What processes left that were killed while they saved. */
function abandonedDrafts(path: string): string[] {
  const folder = dirname(path);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.startsWith(`${basename(path)}.`) && file.endsWith('.draft'))
    .filter((file) => !isAlive(Number(file.split('.').at(-2))))
    .map((file) => join(folder, file));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's may not be asked.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const ADVICE = 'run without --resume, or delete it';

function contentOf<T>(path: string): Content<T> | null {
  try {
    return deserialize(readFileSync(path));
  } catch (cause) {
    throw new Error(`${path} is no checkpoint, or broken: ${ADVICE}`, { cause });
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
