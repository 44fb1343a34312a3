// Sums and means over any axes.

import type { TensorInfo } from '@tensorflow/tfjs';
import { type Call, isFloat, type TrainingKernel } from '../kernel.js';
import type { TensorFlowKernels } from '../tensorflow.js';

/** tf.sum, and what gives a gradient the shape of an operand that was broadcast. */
export const sum: TrainingKernel = {
  name: 'Sum',
  run: (call) => reduced(call, false),
};

/** tf.mean. */
export const mean: TrainingKernel = {
  name: 'Mean',
  run: (call) => reduced(call, true),
};

function reduced(
  { tf, host, inputs: { x }, attrs: { axis, keepDims } }: Call,
  isMean: boolean,
): TensorInfo | undefined {
  if (!isFloat(x)) return undefined;
  const axes = axesOf(tf, axis, x.shape);
  if (axes === undefined) return undefined;
  const sizes = groupsOf(x.shape, axes);
  if (sizes === undefined) return undefined;
  const y = host.output(
    keepDims === true
      ? x.shape.map((length, i) => (axes.has(i) ? 1 : length))
      : x.shape.filter((_, i) => !axes.has(i)),
  );
  const [outer, , inner] = sizes;
  host.exports.sumAxes(...sizes, isMean ? outer * inner : 1, host.at(x), host.at(y));
  return y;
}

/** Lengths of axes: summed over, kept, summed over, kept. */
type Groups = [outer: number, rows: number, inner: number, columns: number];

/** The axes in four groups, of which the first, or the first ones, may be of length 1. */
function groupsOf(shape: readonly number[], axes: ReadonlySet<number>): Groups | undefined {
  const groups: Groups = [1, 1, 1, 1];
  let group = 3;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) continue;
    const isSummed = group % 2 === 0;
    if (axes.has(i) !== isSummed) group -= 1;
    if (group < 0) return undefined;
    groups[group] *= shape[i];
  }
  return groups;
}

/** The axes that are meant: all where none is named. Undefined where one is named twice. */
export function axesOf(
  tf: TensorFlowKernels,
  axis: unknown,
  shape: readonly number[],
): Set<number> | undefined {
  if (axis === undefined || axis === null) return new Set(shape.keys());
  const named = tf.util.parseAxisParam([axis].flat().map(Number), [...shape]);
  const axes = new Set(named);
  return axes.size === named.length ? axes : undefined;
}
