// The distributions that sketches are drawn from, by name: a new one is a file and a line here.

import { checkChoice } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { RandomKey } from '../core/random.js';
import { gaussian } from './gaussian.js';
import { checkDraw, type SketchShape } from './shape.js';
import type { Sketch } from './sketch.js';
import { subcolumn } from './subcolumn.js';

/** Draws a sketch S (p×r). The key alone decides it. */
export type Distribution = <D extends DType>(
  shape: SketchShape,
  dtype: D,
  key: RandomKey,
) => Sketch<D>;

/** Every distribution. */
export const DISTRIBUTIONS = { gaussian, subcolumn } as const satisfies Record<
  string,
  Distribution
>;

/** The name of a distribution. */
export type SketchKind = keyof typeof DISTRIBUTIONS;

/** Every name. */
export const SKETCH_KINDS: readonly SketchKind[] = /* @__PURE__ */ Object.keys(
  DISTRIBUTIONS,
).filter((name): name is SketchKind => name in DISTRIBUTIONS);

/**
 * Draws a sketch S (p×r) with E[SSᵀ] = (r/p)·I. The key alone decides it.
 *
 * Cost: p·r normals (gaussian), O(p) (subcolumn).
 *
 * @throws RangeError for an unknown kind or dtype, or unless 1 ≤ width ≤ inputs are integers; TypeError
 *   where `key` is no key.
 */
export function drawSketch<D extends DType>(
  kind: SketchKind,
  shape: SketchShape,
  dtype: D,
  key: RandomKey,
): Sketch<D> {
  checkChoice('drawSketch', 'kind', kind, SKETCH_KINDS);
  checkDraw('drawSketch', shape, dtype, key);
  return DISTRIBUTIONS[kind](shape, dtype, key);
}
