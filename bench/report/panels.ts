// Several log-log charts of the same curves as one SVG figure: a grid of panels under one legend.

import * as Plot from '@observablehq/plot';
import { formatNumber } from './format.js';
import { logTicks, type Point } from './line-chart.js';
import { type Drawing, drawPlot } from './svg.js';

/** A curve as every panel draws it. */
export interface CurveLook {
  readonly name: string;
  readonly colour: string;
  /** None for curves that only orient the eye. */
  readonly symbol?: Plot.SymbolType;
  /** Dashed, with hollow symbols. */
  readonly dashed?: boolean;
}

/** One chart: the points of each curve that it shows, by the curve's name. */
export interface Panel {
  readonly title: string;
  readonly points: Readonly<Record<string, readonly Point[]>>;
  /** How the ticks of the y axis are written, unless as plain numbers. */
  readonly formatY?: (value: number) => string;
}

/** What {@link panelFigure} draws. Each panel has its own y axis, which is logarithmic. */
export interface PanelFigure {
  readonly title: string;
  /** What else is needed to read the figure. */
  readonly subtitle?: string;
  readonly curves: readonly CurveLook[];
  readonly xLabel: string;
  readonly xTicks: readonly number[];
  /** Default 'log'. */
  readonly xScale?: 'linear' | 'log';
  readonly panels: readonly Panel[];
  readonly columns: number;
}

const panelSize = { width: 300, height: 250 } as const;
const titleHeight = 32;
const subtitleHeight = 20;
const legendLine = 22;

/** The figure as an SVG element. A point that is not finite and positive is a gap in its curve. */
export function panelFigure(figure: PanelFigure): string {
  const { panels, columns, curves } = figure;
  const width = columns * panelSize.width;
  const headHeight = legendTop(figure) + legendLine * Math.ceil(curves.length / columns) + 6;
  const head = drawHead(figure, { width, height: headHeight });
  const rows = Math.ceil(panels.length / columns);
  const height = headHeight + rows * panelSize.height;
  const placed = panels.map((panel, k) =>
    placeAt(
      drawPanel(panel, figure),
      (k % columns) * panelSize.width,
      headHeight + Math.floor(k / columns) * panelSize.height,
    ),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${placeAt(head, 0, 0)}${placed.join('')}</svg>`;
}

function placeAt({ svg }: Drawing, x: number, y: number): string {
  return svg.replace('<svg', `<svg x="${x}" y="${y}"`);
}

/** Where the legend begins: below the title, and the subtitle where there is one. */
function legendTop({ subtitle }: PanelFigure): number {
  return subtitle === undefined ? titleHeight : titleHeight + subtitleHeight;
}

/** The title, and the legend in as many columns as there are panels, on a canvas in pixels. */
function drawHead(
  figure: PanelFigure,
  size: { readonly width: number; readonly height: number },
): Drawing {
  const { title, subtitle = '', curves, columns } = figure;
  const entries = dress(curves).map((curve, k) => ({
    ...curve,
    x: 14 + panelSize.width * (k % columns),
    y: legendTop(figure) + legendLine * (Math.floor(k / columns) + 0.5),
  }));
  return drawPlot({
    ...size,
    margin: 0,
    x: { axis: null, domain: [0, size.width] },
    y: { axis: null, domain: [size.height, 0] },
    marks: [
      Plot.text([title], { x: 12, y: 16, textAnchor: 'start', fontSize: 14, fontWeight: 600 }),
      Plot.text([subtitle], { x: 12, y: 36, textAnchor: 'start' }),
      ...entries.flatMap(({ x, y, ...look }) => [
        line(
          [x, x + 28].map((end) => ({ x: end, y })),
          look,
        ),
        ...symbols([{ x: x + 14, y }], look),
        Plot.text([look.name], { x: x + 36, y, textAnchor: 'start' }),
      ]),
    ],
  });
}

function drawPanel({ title, points, formatY = formatNumber }: Panel, figure: PanelFigure): Drawing {
  const { curves, xLabel, xTicks, xScale = 'log' } = figure;
  const shown = dress(curves).map((look) => ({ look, points: points[look.name] ?? [] }));
  const heights = shown
    .flatMap((curve) => curve.points.flatMap(({ y, low = y, high = y }) => [y, low, high]))
    .filter((value) => Number.isFinite(value) && value > 0);
  const domain = enclosing(heights);
  const yTicks = logTicks(...domain);
  const x = { label: xLabel, labelAnchor: 'center', labelArrow: 'none' } as const;
  return drawPlot({
    ...panelSize,
    marginTop: 30,
    marginLeft: 58,
    marginRight: 22,
    marginBottom: 40,
    // Room for the symbols of the first and the last tick beside the labels of the y axis.
    x: { type: xScale, domain: [Math.min(...xTicks), Math.max(...xTicks)], inset: 8 },
    y: { type: 'log', domain: [...domain] },
    marks: [
      Plot.gridX({ ticks: [...xTicks], strokeOpacity: 0.1 }),
      Plot.gridY({ ticks: yTicks, strokeOpacity: 0.1 }),
      Plot.axisX({ ticks: [...xTicks], text: formatNumber, ...x }),
      Plot.axisY({ ticks: yTicks, text: formatY, label: null }),
      Plot.text([title], { frameAnchor: 'top-left', dy: -20, fontSize: 12.5, fontWeight: 600 }),
      ...shown.map((curve) => band(curve.points, curve.look)),
      ...shown.map((curve) => line(curve.points, curve.look)),
      ...shown.flatMap((curve) => symbols(curve.points, curve.look)),
    ],
  });
}

/** The range of the values, widened to 1, 2 or 5 times a power of ten: every axis has two ticks. */
function enclosing(values: readonly number[]): [low: number, high: number] {
  if (values.length === 0) return [1, 10];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return [logTicks(low / 10, low).at(-1) ?? low, logTicks(high, 10 * high)[0] ?? high];
}

/** A look with its weight. */
interface Dressed extends CurveLook {
  readonly strokeWidth: number;
  readonly r: number;
}

/** Bold to fine: where curves coincide, the earlier ones show beneath the later. */
function dress(curves: readonly CurveLook[]): Dressed[] {
  return curves.map((look, k) => {
    const share = curves.length === 1 ? 1 : k / (curves.length - 1);
    return { ...look, strokeWidth: 2.8 - 1.5 * share, r: 5 - 2.2 * share };
  });
}

function band(points: readonly Point[], { colour }: Dressed): Plot.Markish {
  const bounded = points.filter(({ low, high }) => low !== undefined && high !== undefined);
  return Plot.areaY(bounded, { x: 'x', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.13 });
}

function line(points: readonly Point[], { colour, strokeWidth, dashed }: Dressed): Plot.Markish {
  const strokeDasharray = dashed ? '5 3' : 'none';
  return Plot.lineY(points, { x: 'x', y: 'y', stroke: colour, strokeWidth, strokeDasharray });
}

function symbols(points: readonly Point[], { colour, symbol, r, dashed }: Dressed): Plot.Markish[] {
  if (symbol === undefined) return [];
  const fill = dashed ? 'none' : colour;
  return [Plot.dot(points, { x: 'x', y: 'y', symbol, r, fill, stroke: colour, strokeWidth: 1.2 })];
}
