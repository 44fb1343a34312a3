// SKFAC: KFAC of one batch, inverted through its examples (Tang et al. 2021).

import type { DType } from '../core/dtype.js';
import { convert, copyInto, type DenseMatrix } from '../core/matrix.js';
import { integer, type OptionsOf, optionList } from '../core/options.js';
import type { Workspace } from '../core/workspace.js';
import { gemm } from '../kernels/gemm.js';
import { frobeniusNorm } from '../kernels/level1.js';
import { trsm } from '../kernels/trsm.js';
import { addToDiagonal, choleskyInPlace } from '../linalg/cholesky.js';
import { movingAverage, type Statistic } from '../rows/accumulator.js';
import { exampleMeans, examplesOf } from '../rows/example-means.js';
import { DAMPING, Damping } from './damping.js';
import { type Curvature, curvature, type LayerShape, type Method } from './method.js';
import { describeMethod, elementsWithin, MAX_FAILURES } from './options.js';
import { checkOverrides, overridesOf, settingsOfLayers } from './overrides.js';

/** The options of a layer. */
const LAYER = optionList({
  /**
   * The damping λ > 0 (default 0.03), or `{ relative: α }` for λ = α·tr(A)/p·tr(B)/q at each refresh.
   */
  damping: DAMPING.default(0.03),
});

/** Options of a layer in {@link skfacMethod}. */
export interface SkfacLayerOptions extends OptionsOf<typeof LAYER> {}

/** The options of {@link skfacMethod}. */
export const SKFAC_OPTIONS = optionList({
  ...MAX_FAILURES.entries,
  ...LAYER.entries,
  /** Examples of a batch that count at most, its first: there is memory for so many (default 128). */
  examples: integer(1).default(128),
  /** Options of some layers in place of those of all: by names of layers, or a function of a layer. */
  overrides: overridesOf<SkfacLayerOptions>(),
});

/** Options of {@link skfacMethod}. @interface */
export type SkfacOptions = OptionsOf<typeof SKFAC_OPTIONS>;

/**
 * SKFAC: KFAC with the factors of the last batch alone, A = X̄ᵀX̄ and B = D̄ᵀD̄. X̄ (n×p) has a row for each
 * example, its mean over the positions of a convolution or the tokens of a sequence, over √n; D̄ (n×q) is the
 * same of the gradients of the examples. Damped by √λ each, the factors are inverted through matrices of n×n,
 *
 * (A + √λI)⁻¹ = (I − X̄ᵀ(X̄X̄ᵀ + √λI)⁻¹X̄)/√λ, B alike, and P = (B + √λI)⁻¹G(A + √λI)⁻¹,
 *
 * by Cholesky factorisations LLᵀ of X̄X̄ᵀ + √λI: with V = L⁻¹X̄ the inverse is (I − VᵀV)/√λ.
 *
 * A batch may have any number of examples: of more than the option `examples`, the first so many count.
 * Rows say which example each is of (`exampleOf`), those of one example one after the other or not. Where they
 * do not, an example is m/n rows in succession if that is a whole number and no row is weighted; else every row
 * is one by itself. Under weights an example's mean is over its rows with these, and in place of 1/n its share
 * is the largest of them over the sum of those of all examples: a mask of zeros and ones takes the rows that
 * count, and what is left of each sequence counts alike.
 *
 * Per layer, with n = `examples`: 2n(p + q) numbers of memory; observe O(mn(p + q)), refresh O(n²(n + p + q)),
 * precondition O(nqp). Source: Tang et al. 2021 (SKFAC, CVPR).
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function skfacMethod(options: SkfacOptions = {}): Method {
  const settings = SKFAC_OPTIONS.read('skfac', options);
  checkOverrides('skfac', LAYER, settings.overrides);
  return {
    name: 'skfac',
    needs: { inputs: true, outputGradients: true },
    maxFailures: settings.maxFailures,
    description: describeMethod('skfac', SKFAC_OPTIONS, settings),
    layers(shapes, dtype) {
      return settingsOfLayers('skfac', LAYER, settings, shapes, dtype).map(({ damping }, layer) =>
        ofExamples(shapes[layer], new Damping(damping, dtype), settings.examples),
      );
    },
  };
}

function ofExamples(
  { inputs: p, outputs: q }: LayerShape,
  damping: Damping,
  examples: number,
): Curvature {
  return curvature({
    ...damping.bounds,
    statistics: lastExamples(p, q, examples),
    inverse: {
      lambda: damping.part,
      VA: { rows: examples, cols: p, check: elementsWithin(1) },
      VB: { rows: examples, cols: q, check: elementsWithin(1) },
    },
    factorise({ X, D }, { workspace }) {
      const lambda = damping.of((frobeniusNorm(X) ** 2 / p) * (frobeniusNorm(D) ** 2 / q));
      if (lambda === undefined) return undefined;
      const root = Math.sqrt(lambda);
      const [VA, VB] = [whitened(X, root, workspace), whitened(D, root, workspace)];
      return { inverse: { lambda, VA, VB }, found: { damping: lambda } };
    },
    apply(on, G, { lambda, VA, VB }, P) {
      on.borrow((take) => {
        const [GV, GA, VG] = [take(q, examples), take(q, p), take(examples, p)];
        on.gemm(1, G, 'N', VA, 'T', 0, GV);
        on.axpby(1, G, 0, GA);
        on.gemm(-1, GV, 'N', VA, 'N', 1, GA);
        on.gemm(1, VB, 'N', GA, 'N', 0, VG);
        on.axpby(1 / lambda, GA, 0, P);
        on.gemm(-1 / lambda, VB, 'T', VG, 'N', 1, P);
      });
    },
  });
}

/** X̄ and D̄ of the last batch. */
function lastExamples(p: number, q: number, examples: number): Statistic<'X' | 'D'>[] {
  const last = { rows: examples, average: movingAverage(0), per: 'batch' } as const;
  return [
    {
      ...last,
      name: 'X',
      cols: p,
      of: ({ X, examples: n }, weight, _, Y) => exampleMeans(X, examplesOf(X, n), weight, Y),
    },
    {
      ...last,
      name: 'D',
      cols: q,
      of: ({ X, D, examples: n }, weight, _, Y) => exampleMeans(D, examplesOf(X, n), weight * n, Y),
    },
  ];
}

/** V = L⁻¹X with LLᵀ = XXᵀ + root·I, so that (XᵀX + root·I)⁻¹ = (I − VᵀV)/root. Cost: O(n²(n + p)). */
function whitened<D extends DType>(
  X: DenseMatrix<D>,
  root: number,
  workspace: Workspace,
): DenseMatrix<D> {
  return workspace.scope(() => {
    const V = workspace.take('float64', X.rows, X.cols);
    const gram = workspace.take('float64', X.rows, X.rows);
    copyInto(X, V);
    gemm(1, V, 'N', V, 'T', 0, gram);
    addToDiagonal(gram, root);
    choleskyInPlace(gram);
    trsm('left', 'N', 1, gram, V);
    return convert(V, X.dtype);
  });
}
