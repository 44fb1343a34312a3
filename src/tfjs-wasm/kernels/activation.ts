// What fused kernels do to their result.

import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import type { Host } from '../host.js';

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
export type Finish = (result: TensorInfo, rows: number, columns: number) => void;

/** The end of a fused kernel; undefined where it is another than is known here. */
export function finishOf(
  host: Host,
  bias: TensorInfo | null | undefined,
  { activation, leakyreluAlpha }: NamedAttrMap,
): Finish | undefined {
  const number = ACTIVATIONS.get(activation);
  if (number === undefined) return undefined;
  const alpha = typeof leakyreluAlpha === 'number' ? leakyreluAlpha : 0;
  return (result, rows, columns) => {
    if (number === 0 && !bias) return;
    const at = bias ? host.at(bias) : 0;
    host.exports.finish(rows, columns, host.at(result), at, number, alpha);
  };
}
