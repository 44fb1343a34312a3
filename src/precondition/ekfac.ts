// EKFAC: KFAC's eigenbases, with second moments of the gradients in them (George et al. 2018).

import type { Slot } from '../backend/backend.js';
import type { DType } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import { convert, type DenseMatrix, largestMagnitude, zeros } from '../core/matrix.js';
import { type OptionsOf, optionList } from '../core/options.js';
import { trace } from '../kernels/level1.js';
import { movingAverage, type Seen, type Statistic } from '../rows/accumulator.js';
import { projectedSquares } from '../rows/projected-squares.js';
import { activationMoment } from '../rows/second-moment.js';
import { DAMPING, Damping } from './damping.js';
import { diagonalFactors, meanOf } from './diagonal.js';
import { gradientMoment, spectrum } from './kronecker.js';
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

/** Options of a layer in {@link ekfacMethod}. */
export interface EkfacLayerOptions extends OptionsOf<typeof LAYER> {}

/** The options of {@link ekfacMethod}. */
export const EKFAC_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  ...LAYER.entries,
  /** Options of some layers in place of those of all: by names of layers, or a function of a layer. */
  overrides: overridesOf<EkfacLayerOptions>(),
});

/** Options of {@link ekfacMethod}. @interface */
export type EkfacOptions = OptionsOf<typeof EKFAC_OPTIONS>;

/**
 * EKFAC: with the eigenbases of KFAC's Ā = Q_A diag(a) Q_Aᵀ and B̄ = Q_B diag(b) Q_Bᵀ, negative eigenvalues
 * taken as 0, P = Q_B[(Q_BᵀGQ_A) ⊘ (s + ρ)]Q_Aᵀ, where s (q×p) are the second moments of the gradients of
 * the examples in these bases:
 * - a refresh makes the bases and s = b aᵀ, KFAC's own;
 * - every batch that is observed from then on makes
 *   s ← βs + (1−β)·((DQ_B)²)ᵀ((XQ_A)²)/m, D the gradients of the examples, squares element by element; where
 *   β = 1 the newest of t batches weighs 1/t.
 *
 * Of all diagonal matrices in these bases, the mean of such squares is the one nearest to the second moment
 * of the gradients in the Frobenius norm. Where every observation is followed by a refresh, this is KFAC. On a
 * device, where nobody looks for NaN before a refresh reads, a batch that holds one reaches s at once, and is gone
 * with the next good refresh.
 *
 * Per layer: 2(p² + q²) + qp numbers of memory; observe O(m(p² + q² + pq)), refresh O(p³ + q³), precondition
 * O(qp(p + q)). Of one-hot rows Ā is diagonal and Q_A = I: p + 2q² + qp, O(m(q² + q·min(m, p)) + qp),
 * O(p + q³ + qp), O(q²p). Source: George et al. 2018 (arXiv:1806.03884), Algorithm 1, with a running average in
 * each basis.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function ekfacMethod(options: EkfacOptions = {}): Method {
  const settings = EKFAC_OPTIONS.read('ekfac', options);
  checkOverrides('ekfac', LAYER, settings.overrides);
  return {
    name: 'ekfac',
    needs: { inputs: true, outputGradients: true, products: true },
    maxFailures: settings.maxFailures,
    description: describeMethod('ekfac', EKFAC_OPTIONS, settings),
    layers(shapes, dtype) {
      return settingsOfLayers('ekfac', LAYER, settings, shapes, dtype).map((own, layer) => {
        const { decay } = own;
        const damping = new Damping(own.damping, dtype);
        const shape = shapes[layer];
        return shape.rows === 'oneHot'
          ? ofOneHotRows(shape, damping, decay)
          : ofDenseRows(shape, damping, decay);
      });
    },
  };
}

function ofDenseRows(
  { inputs: p, outputs: q }: LayerShape,
  damping: Damping,
  decay: number,
): Curvature {
  const statistics: Statistic<'A' | 'B'>[] = [
    activationMoment(p, movingAverage(decay)),
    gradientMoment(q, movingAverage(decay)),
  ];
  return curvature({
    ...damping.bounds,
    statistics,
    inverse: {
      rho: damping.part,
      QA: { rows: p, cols: p, check: elementsWithin(1) },
      QB: { rows: q, cols: q, check: elementsWithin(1) },
      s: { rows: q, cols: p, check: checkNoNegative },
    },
    factorise({ A, B }, { workspace }) {
      const rho = damping.of((trace(A) / p) * (trace(B) / q));
      if (rho === undefined) return undefined;
      const [fromA, fromB] = [spectrum(A, 0, workspace), spectrum(B, 0, workspace)];
      const s = outer(fromB.values, fromA.values);
      return { inverse: { rho, QA: fromA.Q, QB: fromB.Q, s }, found: { damping: rho } };
    },
    amend: (seen, { QA, QB, s }) => addSquares(seen, QA, QB, decay, s),
    apply(on, G, { rho, QA, QB, s }, P) {
      on.borrow((take) => {
        const [T, inBases] = [take(q, p), take(q, p)];
        on.gemm(1, QB, 'T', G, 'N', 0, T);
        on.gemm(1, T, 'N', QA, 'N', 0, inBases);
        on.divide(inBases, s, rho, T);
        on.gemm(1, QB, 'N', T, 'N', 0, inBases);
        on.gemm(1, inBases, 'N', QA, 'T', 0, P);
      });
    },
  });
}

/** The same where Ā = diag(ā), whose eigenvectors are the columns of I. */
function ofOneHotRows(shape: LayerShape, damping: Damping, decay: number): Curvature {
  const { inputs: p, outputs: q } = shape;
  return curvature({
    ...damping.bounds,
    statistics: diagonalFactors(shape, decay),
    inverse: {
      rho: damping.part,
      QB: { rows: q, cols: q, check: elementsWithin(1) },
      s: { rows: q, cols: p, check: checkNoNegative },
    },
    factorise({ a, B }, { workspace }) {
      const rho = damping.of(meanOf(a) * (trace(B) / q));
      if (rho === undefined) return undefined;
      const { Q, values } = spectrum(B, 0, workspace);
      return { inverse: { rho, QB: Q, s: outer(values, a) }, found: { damping: rho } };
    },
    amend: (seen, { QB, s }) => addSquares(seen, undefined, QB, decay, s),
    apply(on, G, { rho, QB, s }, P) {
      on.borrow((take) => {
        const [T, quotients] = [take(q, p), take(q, p)];
        on.gemm(1, QB, 'T', G, 'N', 0, T);
        on.divide(T, s, rho, quotients);
        on.gemm(1, QB, 'N', quotients, 'N', 0, P);
      });
    },
  });
}

/** s ← βs + (1−β)·((DQ_B)²)ᵀ((XQ_A)²)/m, D the gradients of the examples; where β = 1 the batch weighs 1/t. */
function addSquares<D extends DType>(
  { X, D, examples, updates }: Seen<D>,
  QA: Slot<D> | undefined,
  QB: Slot<D>,
  decay: number,
  s: Slot<D>,
): void {
  const fresh = decay === 1 ? 1 / updates : 1 - decay;
  projectedSquares(X, D, { QA, QB }, (fresh * examples ** 2) / X.count, 1 - fresh, s);
}

/**
 * b aᵀ of two lists, each in a row or a column.
 *
 * @throws NonFiniteError where a product leaves the range of the dtype.
 */
function outer<D extends DType>(b: DenseMatrix<D>, a: DenseMatrix<D>): DenseMatrix<D> {
  const products = zeros('float64', b.rows * b.cols, a.rows * a.cols);
  for (let i = 0; i < products.rows; i++) {
    for (let j = 0; j < products.cols; j++) products.set(i, j, element(b, i) * element(a, j));
  }
  const rounded = convert(products, b.dtype);
  if (Number.isFinite(largestMagnitude(rounded))) return rounded;
  throw new NonFiniteError('the second moment of the gradients');
}

function element(list: DenseMatrix, k: number): number {
  return list.rows === 1 ? list.at(0, k) : list.at(k, 0);
}
