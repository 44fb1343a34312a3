// The shape of a sketch S, p×r.

import { checkInteger } from '../core/check.js';

/** p and r of a sketch S (p×r). */
export interface SketchShape {
  /** p, the columns of the activations that S is applied to. */
  readonly inputs: number;
  /** r, the columns of S: 1 … inputs. */
  readonly width: number;
}

/**
 * `shape` must have inputs ≥ 1 and 1 ≤ width ≤ inputs, both integers.
 *
 * @throws RangeError where it has not.
 */
export function checkSketchShape(where: string, { inputs, width }: SketchShape): void {
  checkInteger(where, 'inputs', inputs, 1);
  checkInteger(where, 'width', width, 1, inputs);
}
