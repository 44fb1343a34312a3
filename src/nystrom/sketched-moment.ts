// The statistics of NysAct: the sketch C = AS of a second moment, and its trace.

import { checkNonNegative } from '../core/check.js';
import { movingAverage, type Statistic } from '../rows/accumulator.js';
import type { SketchShape } from '../sketch/shape.js';

/** C = AS with A = XᵀX/m, which is never formed. Cost of an update: O(mpr). */
export function sketchedMoment({ inputs, width }: SketchShape, decay: number): Statistic<'C'> {
  return {
    name: 'C',
    rows: inputs,
    cols: width,
    average: movingAverage(decay),
    of: ({ X, S }, weight, keep, C) => X.sketchMoment(S, weight, keep, C),
  };
}

/** tr A = ‖X‖²F/m. */
export function momentTrace(decay: number): Statistic<'trace'> {
  return {
    name: 'trace',
    rows: 1,
    cols: 1,
    average: movingAverage(decay, (where, name, value) =>
      checkNonNegative(where, name, value.at(0, 0)),
    ),
    of: ({ X }, weight, keep, trace) => X.squaredNorm(weight, keep, trace),
  };
}
