// Charts and heat maps.

import { fc, test } from '@fast-check/vitest';
import { Resvg } from '@resvg/resvg-wasm';
import { describe, expect } from 'vitest';
import { blockMeans, heatMaps } from '../../bench/report/heatmap.js';
import { type LineChart, logTicks } from '../../bench/report/line-chart.js';
import { lineChart } from '../../bench/report/plots.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { fillNormal, randomKey } from '../../src/core/random.js';

const seed = 17;

function normal(rows: number, cols: number, key: number): DenseMatrix<'float64'> {
  const A = zeros('float64', rows, cols);
  fillNormal(randomKey(key), A.data);
  return A;
}

function sum(A: DenseMatrix): number {
  return A.toArrays()
    .flat()
    .reduce((total, value) => total + value, 0);
}

function scaled(A: DenseMatrix, factor: number): DenseMatrix {
  const B = A.clone();
  for (let i = 0; i < B.data.length; i++) B.data[i] *= factor;
  return B;
}

describe('blockMeans', () => {
  const shape = fc.integer({ min: 1, max: 30 });

  test.prop([shape, shape, fc.integer({ min: 1, max: 40 })])(
    'reproduces a matrix that is constant, at most count×count',
    (rows, cols, count) => {
      const A = zeros('float64', rows, cols);
      A.data.fill(3);
      const B = blockMeans(A, count);
      expect([B.rows, B.cols]).toEqual([Math.min(rows, count), Math.min(cols, count)]);
      expect([...B.data].every((value) => value === 3)).toBe(true);
    },
  );

  test('is the matrix itself where there are blocks enough', () => {
    const A = normal(5, 7, 1);
    expect(blockMeans(A, 7)).toEqual(A);
  });

  test('conserves the sum where blocks are equal, and reads views in place', () => {
    const A = normal(14, 15, 2);
    const inner = A.view(1, 2, 12, 8);
    const tolerance = 1e-13 * inner.rows * inner.cols;
    expect(Math.abs(sum(blockMeans(inner, 4)) * 6 - sum(inner))).toBeLessThanOrEqual(tolerance);
  });

  test('puts every element into one block where they are not', () => {
    const A = zeros('float64', 5, 1);
    A.data.set([1, 2, 3, 4, 5]);
    expect(blockMeans(A, 2).toArrays()).toEqual([[1.5], [4]]);
  });
});

describe('heatMaps', () => {
  test('shows equal matrices alike and scaled ones on the common scale', async () => {
    const A = normal(40, 40, 3);
    const images = async (second: DenseMatrix): Promise<string[]> => {
      const svg = await heatMaps([
        { title: 'A', A },
        { title: 'B', A: second },
      ]);
      return [...svg.matchAll(/href="data:image\/png;base64,([^"]+)"/g)].map(([, data]) => data);
    };
    const alike = await images(A.clone());
    expect(alike).toHaveLength(3);
    expect(alike[0]).toBe(alike[1]);
    const beside = await images(scaled(A, 2));
    expect(beside[0]).not.toBe(alike[0]);
    expect(beside[1]).toBe(alike[1]);
  });

  test('draws one pixel a block: 0 pale, the largest positive red, the largest negative blue', async () => {
    const A = zeros('float64', 3, 3);
    A.set(0, 0, 2);
    A.set(1, 1, -2);
    const svg = await heatMaps([{ title: 'A', A }]);
    const data = /href="(data:image\/png;base64,[^"]+)"/.exec(svg)?.[1];
    const image = `<svg xmlns="http://www.w3.org/2000/svg" width="3" height="3"><image width="3" height="3" href="${data}"/></svg>`;
    const { pixels } = new Resvg(image, { imageRendering: 1 }).render();
    const [positive, zero, , , negative] = Array.from({ length: 9 }, (_, k) => [
      ...pixels.subarray(4 * k, 4 * k + 4),
    ]);
    expect(positive[0]).toBeGreaterThan(positive[2] + 50);
    expect(negative[2]).toBeGreaterThan(negative[0] + 50);
    expect(Math.min(...zero)).toBeGreaterThan(220);
  });

  test('refuses NaN', async () => {
    const A = zeros('float64', 2, 2);
    A.set(1, 0, Number.NaN);
    await expect(heatMaps([{ title: 'A', A }])).rejects.toThrow("heatMaps: a block's mean is NaN");
  });

  test('of zeros alone is still a figure', async () => {
    expect(await heatMaps([{ title: 'A', A: zeros('float64', 2, 2) }])).not.toContain('NaN');
  });
});

function chart(y: readonly number[]): LineChart {
  return {
    title: 'title',
    x: { label: 'x', scale: 'log' },
    y: { label: 'y', scale: 'log' },
    series: [{ name: 'curve', points: y.map((value, i) => ({ x: i + 1, y: value })) }],
  };
}

describe('lineChart', () => {
  test.each(['linear', 'log'] as const)('leaves gaps where a %s axis ends', (scale) => {
    const svg = lineChart({
      ...chart([1, 0, Number.NaN, Infinity, 10, 100]),
      y: { label: 'y', scale },
    });
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(svg).toContain('>100<');
  });

  test('marks the last of eight curves too, the first being a reference', () => {
    const points = Array.from({ length: 100 }, (_, i) => ({ x: i + 1, y: i + 1 }));
    const curves = (dashed: boolean): LineChart => ({
      ...chart([1]),
      series: Array.from({ length: 8 }, (_, k) => ({
        name: `${k}`,
        points,
        dashed: dashed && k === 0,
      })),
    });
    const marks = lineChart(curves(true)).match(/aria-label="dot"/g);
    expect(marks).toHaveLength(14);
  });

  test('labels every tick of a logarithmic axis', () => {
    const svg = lineChart(chart([0.004, 0.9]));
    for (const tick of logTicks(0.004, 0.9)) expect(svg).toContain(`>${tick}<`);
  });

  test('survives a curve without a single usable point', () => {
    expect(lineChart(chart([Number.NaN, Number.NaN]))).not.toMatch(/NaN|Infinity/);
  });

  test('names every curve and refuses more than can be told apart', () => {
    const series = Array.from({ length: 8 }, (_, k) => ({
      name: `curve ${k}`,
      points: [{ x: 1, y: 1 }],
    }));
    const svg = lineChart({ ...chart([1]), series: series.slice(1) });
    for (const { name } of series.slice(1)) expect(svg).toContain(`>${name}<`);
    expect(() => lineChart({ ...chart([1]), series })).toThrow('more than 7 curves');
  });
});

describe('logTicks', () => {
  test.prop(
    [fc.double({ min: -12, max: 8, noNaN: true }), fc.double({ min: 0.5, max: 20, noNaN: true })],
    {
      seed,
    },
  )('stay within the axis, few and increasing', (power, length) => {
    const [low, high] = [10 ** power, 10 ** (power + length)];
    const ticks = logTicks(low, high);
    expect(ticks.length).toBeGreaterThan(0);
    expect(ticks.length).toBeLessThanOrEqual(12);
    expect(ticks.toSorted((a, b) => a - b)).toEqual(ticks);
    expect(ticks.every((tick) => tick >= low * 0.99 && tick <= high * 1.01)).toBe(true);
  });

  test.prop([fc.double({ min: 0, max: 1, noNaN: true })], { seed })(
    'are three at least, also where an axis is short',
    (power) => {
      expect(logTicks(10 ** power, 1.7 * 10 ** power).length).toBeGreaterThanOrEqual(3);
    },
  );
});
