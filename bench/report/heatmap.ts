// Heat maps of large matrices: means over blocks, drawn side by side on one colour scale.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as Plot from '@observablehq/plot';
import { initWasm, Resvg } from '@resvg/resvg-wasm';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { formatNumber } from './format.js';
import { besideEachOther, type Drawing, drawPlot } from './svg.js';

/** A matrix to show, and what to call it. */
export interface Panel {
  readonly title: string;
  readonly A: DenseMatrix;
}

const blocks = 112;
const size = 280;
const legendSteps = 140;

/**
 * The panels side by side as one SVG element, their blocks' means in colours of one common scale:
 * from 0 upwards where no mean is negative, symmetric about 0 otherwise. Colours follow the square
 * root of a mean's size, or a few large blocks would leave the rest of the map dark.
 *
 * @throws RangeError where a mean is NaN or infinite.
 */
export async function heatMaps(panels: readonly Panel[]): Promise<string> {
  const means = panels.map(({ A }) => blockMeans(A, blocks));
  const color = commonScale(means);
  const [low, high] = color.domain;
  const maps = await Promise.all(
    means.map(async (B, k) => panelPlot(panels[k], await pngDataUri(B, color.colourOf))),
  );
  const ramp = zeros('float64', legendSteps, 1);
  const [bottom, top] = [Math.sign(low) * Math.sqrt(-low), Math.sqrt(high)];
  for (let i = 0; i < legendSteps; i++) {
    const root = top - ((i + 0.5) / legendSteps) * (top - bottom);
    ramp.set(i, 0, root * Math.abs(root));
  }
  return besideEachOther([
    ...maps,
    legendPlot([low, high], await pngDataUri(ramp, color.colourOf)),
  ]);
}

/**
 * The matrix of the means of A over a grid of at most `count`×`count` blocks, whose sizes differ by
 * at most one row or column. Cost: one pass over A.
 */
export function blockMeans(A: DenseMatrix, count: number): DenseMatrix<'float64'> {
  const B = zeros('float64', Math.min(count, A.rows), Math.min(count, A.cols));
  for (let i = 0; i < B.rows; i++) {
    const [top, bottom] = [edge(i, B.rows, A.rows), edge(i + 1, B.rows, A.rows)];
    for (let j = 0; j < B.cols; j++) {
      const [left, right] = [edge(j, B.cols, A.cols), edge(j + 1, B.cols, A.cols)];
      let sum = 0;
      for (let row = top; row < bottom; row++) {
        for (let col = left; col < right; col++) sum += A.at(row, col);
      }
      B.set(i, j, sum / ((bottom - top) * (right - left)));
    }
  }
  return B;
}

/** Where piece k of a length cut into nearly equal pieces begins. */
function edge(k: number, pieces: number, length: number): number {
  return Math.floor((k * length) / pieces);
}

/** A range of numbers and the colour of each number in it. */
interface ColourScale {
  readonly domain: readonly [low: number, high: number];
  readonly colourOf: (value: number) => string;
}

function commonScale(means: readonly DenseMatrix[]): ColourScale {
  let low = 0;
  let high = 0;
  for (const value of means.flatMap((B) => [...B.data])) {
    if (!Number.isFinite(value)) throw new RangeError(`heatMaps: a block's mean is ${value}`);
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const bound = Math.max(-low, high) || 1;
  const domain = [low < 0 ? -bound : 0, bound] as const;
  const look =
    low < 0
      ? ({ type: 'diverging-sqrt', scheme: 'rdbu', reverse: true } as const)
      : ({ type: 'sqrt', scheme: 'viridis' } as const);
  const scale = Plot.scale({ color: { ...look, domain } });
  return { domain, colourOf: (value) => String(scale.apply(value)) };
}

let renderer: Promise<void> | undefined;

/** One pixel an element, as a PNG data URI. */
async function pngDataUri(B: DenseMatrix, colourOf: (value: number) => string): Promise<string> {
  const module = createRequire(import.meta.url).resolve('@resvg/resvg-wasm/index_bg.wasm');
  renderer ??= readFile(module).then((bytes) => initWasm(bytes));
  await renderer;
  const pixels = B.toArrays().flatMap((row, y) =>
    row.map(
      (value, x) => `<rect x="${x}" y="${y}" width="1" height="1" fill="${colourOf(value)}"/>`,
    ),
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${B.cols}" height="${B.rows}" shape-rendering="crispEdges">${pixels.join('')}</svg>`;
  const png = new Resvg(svg).render().asPng();
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

function picture(uri: string, width: number): Plot.Markish {
  const shape = { width, height: size, preserveAspectRatio: 'none', imageRendering: 'pixelated' };
  return Plot.image([uri], { ...shape, src: Plot.identity, frameAnchor: 'middle' });
}

function panelPlot({ title, A }: Panel, uri: string): Drawing {
  const margin = { marginTop: 34, marginRight: 8, marginBottom: 26, marginLeft: 44 };
  return drawPlot({
    ...margin,
    width: size + margin.marginLeft + margin.marginRight,
    height: size + margin.marginTop + margin.marginBottom,
    x: { domain: [0, A.cols], label: null, ticks: 4, tickFormat: formatNumber },
    y: { domain: [0, A.rows], reverse: true, label: null, ticks: 4, tickFormat: formatNumber },
    marks: [
      picture(uri, size),
      Plot.frame({ strokeOpacity: 0.4 }),
      Plot.text([title], { frameAnchor: 'top', dy: -20, fontSize: 13.5, fontWeight: 600 }),
    ],
  });
}

function legendPlot(domain: readonly number[], uri: string): Drawing {
  const width = 14;
  return drawPlot({
    width: width + 84,
    height: size + 60,
    marginTop: 34,
    marginRight: 60,
    marginBottom: 26,
    marginLeft: 24,
    y: { type: 'sqrt', domain, axis: 'right', label: null, ticks: 5, tickFormat: formatNumber },
    marks: [picture(uri, width), Plot.frame({ strokeOpacity: 0.4 })],
  });
}
