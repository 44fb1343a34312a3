// Normalisation by given moments, as batch and layer normalisation end in it, and its gradient.

import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import { isFloat, sizeOf, type TrainingKernel } from '../kernel.js';

/** tf.batchNorm. */
export const fusedBatchNorm: TrainingKernel = {
  name: 'FusedBatchNorm',
  run({ host, inputs: { x, mean, variance, scale, offset }, attrs }) {
    if (!isFloat(x) || !isFloat(mean) || !isFloat(variance)) return undefined;
    const columns = columnsOf(x, [mean, variance, scale, offset]);
    if (columns === undefined) return undefined;
    const y = host.output(x.shape);
    host.exports.normalise(
      sizeOf(x.shape) / columns,
      columns,
      epsilonOf(attrs),
      host.at(x),
      host.at(mean),
      host.at(variance),
      scale ? host.at(scale) : 0,
      offset ? host.at(offset) : 0,
      host.at(y),
    );
    return y;
  },
};

/** The gradients of tf.batchNorm with respect to x, mean, variance, scale and offset, in this order. */
export const fusedBatchNormGrad: TrainingKernel = {
  name: 'FusedBatchNormGrad',
  run({ host, inputs: { x, dy, mean, variance, scale }, attrs }) {
    if (!isFloat(x) || !isFloat(dy)) return undefined;
    if (!isFloat(mean) || !isFloat(variance) || !isFloat(scale)) return undefined;
    const columns = columnsOf(x, [mean, variance, scale]);
    if (columns === undefined) return undefined;
    const gradients = [x, mean, variance, scale, mean].map(({ shape }) => host.output(shape));
    host.exports.normaliseGradient(
      sizeOf(x.shape) / columns,
      columns,
      epsilonOf(attrs),
      host.at(x),
      host.at(dy),
      host.at(mean),
      host.at(variance),
      host.at(scale),
      ...gradients.map((gradient) => host.at(gradient)),
    );
    return gradients;
  },
};

/**
 * How many elements each of the parameters has, undefined where x does not consist of rows of so many.
 *
 * @param parameters Those that are not there do not count.
 */
export function columnsOf(
  x: TensorInfo,
  parameters: readonly (TensorInfo | null | undefined)[],
): number | undefined {
  let columns: number | undefined;
  for (const parameter of parameters) {
    if (!parameter) continue;
    if (!isFloat(parameter) || !isSuffix(parameter.shape, x.shape)) return undefined;
    const size = sizeOf(parameter.shape);
    columns ??= size;
    if (size !== columns) return undefined;
  }
  return columns;
}

/** Whether the shape is the end of another, but for axes of length 1 in front. */
function isSuffix(shape: readonly number[], whole: readonly number[]): boolean {
  const first = shape.findIndex((length) => length > 1);
  const rest = first < 0 ? [] : shape.slice(first);
  return String(rest) === String(whole.slice(whole.length - rest.length));
}

function epsilonOf({ varianceEpsilon }: NamedAttrMap): number {
  return Number(varianceEpsilon);
}
