// A file of JSON, a value a line, which is added to by programs that may be killed at any moment.

import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { toJsonLine } from './json.js';

/** A line of the file, and where it stands, for messages. */
export interface JsonLine {
  readonly value: unknown;
  readonly where: string;
}

/**
 * What the file has, nothing where it is not there yet. A last line that was cut off is taken out of it.
 *
 * @throws RangeError where another line is not JSON.
 */
export function readJsonLines(path: string): JsonLine[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line, k) => parsed(line, `${path}:${k + 1}`));
}

/** Adds a line to the file. */
export function addJsonLine(path: string, document: object): void {
  appendFileSync(path, toJsonLine(document));
}

function parsed(line: string, where: string): JsonLine {
  try {
    return { value: JSON.parse(line), where };
  } catch {
    throw new RangeError(`${where}: not JSON`);
  }
}
