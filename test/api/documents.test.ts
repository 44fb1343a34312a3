// The examples of the documents run as they are printed.
//
// Marked are those that stand after a comment `<!-- test: name -->`.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

interface Example {
  readonly document: string;
  readonly name: string;
  readonly code: string;
}

const MARK = /<!-- test: (.*?) -->/g;
const MARKED_BLOCK = /^<!-- test: (.*?) -->\s*^```ts\n(.*?)^```$/gms;

function examplesOf(document: string, text: string): Example[] {
  return [...text.matchAll(MARKED_BLOCK)].map(([, name, code]) => ({ document, name, code }));
}

// Inside the repository, where an example finds the packages that it imports.
mkdirSync('build', { recursive: true });
const folder = mkdtempSync(join('build', 'examples-'));
afterAll(() => rmSync(folder, { recursive: true }));

function block(code: string): string {
  return `\`\`\`ts\n${code}\n\`\`\`\n`;
}

let files = 0;

async function run(code: string): Promise<void> {
  files += 1;
  const file = join(folder, `example${files}.ts`);
  writeFileSync(file, code);
  await import(/* @vite-ignore */ pathToFileURL(file).href);
}

const documents = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const texts = documents.map((document) => ({ document, text: readFileSync(document, 'utf8') }));
const examples = texts.flatMap(({ document, text }) => examplesOf(document, text));

describe('an example', () => {
  // What examples print, and what TensorFlow.js advises, is for readers.
  beforeEach(() => {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    vi.spyOn(console, 'warn').mockImplementation(() => {});
  });
  afterEach(() => vi.restoreAllMocks());

  test.each(examples)('$document: $name', ({ code }) => run(code));

  test('is a marked block, types and all, and no other', async () => {
    const text = `${block('unmarked')}\n<!-- test: one -->\n\n${block('a')}\n<!-- test: two -->\n${block('b')}`;
    expect(examplesOf('here', text)).toEqual([
      { document: 'here', name: 'one', code: 'a\n' },
      { document: 'here', name: 'two', code: 'b\n' },
    ]);
    await run(
      "import { zeros, type DType } from 'nysact';\nconst d: DType = 'float32';\nzeros(d, 1, 1);",
    );
  });

  test('that throws fails', async () => {
    await expect(run("throw new RangeError('as printed');")).rejects.toThrow('as printed');
    await expect(run("import { zeros } from 'nysact';\nzeros('float32', -1, 1);")).rejects.toThrow(
      RangeError,
    );
    await expect(run("await Promise.reject(new Error('later'));")).rejects.toThrow('later');
  });
});

test('the README has examples that run', () => {
  expect(examples.filter(({ document }) => document === 'README.md').length).toBeGreaterThan(0);
});

test.each(texts)(
  'every mark in $document stands before a block of TypeScript',
  ({ document, text }) => {
    const marks = [...text.matchAll(MARK)].map(([, name]) => name);
    expect(examplesOf(document, text).map(({ name }) => name)).toEqual(marks);
    expect(new Set(marks).size).toBe(marks.length);
  },
);
