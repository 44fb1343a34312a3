// A process of its own: prints, as JSON, what this Node reaches against the calibration loop.

import { kernelInfo } from '../../src/kernels/selection.js';
import type { Node24 } from './node24.js';
import { peaks } from './reach.js';

const budget = Number(process.argv[2]);
const reached = peaks({ f32: 0.84, f64: 0.84 }).map(({ measure }) => {
  const figure = measure(budget);
  return { ...figure, key: `node24.${figure.key}`, name: `Node 24: ${figure.name}` };
});
const report: Node24 = { node: process.version, info: kernelInfo(), reached };
console.log(JSON.stringify(report));
