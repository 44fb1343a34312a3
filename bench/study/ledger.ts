// Runs that have ended, a line each in a file, so that a study goes on where it was stopped.

import { isObject } from '../../src/core/check.js';
import type { Evaluation } from '../demo/model.js';
import { addJsonLine, type JsonLine, readJsonLines } from '../report/json-lines.js';

/** What a run ended with. */
export interface Ended extends Evaluation {
  /** Of processor time. */
  readonly seconds: number;
}

/** Remembers what runs ended with, by everything that they depend on. */
export class Ledger {
  readonly #path: string;
  readonly #ended = new Map<string, Ended>();

  /**
   * Reads what `path` has from before, if it is there.
   *
   * @throws RangeError where a line is of no run.
   */
  constructor(path: string) {
    this.#path = path;
    for (const line of readJsonLines(path)) this.#ended.set(...endedOf(line));
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
    addJsonLine(this.#path, { subject, ...ended });
    return ended;
  }
}

/** What a run was of, and what it ended with: numbers that are not finite are written by their names. */
function endedOf({ value, where }: JsonLine): [key: string, ended: Ended] {
  if (!isObject(value)) throw new RangeError(`${where}: no run of a study`);
  const { subject, loss, accuracy, seconds }: Readonly<Record<string, unknown>> = { ...value };
  const ended = { loss: Number(loss), accuracy: Number(accuracy), seconds: Number(seconds) };
  return [JSON.stringify(subject), ended];
}
