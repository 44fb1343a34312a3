// Figures that a document quotes, held to what computes them.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** What computes each figure, by name. */
export type Figures = Readonly<Record<string, () => number | Promise<number>>>;

/** "0.39<!-- figure: name -->", or "below 1e-13<!-- figure: name -->" for rounding errors. */
const QUOTED = /(below )?(-?[\d.]+(?:e-?\d+)?)<!-- figure: ([\w.-]+) -->/g;

/** Declares the tests of docs/`document`.md: every figure is quoted, and agrees to the digits printed. */
export function checkFigures(document: string, figures: Figures): void {
  const text = readFileSync(new URL(`../../docs/${document}.md`, import.meta.url), 'utf8');
  const quoted = [...text.matchAll(QUOTED)];

  describe(document, () => {
    test('every figure is quoted, and every quotation is a figure', () => {
      const names = quoted.map(([, , , name]) => name);
      expect([...new Set(names)].toSorted()).toEqual(Object.keys(figures).toSorted());
    });

    test.each(
      quoted.map(([, below, digits, name]) => ({ name, digits, below: below !== undefined })),
    )('$name is $digits', async ({ name, digits, below }) => {
      const value = await figures[name]();
      if (below) {
        expect(value).toBeLessThan(Number(digits));
        return;
      }
      const decimals = digits.split('.')[1]?.length ?? 0;
      // Half a unit for the rounding to print, and as much for machines whose last bits differ.
      expect(Math.abs(value - Number(digits))).toBeLessThanOrEqual(10 ** -decimals);
    });
  });
}
