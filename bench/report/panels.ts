// Several log-log charts of the same curves as one SVG figure: a grid of panels under one legend.

import * as Plot from '@observablehq/plot';
import { formatNumber } from './format.js';
import { logTicks, type Point } from './plots.js';
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
}

/** What {@link panelFigure} draws. Both axes are logarithmic; each panel has its own y axis. */
export interface PanelFigure {
  readonly title: string;
  readonly curves: readonly CurveLook[];
  readonly xLabel: string;
  readonly xTicks: readonly number[];
  /** How the ticks of the y axis are written. */
  readonly formatY?: (value: number) => string;
  readonly panels: readonly Panel[];
  readonly columns: number;
}

const panelSize = { width: 300, height: 250 } as const;
const titleHeight = 34;
const legendLine = 22;
const legendEntryWidth = 190;

/** The figure as an SVG element. A point that is not finite and positive is a gap in its curve. */
export function panelFigure(figure: PanelFigure): string {
  const { panels, columns, curves, title } = figure;
  const width = columns * panelSize.width;
  const perLine = Math.floor(width / legendEntryWidth);
  const headHeight = titleHeight + legendLine * Math.ceil(curves.length / perLine) + 6;
  const head = drawHead(title, curves, perLine, { width, height: headHeight });
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

/** The title and the legend, drawn on a canvas whose units are pixels. */
function drawHead(
  title: string,
  curves: readonly CurveLook[],
  perLine: number,
  size: { readonly width: number; readonly height: number },
): Drawing {
  const entries = curves.map((curve, k) => ({
    ...curve,
    x: 14 + legendEntryWidth * (k % perLine),
    y: titleHeight + legendLine * (Math.floor(k / perLine) + 0.5),
  }));
  return drawPlot({
    ...size,
    margin: 0,
    x: { axis: null, domain: [0, size.width] },
    y: { axis: null, domain: [size.height, 0] },
    marks: [
      Plot.text([title], { x: 12, y: 18, textAnchor: 'start', fontSize: 14, fontWeight: 600 }),
      ...entries.flatMap(({ name, x, y, ...look }) => [
        ...strokes(
          [
            { x, y },
            { x: x + 28, y },
          ],
          look,
        ),
        ...symbols([{ x: x + 14, y }], look),
        Plot.text([name], { x: x + 36, y, textAnchor: 'start' }),
      ]),
    ],
  });
}

function drawPanel({ title, points }: Panel, figure: PanelFigure): Drawing {
  const { curves, xLabel, xTicks, formatY = formatNumber } = figure;
  const shown = curves.map((look) => ({ look, points: points[look.name] ?? [] }));
  const heights = shown
    .flatMap((curve) => curve.points.flatMap(({ y, low = y, high = y }) => [y, low, high]))
    .filter((value) => Number.isFinite(value) && value > 0);
  const domain = [Math.min(...heights), Math.max(...heights)] as const;
  const yTicks = logTicks(...domain);
  const x = { label: xLabel, labelAnchor: 'center', labelArrow: 'none' } as const;
  return drawPlot({
    ...panelSize,
    marginTop: 30,
    marginLeft: 58,
    marginRight: 14,
    marginBottom: 40,
    x: { type: 'log', domain: [Math.min(...xTicks), Math.max(...xTicks)] },
    y: { type: 'log', domain: [...domain] },
    marks: [
      Plot.gridX({ ticks: [...xTicks], strokeOpacity: 0.1 }),
      Plot.gridY({ ticks: yTicks, strokeOpacity: 0.1 }),
      Plot.axisX({ ticks: [...xTicks], text: formatNumber, ...x }),
      Plot.axisY({ ticks: yTicks, text: formatY, label: null }),
      Plot.text([title], { frameAnchor: 'top-left', dy: -20, fontSize: 12.5, fontWeight: 600 }),
      ...shown.flatMap((curve) => band(curve.points, curve.look)),
      ...shown.flatMap((curve) => strokes(curve.points, curve.look)),
      ...shown.flatMap((curve) => symbols(curve.points, curve.look)),
    ],
  });
}

type Dress = Omit<CurveLook, 'name'>;

function band(points: readonly Point[], { colour }: Dress): Plot.Markish {
  const bounded = points.filter(({ low, high }) => low !== undefined && high !== undefined);
  return Plot.areaY(bounded, { x: 'x', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.13 });
}

function strokes(points: readonly Point[], { colour, dashed }: Dress): Plot.Markish[] {
  const strokeDasharray = dashed ? '5 3' : 'none';
  return [
    Plot.lineY(points, { x: 'x', y: 'y', stroke: colour, strokeWidth: 1.7, strokeDasharray }),
  ];
}

function symbols(points: readonly Point[], { colour, symbol, dashed }: Dress): Plot.Markish[] {
  if (symbol === undefined) return [];
  const fill = dashed ? 'none' : colour;
  const channels = { x: 'x', y: 'y', symbol, r: 3.4 } as const;
  return [Plot.dot(points, { ...channels, fill, stroke: colour, strokeWidth: 1.4 })];
}
