// What was measured against p, as tables and as a figure.

import { formatBytes, formatMeasured, formatMilliseconds, formatNumber } from '../report/format.js';
import { type CurveLook, type Panel, panelFigure } from '../report/panels.js';
import type { Table } from '../report/table.js';
import { contenders, type Quantity, rank } from './contenders.js';
import { type Growth, growths, type Row } from './growth.js';
import { layer } from './measure.js';

const titles: Readonly<Record<Quantity, string>> = {
  observe: 'One observation',
  refresh: 'One refresh',
  apply: 'One application, P from G',
  kept: 'Bytes kept between steps',
  allocated: 'Bytes one refresh allocates',
};
/** In the order of reporting. */
export const quantities = ['refresh', 'apply', 'observe', 'kept', 'allocated'] as const;

const looks: readonly Omit<CurveLook, 'name'>[] = [
  { colour: '#d55e00', symbol: 'circle' },
  { colour: '#0072b2', symbol: 'square' },
  { colour: '#009e73', symbol: 'triangle' },
  { colour: '#cc79a7', symbol: 'diamond' },
  { colour: '#8c7051', symbol: 'star' },
  { colour: '#8c7051', symbol: 'star', dashed: true },
  { colour: '#332288', symbol: 'square', dashed: true },
  { colour: '#117733', symbol: 'circle', dashed: true },
  { colour: '#e69f00', symbol: 'diamond', dashed: true },
  { colour: '#56b4e9', symbol: 'triangle', dashed: true },
  { colour: '#882255', symbol: 'circle', dashed: true },
  { colour: '#44aa99', symbol: 'square' },
  { colour: '#999933', symbol: 'diamond' },
  { colour: '#661100', symbol: 'triangle' },
  { colour: '#555555', symbol: 'circle' },
];

/** One quantity: values beside their ratio to the first contender's, then the exponents. */
export function costTable(quantity: Quantity, all: readonly Growth[]): Table {
  const [peer] = all;
  const sizesRun = peer.values.map(({ inputs }) => inputs);
  const right = { align: 'right' } as const;
  const cell = ({ values, expected }: Growth, inputs: number): string => {
    if (expected === undefined) return 'none';
    const value = at(values, inputs);
    if (value === undefined) return 'left out';
    const ratio = value / (at(peer.values, inputs) ?? Number.NaN);
    return `${formatValue(quantity, value)} ×${formatMeasured(ratio)}`;
  };
  return {
    title: `${titles[quantity]}${isTime(quantity) ? ': median time' : ''}, × ${peer.method}, and the exponent of p (q = ${layer.outputs}, m = ${layer.rows}, r = ${rank}, ${layer.dtype})`,
    columns: [
      { heading: 'method', align: 'left' },
      ...sizesRun.map((inputs) => ({ heading: `p = ${inputs}`, ...right })),
      { heading: 'fitted', ...right },
      { heading: 'theory', ...right },
    ],
    rows: all.map((growth) => [
      growth.method,
      ...sizesRun.map((inputs) => cell(growth, inputs)),
      growth.slope === undefined ? '' : growth.slope.toFixed(2),
      String(growth.expected ?? ''),
    ]),
  };
}

function at(values: Growth['values'], inputs: number): number | undefined {
  return values.find((entry) => entry.inputs === inputs)?.value;
}

/** Every quantity against p, one panel each. */
export function costFigure(rows: readonly Row[]): string {
  const curves = contenders.map(({ name }, k) => ({ name, ...looks[k] }));
  const panels = quantities.map((quantity): Panel => {
    const points = growths(rows, quantity).map(({ method, values }) => [
      method,
      values.map(({ inputs, value }) => ({ x: inputs, y: value })),
    ]);
    return {
      title: titles[quantity],
      points: Object.fromEntries(points),
      formatY: (value) => formatTick(value, isTime(quantity) ? timeUnits : byteUnits),
    };
  });
  return panelFigure({
    title: 'What one layer costs against the number p of its inputs',
    subtitle: `q = ${layer.outputs} outputs, batches of m = ${layer.rows} rows, rank r = ${rank}, ${layer.dtype}, one thread.`,
    curves,
    xLabel: 'inputs p',
    xTicks: [...new Set(rows.map(({ inputs }) => inputs))],
    panels,
    columns: 3,
  });
}

function isTime(quantity: Quantity): boolean {
  return quantity !== 'kept' && quantity !== 'allocated';
}

function formatValue(quantity: Quantity, value: number): string {
  return isTime(quantity) ? formatMilliseconds(value) : formatBytes(value);
}

// Ticks stand at powers of ten, so bytes are counted in thousands there.
const timeUnits = [
  ['µs', 1e-3],
  ['ms', 1],
  ['s', 1e3],
] as const;
const byteUnits = [
  ['B', 1],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
] as const;

function formatTick(
  value: number,
  units: readonly (readonly [name: string, size: number])[],
): string {
  const [name, size] = units.findLast((unit) => value >= unit[1]) ?? units[0];
  return `${formatNumber(value / size)} ${name}`;
}
