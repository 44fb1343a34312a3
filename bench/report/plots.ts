// Line charts as SVG text.

import { type LineChart, lineChartOptions } from './line-chart.js';
import { drawPlot } from './svg.js';

/**
 * The chart as an SVG element.
 *
 * @throws RangeError where there are more curves than distinct looks.
 */
export function lineChart(chart: LineChart): string {
  return drawPlot(lineChartOptions(chart)).svg;
}
