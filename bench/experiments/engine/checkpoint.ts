// States of unfinished runs as files that are either whole or not there.

import { existsSync, readFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { removeWhole, writeWhole } from '../../data/whole-file.js';
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
    save: (state) => writeWhole(path, serialize({ version, state } satisfies Content<T>)),
    remove: () => removeWhole(path),
  };
}

const ADVICE = 'run without --resume, or delete it';

function contentOf<T>(path: string): Content<T> | null {
  try {
    return deserialize(readFileSync(path));
  } catch (cause) {
    throw new Error(`${path} is no checkpoint, or broken: ${ADVICE}`, { cause });
  }
}
