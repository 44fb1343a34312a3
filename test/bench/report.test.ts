// Tables, numbers, JSON and the HTML report.

import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatMeasured,
  formatMilliseconds,
  formatNumber,
} from '../../bench/report/format.js';
import { heatMaps } from '../../bench/report/heatmap.js';
import { htmlReport } from '../../bench/report/html.js';
import { resultJson } from '../../bench/report/json.js';
import { lineChart } from '../../bench/report/plots.js';
import { htmlTable, markdownTable, type Table, terminalTable } from '../../bench/report/table.js';
import { identity } from '../../src/core/matrix.js';

const hostile = `<script src="https://example.org/a.js">'&|</script>`;

const table: Table = {
  title: hostile,
  columns: [
    { heading: 'name', align: 'left' },
    { heading: 'value', align: 'right' },
  ],
  rows: [
    ['a', '1.0'],
    [hostile, '22.0'],
  ],
};

describe('tables', () => {
  test('every cell is there in all three forms', () => {
    for (const text of [terminalTable(table), markdownTable(table), htmlTable(table)]) {
      for (const cell of ['name', 'value', 'a', '1.0', '22.0']) expect(text).toContain(cell);
    }
  });

  test('columns align right where they say so', () => {
    expect(terminalTable(table)).toMatch(/│ +1\.0 │/);
    expect(markdownTable(table)).toContain('| :--- | ---: |');
    expect(htmlTable(table)).toContain('<td class="right">1.0</td>');
  });

  test('a cell cannot break out of its column', () => {
    expect(markdownTable(table)).toContain(`'&\\|</script> | 22.0 |`);
    expect(htmlTable(table)).not.toContain('<script');
  });
});

describe('the HTML report', async () => {
  const chart = lineChart({
    title: hostile,
    x: { label: hostile, scale: 'linear' },
    y: { label: 'y', scale: 'log' },
    series: [
      {
        name: hostile,
        points: [
          { x: 0, y: 1 },
          { x: 1, y: 2 },
        ],
      },
    ],
  });
  const map = await heatMaps([{ title: hostile, A: identity('float64', 3) }]);
  const html = htmlReport({
    title: hostile,
    summary: hostile,
    configuration: { [hostile]: hostile },
    sections: [
      {
        heading: hostile,
        blocks: [
          { kind: 'text', text: hostile },
          { kind: 'table', table },
          { kind: 'figures', figures: [chart, map], caption: hostile },
        ],
      },
    ],
  });

  test('escapes every text', () => {
    expect(html).not.toMatch(/<script/i);
    expect(html.match(/&lt;script/g)?.length).toBeGreaterThanOrEqual(11);
  });

  test('needs nothing but itself', () => {
    const markup = html.replaceAll('xmlns="http://www.w3.org/2000/svg"', '');
    const references = [
      ...markup.matchAll(/<[a-z][^>]*?\s(?:src|href|xlink:href|srcset)="([^"]*)"/gi),
    ];
    expect(references.length).toBeGreaterThan(0);
    for (const [, target] of references) expect(target).toMatch(/^data:image\/png;base64,/);
    expect(markup).not.toMatch(/<(?:script|link|iframe|object|embed|base)\b|@import|url\(/i);
  });
});

describe('numbers', () => {
  test.each([
    [0, '0', '0.00'],
    [0.12, '0.12', '0.120'],
    [45.64, '45.6', '45.6'],
    [999.7, '1,000', '1,000'],
    [12345.6, '12,346', '12,346'],
    [-0.5, '-0.5', '-0.500'],
    [4.5e-9, '4.5e-9', '4.50e-9'],
    [2e6, '2e6', '2.00e6'],
    [Number.NaN, 'NaN', 'NaN'],
    [-Infinity, '-Infinity', '-Infinity'],
  ])('%s', (value, short, measured) => {
    expect(formatNumber(value)).toBe(short);
    expect(formatMeasured(value)).toBe(measured);
  });

  test('durations and sizes choose their unit', () => {
    expect(formatMilliseconds(0.0123)).toBe('12.3 µs');
    expect(formatMilliseconds(4.5)).toBe('4.50 ms');
    expect(formatMilliseconds(1234)).toBe('1.23 s');
    expect(formatBytes(0)).toBe('0 B');
    expect(formatBytes(1023)).toBe('1023 B');
    expect(formatBytes(1536)).toBe('1.50 KiB');
    expect(formatBytes(5 * 2 ** 40)).toBe('5,120 GiB');
  });
});

describe('result files', () => {
  const backend = { name: 'cpu', variant: 'typescript', threads: 1 };

  test('name what ran and keep the order of keys', () => {
    const json = resultJson({
      name: 'n',
      seed: 4,
      backend,
      configuration: { b: 1, a: 2 },
      results: [],
    });
    const parsed: unknown = JSON.parse(json);
    expect(parsed).toMatchObject({
      name: 'n',
      seed: 4,
      backend,
      environment: { node: process.version },
    });
    const keys = [...json.matchAll(/^ {2}"(\w+)":/gm)].map(([, key]) => key);
    expect(keys).toEqual(['name', 'environment', 'backend', 'seed', 'configuration', 'results']);
    expect(json.indexOf('"b"')).toBeLessThan(json.indexOf('"a"'));
  });

  test('a divergence stays visible', () => {
    const results = { loss: [1, Number.NaN, Infinity] };
    const json = resultJson({ name: 'n', seed: 4, backend, configuration: {}, results });
    expect(JSON.parse(json)).toMatchObject({ results: { loss: [1, 'NaN', 'Infinity'] } });
  });
});
