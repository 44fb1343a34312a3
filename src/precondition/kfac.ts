// KFAC: both Kronecker factors, A of the activations and B of the pre-activation gradients
// (Martens and Grosse 2015).

import type { Backend, Slot } from '../backend/backend.js';
import type { DType } from '../core/dtype.js';
import { choice, type OptionsOf, optionList } from '../core/options.js';
import { trace } from '../kernels/level1.js';
import { movingAverage, type Statistic } from '../rows/accumulator.js';
import { activationMoment } from '../rows/second-moment.js';
import { DAMPING, Damping } from './damping.js';
import { diagonalEigenbasis, diagonalFactored } from './diagonal.js';
import { balance, dampedFactor, gradientMoment, spectrum } from './kronecker.js';
import { type Curvature, curvature, type LayerShape, type Method } from './method.js';
import {
  checkNoNegative,
  DECAY,
  describeMethod,
  elementsWithin,
  METHOD_OPTIONS,
} from './options.js';
import { checkOverrides, overridesOf, settingsOfLayers } from './overrides.js';

/** The options of a layer. */
const LAYER = optionList({
  ...DECAY.entries,
  /**
   * The damping ρ > 0 (default 0.03), or `{ relative: α }` for ρ = α·tr(Ā)/p·tr(B̄)/q at each refresh.
   */
  damping: DAMPING.default(0.03),
});

/** Options of a layer in {@link kfacMethod}. */
export interface KfacLayerOptions extends OptionsOf<typeof LAYER> {}

/** The options of {@link kfacMethod}. */
export const KFAC_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  ...LAYER.entries,
  /** Options of some layers in place of those of all: by names of layers, or a function of a layer. */
  overrides: overridesOf<KfacLayerOptions>(),
  /**
   * The kind of inverse: 'eigenbasis' (default) damps the Kronecker product itself; 'factored' damps each
   * factor, by two Cholesky factorisations, which is cheaper.
   */
  inverse: choice('eigenbasis', 'factored').default('eigenbasis'),
});

/** Options of {@link kfacMethod}. @interface */
export type KfacOptions = OptionsOf<typeof KFAC_OPTIONS>;

/**
 * KFAC, with Ā = E[xxᵀ] and B̄ = E[ddᵀ] over rows, d the per-example gradients (those of the mean
 * loss times the batch size), both bias-corrected moving averages:
 * - `eigenbasis`: Ā = Q_A diag(a) Q_Aᵀ, B̄ = Q_B diag(b) Q_Bᵀ, negative eigenvalues taken as 0,
 *   P = Q_B[(Q_BᵀGQ_A) ⊘ (b aᵀ + ρ)]Q_Aᵀ;
 * - `factored`: P = (B̄ + √ρ/π·I)⁻¹G(Ā + π√ρ·I)⁻¹ with π² = (tr Ā/p)/(tr B̄/q), π = 1 where a trace
 *   is 0.
 *
 * Per layer: 2(p² + q²) numbers of memory; observe O(m(p² + q²)), refresh O(p³ + q³), precondition
 * O(qp(p + q)). Of one-hot rows Ā is diagonal and Q_A = I: 2(p + q²), O(mq² + p), O(p + q³), O(q²p). Source: Martens and Grosse 2015 (arXiv:1503.05671), sections 4 and 6.3.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function kfacMethod(options: KfacOptions = {}): Method {
  const settings = KFAC_OPTIONS.read('kfac', options);
  checkOverrides('kfac', LAYER, settings.overrides);
  return {
    name: 'kfac',
    needs: { inputs: true, outputGradients: true },
    maxFailures: settings.maxFailures,
    description: describeMethod('kfac', KFAC_OPTIONS, settings),
    layers(shapes, dtype) {
      return settingsOfLayers('kfac', LAYER, settings, shapes, dtype).map((own, layer) => {
        const { decay } = own;
        const damping = new Damping(own.damping, dtype);
        const shape = shapes[layer];
        if (shape.rows === 'oneHot') {
          const diagonal = own.inverse === 'factored' ? diagonalFactored : diagonalEigenbasis;
          return diagonal(shape, damping, decay);
        }
        const statistics = factors(shape, decay);
        return own.inverse === 'factored'
          ? factored(shape, statistics, damping)
          : eigenbasis(shape, statistics, damping);
      });
    },
  };
}

/** Ā and B̄. */
function factors({ inputs: p, outputs: q }: LayerShape, decay: number): Statistic<'A' | 'B'>[] {
  return [activationMoment(p, movingAverage(decay)), gradientMoment(q, movingAverage(decay))];
}

/** P = Q_B[(Q_BᵀGQ_A) ⊘ (b aᵀ + ρ)]Q_Aᵀ of any two factors; eigenvalues up to `cutoff` count as 0. */
export function eigenbasis(
  { inputs: p, outputs: q }: LayerShape,
  statistics: readonly Statistic<'A' | 'B'>[],
  damping: Damping,
  cutoff = 0,
): Curvature {
  return curvature({
    ...damping.bounds,
    statistics,
    inverse: {
      rho: damping.part,
      QA: { rows: p, cols: p, check: elementsWithin(1) },
      a: { rows: p, cols: 1, check: checkNoNegative },
      QB: { rows: q, cols: q, check: elementsWithin(1) },
      b: { rows: q, cols: 1, check: checkNoNegative },
    },
    factorise({ A, B }, { workspace }) {
      const rho = damping.of((trace(A) / p) * (trace(B) / q));
      if (rho === undefined) return undefined;
      const [fromA, fromB] = [spectrum(A, cutoff, workspace), spectrum(B, cutoff, workspace)];
      return {
        inverse: { rho, QA: fromA.Q, a: fromA.values, QB: fromB.Q, b: fromB.values },
        found: { damping: rho },
      };
    },
    apply: (on, G, inverse, P) => applySpectral(on, G, inverse, inverse.rho, P),
  });
}

/** P ← Q_B[(Q_BᵀGQ_A) ⊘ (b aᵀ + ρ)]Q_Aᵀ. G and P are q×p, a is p×1 and b q×1. */
export function applySpectral<D extends DType>(
  on: Backend<D>,
  G: Slot<D>,
  { QA, a, QB, b }: Readonly<Record<'QA' | 'a' | 'QB' | 'b', Slot<D>>>,
  rho: number,
  P: Slot<D>,
): void {
  on.borrow((take) => {
    const T = take(G.rows, G.cols);
    const inEigenbases = take(G.rows, G.cols);
    on.gemm(1, QB, 'T', G, 'N', 0, T);
    on.gemm(1, T, 'N', QA, 'N', 0, inEigenbases);
    on.gemm(1, b, 'N', a, 'T', 0, P);
    on.divide(inEigenbases, P, rho, T);
    on.gemm(1, QB, 'N', T, 'N', 0, inEigenbases);
    on.gemm(1, inEigenbases, 'N', QA, 'T', 0, P);
  });
}

/** P = (B̄ + √ρ/π·I)⁻¹G(Ā + π√ρ·I)⁻¹ with π² = (tr Ā/p)/(tr B̄/q). */
function factored(
  { inputs: p, outputs: q }: LayerShape,
  statistics: readonly Statistic<'A' | 'B'>[],
  damping: Damping,
): Curvature {
  return curvature({
    ...damping.bounds,
    statistics,
    // Each times its damping, so that neither is larger than I, nor GR larger than G.
    inverse: {
      rho: damping.part,
      R: { rows: p, cols: p, check: elementsWithin(1.01) },
      L: { rows: q, cols: q, check: elementsWithin(1.01) },
    },
    factorise({ A, B }, { workspace }) {
      const [meanA, meanB] = [trace(A) / p, trace(B) / q];
      const rho = damping.of(meanA * meanB);
      if (rho === undefined) return undefined;
      const [pi, root] = [balance(meanA, meanB), Math.sqrt(rho)];
      const R = dampedFactor(A, pi * root, workspace);
      const L = dampedFactor(B, root / pi, workspace);
      return { inverse: { rho, R, L }, found: { damping: rho } };
    },
    apply(on, G, { rho, R, L }, P) {
      on.borrow((take) => {
        const GR = take(G.rows, G.cols);
        on.gemm(1, G, 'N', R, 'N', 0, GR);
        on.gemm(1 / rho, L, 'N', GR, 'N', 0, P);
      });
    },
  });
}
