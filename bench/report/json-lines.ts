// A file of JSON, a value a line, which is added to by programs that may be killed at any moment.

import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
} from 'node:fs';
import { toJsonLine } from './json.js';

/** A line of the file, and where it stands, for messages. */
export interface JsonLine {
  readonly value: unknown;
  readonly where: string;
}

/** What the file has, nothing where it is not there yet. A line that was cut off is told of and left out. */
export function readJsonLines(path: string): JsonLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, k) => (line === '' ? [] : parsed(line, `${path}:${k + 1}`)));
}

/** Adds a line to the file, behind one that was cut off if there is one. */
export function addJsonLine(path: string, document: object): void {
  const line = toJsonLine(document);
  appendFileSync(path, endsWithLine(path) ? line : `\n${line}`);
}

const NEWLINE = 10;

/** Whether the file ends where a line does. */
function endsWithLine(path: string): boolean {
  if (!existsSync(path)) return true;
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size === 0) return true;
    const last = new Uint8Array(1);
    readSync(file, last, 0, 1, size - 1);
    return last[0] === NEWLINE;
  } finally {
    closeSync(file);
  }
}

function parsed(line: string, where: string): JsonLine[] {
  try {
    return [{ value: JSON.parse(line), where }];
  } catch {
    console.warn(`${where}: not JSON, left out`);
    return [];
  }
}
