// Runs that have ended, a line each in a file, so that a study goes on where it was stopped.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { isObject } from '../../src/core/check.js';
import type { Evaluation } from '../demo/model.js';
import { toJsonLine } from '../report/json.js';

/** What a run ended with. */
export interface Ended extends Evaluation {
  /** Of processor time. */
  readonly seconds: number;
}

/** Remembers what runs ended with, by everything that they depend on. */
export class Ledger {
  readonly #path: string;
  readonly #ended = new Map<string, Ended>();

  /** Reads what `path` has from before, if it is there. */
  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const read = parsed(line);
      if (read !== undefined) this.#ended.set(...read);
    }
  }

  /** What the run of this subject ended with: found in the file, or made now and written to it. */
  once(subject: object, make: () => Evaluation): Ended {
    const key = JSON.stringify(subject);
    const known = this.#ended.get(key);
    if (known !== undefined) return known;
    const before = process.cpuUsage();
    const found = make();
    const { user, system } = process.cpuUsage(before);
    const ended = { ...found, seconds: (user + system) / 1e6 };
    this.#ended.set(key, ended);
    // The break comes first: a line that a killed process left unfinished spoils no other.
    appendFileSync(this.#path, `\n${toJsonLine({ subject, ...ended })}`);
    return ended;
  }
}

/** A line of a run that has ended; others are none. */
function parsed(line: string): [key: string, ended: Ended] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { subject, loss, accuracy, seconds }: Readonly<Record<string, unknown>> = { ...value };
  const ended = { loss: Number(loss), accuracy: Number(accuracy), seconds: Number(seconds) };
  return [JSON.stringify(subject), ended];
}
