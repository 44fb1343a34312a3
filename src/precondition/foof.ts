// FOOF: P = G(Ā + ρI)⁻¹ with the exact activation second moment Ā (Benzing 2022).

import { type OptionsOf, optionList } from '../core/options.js';
import { trace } from '../kernels/level1.js';
import { movingAverage } from '../rows/accumulator.js';
import { activationMoment } from '../rows/second-moment.js';
import { DAMPING, Damping } from './damping.js';
import { dampedInverse } from './dense-inverse.js';
import { diagonalCurvature } from './diagonal.js';
import { type Curvature, curvature, type LayerShape, type Method } from './method.js';
import { DECAY, describeMethod, elementsWithin, METHOD_OPTIONS } from './options.js';
import { checkOverrides, overridesOf, settingsOfLayers } from './overrides.js';

/** The options of a layer. */
const LAYER = optionList({
  ...DECAY.entries,
  /** The damping ρ > 0 (default 1), or `{ relative: α }` for ρ = α·tr(Ā)/p at each refresh. */
  damping: DAMPING.default(1),
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
        ({ damping, decay }, layer) =>
          exactCurvature(shapes[layer], new Damping(damping, dtype), decay),
      );
    },
  };
}

/** P = G(Ā + ρI)⁻¹ for one layer, whose Ā is diagonal if its rows are one-hot. */
export function exactCurvature(shape: LayerShape, damping: Damping, decay: number): Curvature {
  if (shape.rows === 'oneHot') return diagonalCurvature(shape, damping, decay);
  const { inputs: p } = shape;
  return curvature({
    ...damping.bounds,
    statistics: [activationMoment(p, movingAverage(decay))],
    inverse: { R: { rows: p, cols: p, check: elementsWithin(1.01 / damping.least) } },
    factorise({ A }, { workspace }) {
      const rho = damping.of(trace(A) / p);
      if (rho === undefined) return undefined;
      return { inverse: { R: dampedInverse(A, rho, workspace) }, found: { damping: rho } };
    },
    apply: (on, G, { R }, P) => on.gemm(1, G, 'N', R, 'N', 0, P),
  });
}
