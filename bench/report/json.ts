// Results as files under bench/results, with everything needed to judge and repeat them.

import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { BackendInfo } from '../../src/backend/backend.js';

const require = createRequire(import.meta.url);

/** What a run measured, and under which settings. */
export interface Result {
  readonly name: string;
  readonly seed: number;
  readonly backend: BackendInfo;
  readonly configuration: object;
  readonly results: object;
}

/** What ran, where and under which settings: all of a {@link Result} but the results. */
export function surroundings({
  name,
  seed,
  backend,
  configuration,
}: Omit<Result, 'results'>): object {
  return { name, environment: environment(), backend, seed, configuration };
}

/** `result` within its surroundings, as indented JSON; keys keep the order they were written in. */
export function resultJson(result: Result): string {
  return toJson({ ...surroundings(result), results: result.results });
}

/** The versions of what runs, and the machine's kind. */
export function environment(): Readonly<Record<'nysact' | 'node' | 'platform' | 'cpu', string>> {
  const { version }: { version: string } = require('nysact/package.json');
  return {
    nysact: version,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
  };
}

/** `document` as indented JSON. */
export function toJson(document: object): string {
  return `${JSON.stringify(document, nameNonFinite, 2)}\n`;
}

/** `document` as one line of JSON. */
export function toJsonLine(document: object): string {
  return `${JSON.stringify(document, nameNonFinite)}\n`;
}

/** A folder of this package, which is made where it is missing. */
export function packageFolder(...path: readonly string[]): string {
  const folder = join(dirname(require.resolve('nysact/package.json')), ...path);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Writes `content` to bench/results/`file` and returns the path relative to the working directory. */
export function writeResultFile(file: string, content: string | Uint8Array): string {
  const path = join(packageFolder('bench', 'results'), file);
  writeFileSync(path, content);
  return relative(process.cwd(), path);
}

// JSON has no NaN and no Infinity and would print null for both: a divergence must stay visible.
function nameNonFinite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
