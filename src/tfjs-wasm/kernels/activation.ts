// What fused kernels do to their result.

import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import type { Host } from '../host.js';
import { isFloat, sizeOf } from '../kernel.js';

/** The activations that `finish` knows, by their numbers. */
const ACTIVATIONS: ReadonlyMap<unknown, number> = new Map([
  [undefined, 0],
  [null, 0],
  ['linear', 0],
  ['relu', 1],
  ['relu6', 2],
  ['leakyrelu', 3],
]);

/** Adds a bias to the rows of a result, and applies an activation. */
type Finish = (result: TensorInfo) => void;

/** The end of a fused kernel whose result has so many columns; undefined where it is another than is known here. */
export function finishOf(
  host: Host,
  bias: TensorInfo | null | undefined,
  columns: number,
  { activation, leakyreluAlpha }: NamedAttrMap,
): Finish | undefined {
  const number = ACTIVATIONS.get(activation);
  if (number === undefined) return undefined;
  // A bias of one number is that of a single, long column.
  const isNumber = isFloat(bias) && sizeOf(bias.shape) === 1;
  const period = isNumber ? 1 : columns;
  if (bias && !(isNumber || isRow(bias, columns))) return undefined;
  const alpha = typeof leakyreluAlpha === 'number' ? leakyreluAlpha : 0;
  return (result) => {
    if (number === 0 && !bias) return;
    const at = bias ? host.at(bias) : 0;
    const rows = sizeOf(result.shape) / period;
    host.exports.finish(rows, period, host.at(result), at, number, alpha);
  };
}

/** Whether a bias has one number a column, and nothing else. */
function isRow(bias: TensorInfo, columns: number): boolean {
  const { length } = bias.shape;
  return isFloat(bias) && bias.shape[length - 1] === columns && sizeOf(bias.shape) === columns;
}
