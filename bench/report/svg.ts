// Drawing without a browser: Observable Plot on a document of linkedom's, as SVG text.

import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

const { document } = parseHTML('<!doctype html><html><body></body></html>');
const namespace = 'http://www.w3.org/2000/svg';

// As an object: linkedom's style property cannot be assigned a string.
const style = {
  background: 'transparent',
  overflow: 'visible',
  fontFamily: 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
  fontSize: '12px',
};

/** An SVG element as text, and its size in pixels. */
export interface Drawing {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** The plot as an SVG element that also stands alone as a file. */
export function drawPlot(options: Plot.PlotOptions & { width: number; height: number }): Drawing {
  const figure = Plot.plot({ ...options, document, style });
  figure.setAttribute('xmlns', namespace);
  return { svg: figure.outerHTML, width: options.width, height: options.height };
}

/** The drawings in a row, as one SVG element. */
export function besideEachOther(drawings: readonly Drawing[]): string {
  const width = drawings.reduce((sum, drawing) => sum + drawing.width, 0);
  const height = Math.max(...drawings.map((drawing) => drawing.height));
  let x = 0;
  const placed = drawings.map((drawing) => {
    const moved = drawing.svg.replace('<svg', `<svg x="${x}"`);
    x += drawing.width;
    return moved;
  });
  return `<svg xmlns="${namespace}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${placed.join('')}</svg>`;
}
