// One side of Shampoo from a sketch: P = G(Â + ρI)^(−1/2) with Â ≈ GᵀG.

import type { DType } from '../core/dtype.js';
import { type OptionsOf, optionList, type SettingsOf } from '../core/options.js';
import { trace } from '../kernels/level1.js';
import { movingAverage } from '../rows/accumulator.js';
import { gradientAsInputs, ofGradient } from '../rows/gradient-rows.js';
import { activationMoment } from '../rows/second-moment.js';
import { DAMPING, Damping } from './damping.js';
import { inverseRoot } from './inverse-root.js';
import { type Curvature, curvature, type LayerShape, type Method } from './method.js';
import { NYSACT_LAYER, NYSACT_OPTIONS, type Sketched, sketched } from './nysact.js';
import { describeMethod, elementsWithin } from './options.js';
import { checkOverrides, overridesOf, settingsOfLayers } from './overrides.js';
import { firstRank } from './rank.js';
import { checkWindows, type WindowSource, windowSource } from './sketching.js';

/** The options of a layer. */
const LAYER = optionList({
  ...NYSACT_LAYER.entries,
  /**
   * The damping ρ > 0, or `{ relative: α }` for ρ = α·tr(Ā)/p at each refresh, and 10⁻¹² at least (default
   * `{ relative: 1 }`).
   */
  damping: DAMPING.default({ relative: 1 }),
});

/** Options of a layer in {@link nystromShampooMethod}. */
export interface NystromShampooLayerOptions extends OptionsOf<typeof LAYER> {}

/** The options of {@link nystromShampooMethod}. */
export const NYSTROM_SHAMPOO_OPTIONS = optionList({
  ...NYSACT_OPTIONS.entries,
  ...LAYER.entries,
  /** Options of some layers in place of those of all: by names of layers, or a function of a layer. */
  overrides: overridesOf<NystromShampooLayerOptions>(),
});

/** Options of {@link nystromShampooMethod}. @interface */
export type NystromShampooOptions = OptionsOf<typeof NYSTROM_SHAMPOO_OPTIONS>;

/** GᵀG, and the root of its inverse. */
const GRADIENTS: Sketched = { root: 2, of: ofGradient };

/**
 * One-sided Nyström Shampoo: P = G(Â + ρI)^(−1/2), where Â approximates the moving average Ā of GᵀG over the
 * observed batches from its sketch C = ĀS of r columns; Ā itself is never formed. It looks at gradients alone, so
 * any matrix will do as a layer. Sketches, windows, ranks and diagnostics are those of `nysactMethod`, with the q
 * rows of G in the place of the activations; a layer with p ≤ r gets the exact root.
 *
 * The root is I/√ρ − VVᵀ with V = U·diag(√(ρ^(−1/2) − (λ̂ + ρ)^(−1/2))), so P costs two products with r columns.
 *
 * Per layer: 3pr + 1 numbers of memory (2pr + 1 for subcolumns that do not track); observe O(qpr), refresh
 * O(pr² + r³), precondition O(qpr). Source: one side of Gupta, Koren and Singer 2018 (arXiv:1802.09568), with the
 * power −1/2 that is left to it, from the sketch of NysAct.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function nystromShampooMethod(options: NystromShampooOptions = {}): Method {
  const where = 'nystromShampoo';
  const settings = NYSTROM_SHAMPOO_OPTIONS.read(where, options);
  checkOverrides(where, LAYER, settings.overrides);
  if (settings.overrides === undefined) checkWindows(where, settings, settings.sketch);
  const source = ofGradients(windowSource(settings.sketch, settings.seed));
  return {
    name: 'nystrom-shampoo',
    needs: { gradients: true },
    maxFailures: settings.maxFailures,
    description: describeMethod('nystrom-shampoo', NYSTROM_SHAMPOO_OPTIONS, settings),
    layers(shapes, dtype) {
      return settingsOfLayers(where, LAYER, settings, shapes, dtype).map((own, layer) =>
        shapes[layer].inputs <= firstRank(own.rank)
          ? exact(shapes[layer], own, dtype)
          : sketched(shapes[layer], layer, own, source, dtype, GRADIENTS),
      );
    },
  };
}

/** The same source, whose windows open with a look at the gradient. */
function ofGradients(source: WindowSource): WindowSource {
  const { open } = source.open;
  if (open === undefined) return source;
  return { ...source, open: { open: (seen) => open(gradientAsInputs(seen)) } };
}

/** P = G(Ā + ρI)^(−1/2) for one layer. */
function exact(
  { inputs: p }: LayerShape,
  { decay, damping: given }: SettingsOf<typeof LAYER>,
  dtype: DType,
): Curvature {
  const damping = new Damping(given, dtype, 2);
  return curvature({
    ...damping.bounds,
    statistics: [ofGradient(activationMoment(p, movingAverage(decay)))],
    inverse: { R: { rows: p, cols: p, check: elementsWithin(1.01 * damping.bounds.gain) } },
    factorise({ A }, { workspace }) {
      const rho = damping.of(trace(A) / p);
      if (rho === undefined) return undefined;
      return { inverse: { R: inverseRoot(A, rho, 2, 1, workspace) }, found: { damping: rho } };
    },
    apply: (on, G, { R }, P) => on.gemm(1, G, 'N', R, 'N', 0, P),
  });
}
