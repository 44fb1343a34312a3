// Eva: rank-one Kronecker factors from the mean rows of X and D (Zhang, Shi and Li 2023).

import type { Backend, Slot } from '../backend/backend.js';
import { type DType, LARGEST, SMALLEST_NORMAL } from '../core/dtype.js';
import { type OptionsOf, optionList } from '../core/options.js';
import { frobeniusNorm } from '../kernels/level1.js';
import {
  type Averages,
  type Averaging,
  movingAverage,
  type Statistic,
} from '../rows/accumulator.js';
import type { Average } from '../rows/moving-average.js';
import { DAMPING, Damping } from './damping.js';
import {
  type Curvature,
  curvature,
  type Factorised,
  type LayerShape,
  type Method,
} from './method.js';
import { DECAY, describeMethod, elementsWithin, METHOD_OPTIONS } from './options.js';
import { checkOverrides, overridesOf, settingsOfLayers } from './overrides.js';

/** The options of a layer. */
const LAYER = optionList({
  ...DECAY.entries,
  /** The damping ρ > 0 (default 0.03), or `{ relative: α }` for ρ = α·|ā|²/p·|ḡ|²/q at each refresh. */
  damping: DAMPING.default(0.03),
});

/** Options of a layer in {@link evaMethod}. */
export interface EvaLayerOptions extends OptionsOf<typeof LAYER> {}

/** The options of {@link evaMethod}. */
export const EVA_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  ...LAYER.entries,
  /** Options of some layers in place of those of all: by names of layers, or a function of a layer. */
  overrides: overridesOf<EvaLayerOptions>(),
});

/** Options of {@link evaMethod}. @interface */
export type EvaOptions = OptionsOf<typeof EVA_OPTIONS>;

/**
 * Eva: with ā the mean row of X and ḡ the mean row of D (per-example gradients), both bias-corrected
 * moving averages, P = (G − (ḡᵀGā)/(ρ + |ā|²|ḡ|²)·ḡāᵀ)/ρ: the Sherman–Morrison inverse of
 * (ḡḡᵀ) ⊗ (āāᵀ) + ρI. Nothing is factorised; a refresh only looks for NaN.
 *
 * Per layer: p + q numbers of memory; observe O(m(p + q)), precondition O(qp). Source: Zhang, Shi
 * and Li 2023 (Eva, ICLR).
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function evaMethod(options: EvaOptions = {}): Method {
  const settings = EVA_OPTIONS.read('eva', options);
  checkOverrides('eva', LAYER, settings.overrides);
  return {
    name: 'eva',
    needs: { inputs: true, outputGradients: true },
    maxFailures: settings.maxFailures,
    description: describeMethod('eva', EVA_OPTIONS, settings),
    layers(shapes, dtype) {
      return settingsOfLayers('eva', LAYER, settings, shapes, dtype).map(
        ({ damping, decay }, layer) =>
          rankOne(meanRows(shapes[layer], decay, dtype), new Damping(damping, dtype)),
      );
    },
  };
}

/** ā and ḡ, whose squared norms must stay within the dtype. */
function meanRows(
  { inputs: p, outputs: q }: LayerShape,
  decay: number,
  dtype: DType,
): Statistic<'a' | 'g'>[] {
  // What an average is multiplied by at most, to correct its bias.
  const correction = decay === 1 ? 1 : 1 / (1 - decay);
  const average = (size: number): Averaging =>
    movingAverage(decay, elementsWithin(Math.sqrt(LARGEST[dtype] / size) / 2 / correction));
  return [
    {
      name: 'a',
      rows: 1,
      cols: p,
      average: average(p),
      of: ({ X }, weight, keep, a) => X.sum(weight, keep, a),
    },
    {
      name: 'g',
      rows: 1,
      cols: q,
      average: average(q),
      of: ({ D, examples }, weight, keep, g) => D.sum(weight * examples, keep, g),
    },
  ];
}

/** The Sherman–Morrison inverse, straight from the averages. */
export function rankOne(statistics: Statistic<'a' | 'g'>[], damping: Damping): Curvature {
  const { least, bounds, part, isRelative } = damping;
  const common = { ...bounds, statistics };
  if (isRelative) {
    return curvature({
      ...common,
      inverse: { rho: part },
      factorise: relativeTo(damping),
      apply: (on, G, { rho }, P, { a, g }) => applyAveraged(on, G, a, g, rho, P),
    });
  }
  // No refresh would put another ρ in the place of a restored one.
  return curvature({
    ...common,
    inverse: {},
    apply: (on, G, _, P, { a, g }) => applyAveraged(on, G, a, g, least, P),
  });
}

/** {@link applyRankOne} of what the averages are estimates of. */
function applyAveraged<D extends DType>(
  on: Backend<D>,
  G: Slot<D>,
  a: Average<D>,
  g: Average<D>,
  rho: number,
  P: Slot<D>,
): void {
  applyRankOne(on, G, a.slot, g.slot, a.correction, g.correction, rho, P);
}

/** Only ρ is taken at a refresh. */
function relativeTo(damping: Damping) {
  return <D extends DType>({
    a,
    g,
  }: Averages<D, 'a' | 'g'>): Factorised<D, { readonly rho: Damping['part'] }> | undefined => {
    const rho = damping.of((frobeniusNorm(a) ** 2 / a.cols) * (frobeniusNorm(g) ** 2 / g.cols));
    return rho === undefined ? undefined : { inverse: { rho }, found: { damping: rho } };
  };
}

/**
 * P ← (G − (ĝGâᵀ)/(ρ + |â|²|ĝ|²)·ĝᵀâ)/ρ with â = scaleA·a (1×p) and ĝ = scaleG·g (1×q).
 *
 * The error is some roundings of |G|/ρ, whatever |â|²|ĝ|² and ĝGâᵀ are: only G/ρ, |â|² and |ĝ|²
 * must lie in the range of the dtype. Where one of the squares overflows, P is NaN or right, never
 * G without its correction; where one is so small that it loses digits (|â| < 10⁻¹⁵ in float32,
 * 10⁻¹⁴⁶ in float64), the correction may come out too small.
 */
export function applyRankOne<D extends DType>(
  on: Backend<D>,
  G: Slot<D>,
  a: Slot<D>,
  g: Slot<D>,
  scaleA: number,
  scaleG: number,
  rho: number,
  P: Slot<D>,
): void {
  // A shift that keeps 0/0 at 0 and changes no other quotient that counts.
  const tiny = SMALLEST_NORMAL[on.dtype];
  // |â|²|ĝ|² and ĝGâᵀ leave the range of the dtype long before P does. With the unit vectors u = â/|â|
  // and v = ĝ/|ĝ| and with z = ρ/(|â||ĝ|)² the same P is (G − (vGuᵀ)/(1 + z)·vᵀu)/ρ, where no product
  // is larger than |G|/ρ; z may overflow to Infinity or underflow to 0, and the correction then is 0 or
  // whole, as it should be.
  on.borrow((take) => {
    /** v̂/|v̂| and 1/|v̂| for v̂ = scale·v: both 0 where v̂ is 0, and NaN where |v̂|² overflows. */
    const normalise = (v: Slot<D>, scale: number) => {
      const [square, norm, inverse, unit] = [take(1, 1), take(1, 1), take(1, 1), take(1, v.cols)];
      on.dot(scale ** 2, v, v, 0, square);
      on.divideByRoot(1, square, 1, square, tiny, norm);
      on.divide(norm, square, tiny, inverse);
      on.gemm(scale, inverse, 'N', v, 'N', 0, unit);
      return { unit, inverse };
    };
    const { unit: u, inverse: x } = normalise(a, scaleA);
    const { unit: v, inverse: y } = normalise(g, scaleG);
    const row = take(1, G.cols);
    const [xy, z, vGu, quotient] = [take(1, 1), take(1, 1), take(1, 1), take(1, 1)];
    on.multiply(1, x, y, 0, xy);
    on.multiply(rho, xy, xy, 0, z);
    on.gemm(1, v, 'N', G, 'N', 0, row);
    on.dot(1, row, u, 0, vGu);
    on.divide(vGu, z, 1, quotient);
    on.gemm(-1 / rho, quotient, 'N', u, 'N', 0, row);
    on.axpby(1 / rho, G, 0, P);
    on.gemm(1, v, 'T', row, 'N', 1, P);
  });
}
