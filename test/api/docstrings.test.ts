// Every export says what it is, every guarded function what it throws, every file what it is for.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENTRANCES } from './entrances.js';

interface Declaration {
  readonly name: string;
  readonly docstring: string;
  /** What stands after the docstring: of a function, its signature and its body. */
  readonly code: string;
}

/** What a file exports; the overloads of a function are one declaration, documented by the first. */
function exportsOf(text: string): Declaration[] {
  // Formatted code starts a declaration, or the comment before it, at the margin with a letter or a
  // slash, and nothing else.
  const parts = text.split(/^(?=[a-z/])/m);
  const declaration =
    /^export (?:abstract |async |declare )?(?:function\*?|class|const|interface|type) (\w+)/;
  const found = new Map<string, Declaration>();
  parts.forEach((code, i) => {
    const name = declaration.exec(code)?.[1];
    if (name === undefined) return;
    const before = i > 0 && parts[i - 1].startsWith('/**') ? parts[i - 1] : '';
    const { docstring, code: overloads } = found.get(name) ?? { docstring: before, code: '' };
    found.set(name, { name, docstring, code: overloads + code });
  });
  return [...found.values()];
}

function undocumented(text: string): string[] {
  return exportsOf(text).flatMap(({ name, docstring }) => (docstring === '' ? [name] : []));
}

/** What a function does at the call: not what the class, methods or function that it returns do later. */
function atTheCall(code: string): string {
  return code.replaceAll(/^ {2}return (?:class|\{|\([^)]*\) => \{)[\s\S]*?^ {2}\}/gm, '');
}

/** The functions that throw, or call a guard, and do not say so. */
function silent(text: string): string[] {
  return exportsOf(text).flatMap(({ name, docstring, code }) => {
    const throws =
      /^export (?:async )?function/.test(code) &&
      /\bthrow |(?<![\w.])check[A-Z]\w*\(/.test(atTheCall(code));
    // What a guard throws at is what its docstring consists of.
    const isSaid = docstring.includes('@throws') || /^check[A-Z]/.test(name);
    return throws && !isSaid ? [name] : [];
  });
}

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.includes('assembly'))
  .map((name) => join('src', name));

describe('docstrings', () => {
  test.each(files)('stand before all exports of %s', (file) => {
    expect(undocumented(readFileSync(file, 'utf8'))).toEqual([]);
  });

  test.each(files)('say what the functions of %s throw', (file) => {
    expect(silent(readFileSync(file, 'utf8'))).toEqual([]);
  });

  test.each(Object.entries(ENTRANCES))('are looked for where %s exports', async (_, file) => {
    const all = files.flatMap((source) => exportsOf(readFileSync(source, 'utf8')));
    const entrance: object = await import(/* @vite-ignore */ file);
    const names = Object.keys(entrance);
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  test('are looked for before every export, once for overloads', () => {
    const text = '/** A. */\nexport function a(): void;\nexport function a(): void {}\n';
    const more = `${text}\nexport class B {}\n// C.\nexport const c = 1;\n`;
    expect(exportsOf(more).map(({ name }) => name)).toEqual(['a', 'B', 'c']);
    expect(undocumented(more)).toEqual(['B', 'c']);
  });

  test('are read for what functions throw, in any of their overloads, and in no other', () => {
    const guard =
      "export function a(options: {\n  n: number;\n}): void {\n  checkInteger('a', n);\n}\n";
    const overloads = `export function a(): void;\n${guard}`;
    const raise = 'export async function b(\n  n: number,\n): void {\n  throw new Error();\n}\n';
    const helper = 'function check(): void {\n  throw new Error();\n}\n';
    const later =
      "/** D. */\nexport function d(): E {\n  return {\n    e() {\n      checkInteger('e', n);\n    },\n  };\n}\n";
    const harmless = `/** C. */\nexport function c(): void {\n  check();\n  a.checkAll();\n}\n\n${helper}${later}`;
    expect(silent(`/** A. */\n${overloads}\n${raise}\n${harmless}`)).toEqual(['a', 'b']);
    const said = '/**\n * A.\n *\n * @throws RangeError always.\n */\n';
    expect(silent(`${said}${overloads}\n${said}${raise}\n${harmless}`)).toEqual([]);
  });

  test.each(files)('%s states its purpose in its first line', (file) => {
    expect(readFileSync(file, 'utf8')).toMatch(/^\/\/ [^ a-z].+/);
  });
});
