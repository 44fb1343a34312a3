// The shape of a sketch S, p×r.

import { checkChoice, checkInteger } from '../core/check.js';
import { DTYPES, type DType } from '../core/dtype.js';
import { number, optionList } from '../core/options.js';
import { checkKey, type RandomKey } from '../core/random.js';

/** The sizes of a sketch S (p×r). */
export interface SketchShape {
  /** The number of inputs p, the columns of the activations that S is applied to. */
  readonly inputs: number;
  /** The width r, the columns of S: 1 … inputs. */
  readonly width: number;
}

const SHAPE = /* @__PURE__ */ optionList({
  inputs: number,
  width: number,
});

/**
 * What a sketch is drawn from: a shape with 1 ≤ width ≤ inputs, a dtype and a key.
 *
 * @throws RangeError or TypeError where one is another thing.
 */
export function checkDraw(where: string, shape: SketchShape, dtype: DType, key: RandomKey): void {
  SHAPE.read(where, shape, 'shape');
  const { inputs, width } = shape;
  checkInteger(where, 'inputs', inputs, 1);
  checkInteger(where, 'width', width, 1, inputs);
  checkChoice(where, 'dtype', dtype, DTYPES);
  checkKey(where, key);
}
