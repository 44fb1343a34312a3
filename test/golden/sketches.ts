// The recorded draws of a run, in the order in which a layer asks for them.

import { convert } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import type { SketchSource } from '../../src/precondition/sketching.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { type Draw, matrix64, type StepRecord } from './vectors.js';

/**
 * Draw n of a layer is the n-th that was recorded for it. A run asks for one sketch more than was
 * recorded where its last step closes a window; that one is never used.
 */
export function drawnSketch(layerCount: number, steps: readonly StepRecord[]): SketchSource {
  const draws: Draw[][] = Array.from({ length: layerCount }, () => []);
  for (const step of steps) {
    step.draws?.forEach((draw, layer) => {
      if (draw !== null) draws[layer].push(draw);
    });
  }
  return ({ layer, draw, shape, dtype }) => {
    const { indices, data } = draws[layer][draw] ?? {};
    if (indices !== undefined) {
      return { kind: 'columns', ...shape, indices: Int32Array.from(indices) };
    }
    if (data !== undefined) {
      const S = convert(matrix64(data, shape.inputs), dtype);
      return { kind: 'dense', ...shape, S };
    }
    const kind = draws[layer][0].indices === undefined ? 'gaussian' : 'subcolumn';
    return drawSketch(kind, shape, dtype, randomKey(0));
  };
}
