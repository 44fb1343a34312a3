// What NysAct is shown in its tests: activations with a decaying spectrum, and the sketches it draws.

import { foldIn, randomKey } from '../../src/core/random.js';
import { drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import { denseSketch } from '../../src/sketch/sketch.js';
import { build, gaussian, type Matrix, product, uniform } from '../support/matrices.js';
import { randomOrthogonal } from '../support/spectra.js';
import { type Batch, randomBatch } from './runs.js';

export const SIZE = { inputs: 16, outputs: 3 } as const;
const { inputs: p } = SIZE;

/** m rows whose second moment has eigenvalues near decayʲ. */
export function decayingBatch(seed: number, rows: number, decay: number): Batch {
  const Z = gaussian(uniform(seed), rows, p);
  const scaled = build(rows, p, (i, j) => Z.at(i, j) * Math.sqrt(decay) ** j);
  const X = product(scaled, 'N', randomOrthogonal(p, 77), 'T');
  return { ...randomBatch(seed, rows, SIZE), X };
}

/** The sketch of a layer as the seed decides it. */
export function sketchOf(
  kind: SketchKind,
  width: number,
  seed: number,
  layer: number = 0,
  draw: number = 0,
): Matrix {
  const key = foldIn(foldIn(randomKey(seed), layer), draw);
  return denseSketch(drawSketch(kind, { inputs: p, width }, 'float64', key), 'float64');
}
