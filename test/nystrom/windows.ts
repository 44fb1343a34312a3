// What the policies of NysAct make of a sequence of second moments, window by window, by formulas alone.

import type { DType } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { thinQr } from '../../src/linalg/qr.js';
import { type Eigenpairs, nystromEigenpairs } from '../../src/nystrom/factor.js';
import { carriedSketch, trackingSketch } from '../../src/nystrom/tracking.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { combine, type Matrix, product } from '../support/matrices.js';

/** How windows follow each other. */
export interface WindowPolicy {
  readonly rank: number;
  /** Columns of a sketch (default r). */
  readonly width?: number;
  /** Eigenvectors that the next sketch keeps: none under 'restart'. */
  readonly kept: number;
  readonly carries: boolean;
  /** Whether a window whose average starts from nothing turns its sketch by its first update (default: not). */
  readonly powers?: boolean;
  /** β. */
  readonly decay: number;
}

/** What may be wrong on purpose. */
export interface Slips {
  /** The average that is carried is not multiplied by κ = 1 − βᵗ. */
  readonly forgetsKappa?: boolean;
  /** t starts anew although the average is carried. */
  readonly resetsUpdates?: boolean;
}

/** The factor of a window, and Ā over what it approximates: the window, or all of them if it carries. */
export interface Window {
  readonly pairs: Eigenpairs;
  readonly average: Matrix;
}

/** Every inner list is a window of updates, each with a second moment of its own. */
export function windowsOf(
  moments: readonly (readonly Matrix[])[],
  { rank, width = rank, kept, carries, powers = false, decay }: WindowPolicy,
  dtype: DType,
  seed: number,
  { forgetsKappa = false, resetsUpdates = false }: Slips = {},
): Window[] {
  const inputs = moments[0][0].rows;
  // As those of a first layer.
  const key = foldIn(randomKey(seed), 0);
  const fresh = (draw: number) =>
    drawSketch('gaussian', { inputs, width }, dtype, foldIn(key, draw));
  const sketched = (A: Matrix): Matrix => product(A, 'N', denseSketch(sketch, 'float64'), 'N');
  const nothing = combine(0, moments[0][0], 0, moments[0][0]);
  let sketch: Sketch = fresh(0);
  let C = sketched(nothing);
  let [average, updates, counted] = [nothing, 0, 0];
  return moments.map((window, w) => {
    if (powers && counted === 0) {
      const S = thinQr(sketched(window[0])).Q;
      sketch = { ...sketch, kind: 'dense', S: convert(S, dtype) };
    }
    for (const A of window) {
      C = combine(decay, C, 1 - decay, sketched(A));
      average = combine(decay, average, 1 - decay, A);
      updates += 1;
      counted += 1;
    }
    const estimate = combine(1 / (1 - decay ** counted), C, 0, C);
    const seen = combine(1 / (1 - decay ** updates), average, 0, average);
    const pairs = nystromEigenpairs(convert(estimate, dtype), sketch, { rank });
    sketch = kept > 0 ? trackingSketch(pairs, fresh(w + 1), kept, dtype) : fresh(w + 1);
    if (carries) {
      const kappa = forgetsKappa ? 1 : 1 - decay ** counted;
      const carried = convert(carriedSketch(pairs, sketch, dtype), 'float64');
      C = combine(kappa, carried, 0, carried);
      if (resetsUpdates) counted = 0;
    } else {
      C = sketched(nothing);
      [average, updates, counted] = [nothing, 0, 0];
    }
    return { pairs, average: seen };
  });
}
