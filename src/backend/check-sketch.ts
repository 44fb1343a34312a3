// What every implementation of sketchMoment checks of its operands.

import { checkInteger, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { SketchOperand, Slot } from './slot.js';

/** @throws RangeError unless X is m×p, S is p×r with its columns inside X, and C is p×r. */
export function checkSketch<D extends DType>(
  X: Slot<D>,
  sketch: SketchOperand<D>,
  C: Slot<D>,
): void {
  const p = X.cols;
  if (sketch.kind === 'dense') {
    checkShape('sketchMoment', 'S', sketch.S, p, sketch.S.cols);
    checkShape('sketchMoment', 'C', C, p, sketch.S.cols);
    return;
  }
  checkShape('sketchMoment', 'C', C, p, sketch.indices.length);
  sketch.indices.forEach((index, k) => {
    checkInteger('sketchMoment', `indices[${k}]`, index, 0, p - 1);
  });
}
