// The examples run, and find what they are there to show.

import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

/** What an example has printed: its tables, and its lines as one text. */
interface Printed {
  readonly tables: readonly unknown[];
  readonly text: string;
}

let printed: () => Printed;

beforeEach(() => {
  const table = vi.spyOn(console, 'table').mockImplementation(() => {});
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  // TensorFlow.js advises to install another package.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  printed = () => ({
    tables: table.mock.calls.map(([rows]: readonly unknown[]) => rows),
    text: log.mock.calls.map((words) => words.join(' ')).join('\n'),
  });
});
afterEach(() => vi.restoreAllMocks());

/** What each example must have found, by its file. */
const FINDS: Readonly<Record<string, () => Promise<void>>> = {
  async 'error-against-rank'() {
    const { table } = await import('../../docs/examples/error-against-rank.js');
    expect(table.map(({ rank }) => rank)).toEqual([2, 5, 10, 20, 40]);
    table.forEach(({ best, gaussian, subcolumn }, i) => {
      expect(best).toBeGreaterThan(0);
      // Eckart, Young and Mirsky: nothing of rank r is nearer. And Â ⪯ A, so the error is at most ‖A‖.
      for (const error of [gaussian, subcolumn]) {
        expect(error).toBeGreaterThanOrEqual(best);
        expect(error).toBeLessThanOrEqual(1);
      }
      if (i === 0) return;
      expect(gaussian).toBeLessThan(table[i - 1].gaussian);
      expect(subcolumn).toBeLessThan(table[i - 1].subcolumn);
    });
    expect(printed().tables).toEqual([table.map(() => expect.anything())]);
  },

  async 'low-rank-inverse'() {
    const { bound, error } = await import('../../docs/examples/low-rank-inverse.js');
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThanOrEqual(bound);
    // And the bound says something: an answer of zeros would be off by 1.
    expect(bound).toBeLessThan(1);
    expect(printed().text).toContain(error.toExponential(2));
    expect(printed().text).toContain(bound.toExponential(2));
  },

  async 'own-loop'() {
    const { losses } = await import('../../docs/examples/own-loop.js');
    const [descent, ours] = [losses['gradient descent'], losses.NysAct];
    expect(ours[0]).toBe(descent[0]);
    expect(ours).toHaveLength(descent.length);
    // Both go down, ours to a hundredth of the other.
    expect(descent.at(-1)).toBeLessThan(descent[0] / 10);
    expect(ours.at(-1)).toBeLessThan((descent.at(-1) ?? 0) / 100);
    expect(printed().tables).toHaveLength(1);
  },

  async 'tfjs-fit'() {
    const { losses, report } = await import('../../docs/examples/tfjs-fit.js');
    expect(losses.at(-1)).toBeLessThan(losses[0] / 100);
    expect(report.map(({ kind }) => kind)).toEqual(report.map(() => 'dense'));
    // The first layer has no more inputs than the rank, so its inverse is the exact one.
    const ofWeights = report.filter(({ inputs }) => inputs !== undefined);
    expect(ofWeights.map(({ inputs, rank }) => ({ inputs, rank }))).toEqual([
      { inputs: 3, rank: undefined },
      { inputs: 33, rank: 10 },
      { inputs: 33, rank: 10 },
    ]);
    expect(printed().tables).toEqual([report.map(() => expect.anything())]);
    expect(printed().text).toMatch(/loss \d\.\d+ → \d\.\d+ in 20 epochs/);
  },

  async 'tfjs-save-and-resume'() {
    const { equal } = await import('../../docs/examples/tfjs-save-and-resume.js');
    expect(equal).toEqual({ 'with its state': true, 'without its state': false });
    expect(printed().text).toContain('bit for bit');
  },
};

describe('an example', () => {
  test.each(Object.entries(FINDS))('%s', (_, find) => find());
});

test('every example is run, and listed for readers', () => {
  const files = readdirSync('docs/examples').filter((name) => name.endsWith('.ts'));
  expect(Object.keys(FINDS)).toEqual(files.map((name) => name.replace(/\.ts$/, '')));
  const list = readFileSync('docs/examples/README.md', 'utf8');
  for (const file of files) expect(list).toContain(`(${file})`);
});
