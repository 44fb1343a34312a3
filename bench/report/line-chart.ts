// Line charts for Observable Plot: curves with bands and markers, linear or logarithmic axes, a legend.

import * as Plot from '@observablehq/plot';
import { formatNumber } from './format.js';

/** A point of a curve; `low` and `high` bound its band, where it has one. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** A named curve. A dashed one orients the eye: grey, without markers, outside the palette. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  readonly dashed?: boolean;
}

/** An axis; ticks are chosen from its range where they are not given. */
export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  readonly ticks?: readonly number[];
}

/** What a line chart shows. */
export interface LineChart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const width = 400;
const height = 330;
const markersPerCurve = 8;

// Okabe and Ito's colours without black and yellow, which vanish on a dark or a white page. With
// the shapes beside them no curve is told by its colour alone.
const looks = [
  { colour: '#d55e00', symbol: 'circle' },
  { colour: '#0072b2', symbol: 'square' },
  { colour: '#009e73', symbol: 'triangle' },
  { colour: '#cc79a7', symbol: 'diamond' },
  { colour: '#e69f00', symbol: 'star' },
  { colour: '#56b4e9', symbol: 'cross' },
  { colour: '#8c7051', symbol: 'wye' },
] as const;

/** A curve as it is drawn. */
interface Drawn extends Series {
  readonly colour: string;
  readonly symbol: (typeof looks)[number]['symbol'] | undefined;
}

/** What Plot draws. */
export type PlotOptions = Plot.PlotOptions & { readonly width: number; readonly height: number };

/**
 * The chart as Plot's options. A point that is not finite, or not positive on a logarithmic axis, is
 * a gap in its curve.
 *
 * @throws RangeError where there are more curves than distinct looks.
 */
export function lineChartOptions({ title, x, y, series }: LineChart): PlotOptions {
  const drawn = dress(series);
  const nameLength = Math.max(...series.map(({ name }) => name.length));
  const legendWidth = 44 + 6.6 * nameLength;
  const points = series.flatMap((curve) => curve.points);
  const heights = points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]);
  const xRange = rangeOf(
    x,
    points.map((point) => point.x),
  );
  const yRange = rangeOf(y, heights);
  const [xTicks, yTicks] = [axisTicks(x, xRange), axisTicks(y, yRange)];
  const xTitle = { label: x.label, labelAnchor: 'center', labelArrow: 'none' } as const;
  const corner = { frameAnchor: 'top-left', dx: -52 } as const;
  return {
    width: width + legendWidth,
    height,
    marginTop: 50,
    marginLeft: 56,
    marginRight: legendWidth,
    marginBottom: 42,
    x: { type: x.scale, domain: xRange, nice: x.scale === 'linear' },
    y: { type: y.scale, domain: yRange, nice: y.scale === 'linear' },
    marks: [
      Plot.gridX({ ticks: xTicks, strokeOpacity: 0.12 }),
      Plot.gridY({ ticks: yTicks, strokeOpacity: 0.12 }),
      // As text, because a logarithmic scale drops some labels that a tick format would give it.
      Plot.axisX({ ticks: xTicks, text: formatNumber, ...xTitle }),
      Plot.axisY({ ticks: yTicks, text: formatNumber, label: null }),
      Plot.text([title], { ...corner, dy: -44, fontSize: 13.5, fontWeight: 600 }),
      Plot.text([y.label], { ...corner, dy: -20 }),
      ...drawn.map(band),
      ...drawn.map(line),
      ...drawn.map(markers),
      ...drawn.flatMap(legendEntry),
    ],
  };
}

function dress(series: readonly Series[]): readonly Drawn[] {
  let used = 0;
  return series.map((curve) => {
    if (curve.dashed) return { ...curve, colour: 'gray', symbol: undefined };
    const look = looks[used++];
    if (look === undefined) {
      throw new RangeError(`lineChart: more than ${looks.length} curves cannot be told apart`);
    }
    return { ...curve, ...look };
  });
}

function band({ points, colour }: Drawn): Plot.Markish {
  const bounded = points.filter(({ low, high }) => low !== undefined && high !== undefined);
  return Plot.areaY(bounded, { x: 'x', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.16 });
}

function line({ points, colour, dashed }: Drawn): Plot.Markish {
  const strokeDasharray = dashed ? '5 4' : 'none';
  return Plot.lineY(points, { x: 'x', y: 'y', stroke: colour, strokeWidth: 1.8, strokeDasharray });
}

// A long curve gets a few markers, each curve its own places, so that they do not hide each other.
function markers({ points, colour, symbol }: Drawn, index: number): Plot.Markish {
  const every = Math.max(1, Math.floor(points.length / markersPerCurve));
  const phase = Math.floor(((index % looks.length) * every) / looks.length);
  const marked = symbol === undefined ? [] : points.filter((_, i) => i % every === phase);
  return Plot.dot(marked, { x: 'x', y: 'y', fill: colour, symbol: symbol ?? 'circle', r: 3.6 });
}

function legendEntry({ name, colour, symbol, dashed }: Drawn, index: number): Plot.Markish[] {
  const place = { frameAnchor: 'top-right', dy: 8 + 20 * index, lineAnchor: 'middle' } as const;
  const sample = dashed
    ? Plot.text(['- -'], {
        ...place,
        dx: 22,
        fill: colour,
        textAnchor: 'middle',
        fontWeight: 700,
      })
    : Plot.dot([name], { ...place, dx: 22, fill: colour, symbol: symbol ?? 'circle', r: 4.4 });
  return [sample, Plot.text([name], { ...place, dx: 36, textAnchor: 'start' })];
}

/** Smallest and largest value that the axis can show. */
function rangeOf({ scale }: Axis, values: readonly number[]): [low: number, high: number] {
  const shown = values.filter(
    (value) => Number.isFinite(value) && (value > 0 || scale === 'linear'),
  );
  return shown.length === 0 ? [1, 10] : [Math.min(...shown), Math.max(...shown)];
}

function axisTicks({ scale, ticks }: Axis, range: [low: number, high: number]): number | number[] {
  if (ticks !== undefined) return [...ticks];
  return scale === 'log' ? logTicks(...range) : 6;
}

/** Leading digits of ticks, the coarse ones first. */
const MANTISSAS = [
  [1, 2, 5],
  [1, 1.5, 2, 3, 4, 5, 6, 8],
  [1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.4, 2.6, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9],
] as const;

/**
 * 1, 2, 5, 10, … within [low, high], and digits between them where that gives fewer than three; only powers of ten,
 * or every so many, on a long axis.
 */
export function logTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const step = Math.max(1, Math.ceil((last - first) / 8));
  const ticksOf = (mantissas: readonly number[]): number[] => {
    const ticks: number[] = [];
    for (let power = first; power <= last; power += step) {
      ticks.push(...mantissas.map((mantissa) => Number(`${mantissa}e${power}`)));
    }
    return ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  };
  if (last - first > 3) return ticksOf([1]);
  const all = MANTISSAS.map(ticksOf);
  return all.find((ticks) => ticks.length >= 3) ?? all[all.length - 1];
}
