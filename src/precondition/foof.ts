// FOOF: P = G(Ā + ρI)⁻¹ with the exact activation second moment Ā (Benzing 2022).

import { checkInvertible } from '../core/check.js';
import { type OptionsOf, optionList, positive } from '../core/options.js';
import { movingAverage } from '../rows/accumulator.js';
import { activationMoment } from '../rows/second-moment.js';
import { dampedInverse } from './dense-inverse.js';
import { diagonalCurvature } from './diagonal.js';
import { type Curvature, curvature, type LayerShape, type Method } from './method.js';
import { describeMethod, elementsWithin, METHOD_OPTIONS } from './options.js';

/** The options of {@link foofMethod}. */
export const FOOF_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  /** ρ > 0 (default 1). */
  damping: positive.default(1),
});

/** Options of {@link foofMethod}. */
export type FoofOptions = OptionsOf<typeof FOOF_OPTIONS>;

/**
 * FOOF: P = G(Ā + ρI)⁻¹, with Ā the bias-corrected moving average of XᵀX/m.
 *
 * Per layer: p² + p² numbers of memory; observe O(mp²), refresh O(p³), precondition O(qp²). Of one-hot
 * rows Ā is diagonal: p + p, O(m + p), O(p), O(qp).
 * Source: Benzing 2022 (arXiv:2201.12250), as the NysAct paper's baseline.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function foofMethod(options: FoofOptions = {}): Method {
  const settings = FOOF_OPTIONS.read('foof', options);
  const { damping, decay, maxFailures } = settings;
  return {
    name: 'foof',
    needs: { inputs: true },
    gain: 1 / damping,
    flat: 1 / damping,
    maxFailures,
    description: describeMethod('foof', FOOF_OPTIONS, settings),
    layers(shapes, dtype) {
      checkInvertible('foof', 'damping', damping, dtype);
      FOOF_OPTIONS.checkIn('foof', settings, dtype);
      return shapes.map((shape) => exactCurvature(shape, damping, decay));
    },
  };
}

/** P = G(Ā + ρI)⁻¹ for one layer, whose Ā is diagonal if its rows are one-hot. */
export function exactCurvature(shape: LayerShape, rho: number, decay: number): Curvature {
  if (shape.rows === 'oneHot') return diagonalCurvature(shape, rho, decay);
  const { inputs: p } = shape;
  return curvature({
    statistics: [activationMoment(p, movingAverage(decay))],
    inverse: { R: { rows: p, cols: p, check: elementsWithin(1.01 / rho) } },
    factorise: ({ A }, { workspace }) => ({ inverse: { R: dampedInverse(A, rho, workspace) } }),
    apply: (on, G, { R }, P) => on.gemm(1, G, 'N', R, 'N', 0, P),
  });
}
