// The docstring of every option begins with words: a reader need not know the symbols.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** What opens a block of options: a list, its type, an interface, or the fields of an argument. */
const OPENING =
  /^( *)(?:.*\b[oO]ptionList[(<]\{|export interface \w*(?:Options|Shape|Geometry|Clip)\b.*\{|.*\boptions: \{|.*\bOptionsOf<.*& \{)$/;

/** The first lines of the docstrings in the blocks of options of a source. */
function firstLines(text: string): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, start) => {
    const [, indentation] = OPENING.exec(line) ?? [];
    if (indentation === undefined) return [];
    const length = lines.slice(start).findIndex((later) => later.startsWith(`${indentation}}`));
    const block = lines.slice(start, start + length).join('\n');
    return [...block.matchAll(/\/\*\*(?:\n *\*)? (.*?)(?: \*\/)?$/gm)].map(([, first]) => first);
  });
}

/** Whether a line begins with a word, such as "The" or "A", and not with a symbol, such as "η" or "p". */
function beginsWithWord(line: string): boolean {
  return /^(?:A|[A-Z][a-z]+)(?:'s)?[ ,:]/.test(line);
}

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.includes('assembly'))
  .map((name) => join('src', name));
const documented = sources
  .map((file) => ({ file, lines: firstLines(readFileSync(file, 'utf8')) }))
  .filter(({ lines }) => lines.length > 0);

describe('the docstring of an option', () => {
  test.each(documented)('begins with words in $file', ({ lines }) => {
    expect(lines.filter((line) => !beginsWithWord(line))).toEqual([]);
  });

  test('is looked for in every kind of block', () => {
    const list =
      'const A = optionList({\n  /** One. */\n  a: flag,\n  b: flag,\n});\n/** Not an option. */\n';
    const marked =
      'const B = /* @__PURE__ */ optionList({\n  /**\n   * Two of\n   * them.\n   */\n  c: flag,\n});\n';
    const type =
      'const C: OptionList<{\n  /** Three. */\n  readonly d: Option;\n}> = optionList({\n});\n';
    const fields =
      'export interface DOptions<T> extends E {\n  /** Four. */\n  readonly e: T;\n}\ninterface Other {\n  /** Not an option. */\n  f: T;\n}\n';
    const rest = 'type F = OptionsOf<typeof A> & {\n  /** Five. */\n  g: T;\n};\n';
    const argument =
      'function h(\n  options: {\n    /** Six. */\n    i: T;\n  },\n): void {\n  /** Not an option. */\n}\n';
    expect(firstLines(list + marked + type + fields + rest + argument)).toEqual([
      'One.',
      'Two of',
      'Three.',
      'Four.',
      'Five.',
      'Six.',
    ]);
  });

  test('is refused where it begins with a symbol, a formula or a lonely letter', () => {
    const good = ['The learning rate η (default 0.1).', 'A mode', "GPU.js's"];
    expect(good.filter(beginsWithWord)).toEqual(good.slice(0, 2));
    const bad = [
      'η, a number',
      'λ ≥ 0',
      'p, the inputs',
      '[rows, columns]',
      "'strict' rounds",
      '1 − β',
      'β₂',
    ];
    expect(bad.filter(beginsWithWord)).toEqual([]);
  });
});
