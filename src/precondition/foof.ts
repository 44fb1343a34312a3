// FOOF: P = G(Ā + ρI)⁻¹ with the exact activation second moment Ā (Benzing 2022).

import { type OptionsOf, optionList, positive } from '../core/options.js';
import { movingAverage } from '../rows/accumulator.js';
import { activationMoment } from '../rows/second-moment.js';
import { dampedInverse } from './dense-inverse.js';
import { diagonalCurvature } from './diagonal.js';
import { type Curvature, curvature, type LayerShape, type Method } from './method.js';
import { DECAY, describeMethod, elementsWithin, METHOD_OPTIONS } from './options.js';
import { checkOverrides, overridesOf, settingsOfLayers } from './overrides.js';

/** The options of a layer. */
const LAYER = optionList({
  ...DECAY.entries,
  /** The damping ρ > 0 (default 1). */
  damping: positive.default(1),
});

/** Options of a layer in {@link foofMethod}. */
export interface FoofLayerOptions extends OptionsOf<typeof LAYER> {}

/** The options of {@link foofMethod}. */
export const FOOF_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  ...LAYER.entries,
  /** Options of some layers in place of those of all: by names of layers, or a function of a layer. */
  overrides: overridesOf<FoofLayerOptions>(),
});

/** Options of {@link foofMethod}. @interface */
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
  checkOverrides('foof', LAYER, settings.overrides);
  return {
    name: 'foof',
    needs: { inputs: true },
    maxFailures: settings.maxFailures,
    description: describeMethod('foof', FOOF_OPTIONS, settings),
    layers(shapes, dtype) {
      return settingsOfLayers('foof', LAYER, settings, shapes, dtype).map(
        ({ damping, decay }, layer) => exactCurvature(shapes[layer], damping, decay),
      );
    },
  };
}

/** P = G(Ā + ρI)⁻¹ for one layer, whose Ā is diagonal if its rows are one-hot. */
export function exactCurvature(shape: LayerShape, rho: number, decay: number): Curvature {
  if (shape.rows === 'oneHot') return diagonalCurvature(shape, rho, decay);
  const { inputs: p } = shape;
  return curvature({
    gain: 1 / rho,
    flat: 1 / rho,
    statistics: [activationMoment(p, movingAverage(decay))],
    inverse: { R: { rows: p, cols: p, check: elementsWithin(1.01 / rho) } },
    factorise: ({ A }, { workspace }) => ({ inverse: { R: dampedInverse(A, rho, workspace) } }),
    apply: (on, G, { R }, P) => on.gemm(1, G, 'N', R, 'N', 0, P),
  });
}
