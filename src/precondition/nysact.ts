// NysAct: P = G(Â + ρI)⁻¹ with Â the eigenvalue-shifted Nyström approximation of rank r.

import type { Backend, Slot } from '../backend/backend.js';
import type { DType } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import { copyInto, type DenseMatrix, zeros } from '../core/matrix.js';
import {
  choice,
  flag,
  guarded,
  integer,
  nonNegative,
  type OptionsOf,
  optionList,
  type SettingsOf,
} from '../core/options.js';
import { residualOf, warningsOf } from '../nystrom/certificate.js';
import { type Eigenpairs, nystromEigenpairs } from '../nystrom/factor.js';
import { effectiveDimension, lowRankInverse } from '../nystrom/inverse.js';
import { momentTrace, sketchedMoment } from '../nystrom/sketched-moment.js';
import { movingAverage, type Statistic } from '../rows/accumulator.js';
import { activationDiagonal } from '../rows/second-moment.js';
import { SKETCH_KINDS } from '../sketch/distributions.js';
import { DAMPING, Damping } from './damping.js';
import { exactCurvature } from './foof.js';
import {
  type Curvature,
  curvature,
  type LayerShape,
  type Method,
  type Sketching,
} from './method.js';
import {
  checkNoNegative,
  DECAY,
  describeMethod,
  elementsWithin,
  METHOD_OPTIONS,
} from './options.js';
import { checkOverrides, overridesOf, settingsOfLayers } from './overrides.js';
import { defaultOversampling, firstRank, nextRank, RANK } from './rank.js';
import {
  checkRank,
  checkWindows,
  FOLLOWING,
  isSource,
  sketchedWindows,
  WINDOWS,
  type WindowSource,
  windowSource,
} from './sketching.js';

/** The options of a layer. */
export const NYSACT_LAYER = optionList({
  ...DECAY.entries,
  /**
   * The rank r ≥ 1 (default 10), or `{ residual, max }` for the least that leaves at most this part of tr A unseen,
   * beginning with 10. Layers of p ≤ r inputs, or of one-hot rows, get the exact inverse instead.
   */
  rank: RANK.default(10),
  /** The damping ρ > 0 (default 1), or `{ relative: α }` for ρ = α·tr(Ā)/p at each refresh. */
  damping: DAMPING.default(1),
  ...WINDOWS.entries,
  /** The eigenvalue shift ν: 'tiny' (default) is at rounding level, 'damping' is ρ, or ν itself. */
  shift: choice('tiny', 'damping').or(nonNegative).default('tiny'),
  /** Let the discarded spectrum count, see `InverseOptions.trace` (default false). */
  tail: flag.default(false),
});

/** Options of a layer in {@link nysactMethod}. */
export interface NysactLayerOptions extends OptionsOf<typeof NYSACT_LAYER> {}

/** The options of {@link nysactMethod}. */
export const NYSACT_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  ...NYSACT_LAYER.entries,
  /**
   * The sketch: 'gaussian' (default) for NysAct-G; 'subcolumn' for NysAct-S; 'diagonal' for columns with
   * probability in proportion to the diagonal of Ā over the last window; 'power' for a Gaussian one that the
   * first batch of every window turns towards its leading eigenvectors; or one's own source.
   */
  sketch: choice(...SKETCH_KINDS, ...FOLLOWING)
    .or(guarded('a function that gives sketches', isSource))
    .default('gaussian'),
  /** Seed of the sketches, a non-negative integer (default 0). */
  seed: integer().default(0),
  /** Options of some layers in place of those of all: by names of layers, or a function of a layer. */
  overrides: overridesOf<NysactLayerOptions>(),
});

/** Options of {@link nysactMethod}. @interface */
export type NysactOptions = OptionsOf<typeof NYSACT_OPTIONS>;

/**
 * NysAct: P = G(Â + ρI)⁻¹ where Â approximates the moving average Ā of XᵀX/m from its sketch
 * C = ĀS of r columns; Ā itself is never formed.
 *
 * S is held over a window, so that C really is ĀS. C is averaged with its own bias correction, and
 * factorised with a shift of rounding size (see {@link nystromEigenpairs}). A layer with p ≤ r gets the
 * exact inverse, and so does one of one-hot rows, of which Ā is diagonal.
 *
 * `diagnostics` has `residual`, the part of tr A that Â has not seen, which bounds its error for certain (see
 * {@link residualOf}), `conditioning`, λ̂₁/ρ, and a warning where that leaves P few digits.
 *
 * Per layer: 3pr + 1 numbers of memory (2pr + 1 for subcolumns that do not track; p more for 'diagonal', 2ps
 * for s columns of oversampling); observe O(mpr), refresh O(pr² + r³), precondition O(qpr); for 'power' another
 * O(mpr + pr²) in the first observation of a window, which takes S = orth(A_bS) of its batch.
 * Source: NysAct, Algorithm 1; departures in docs/departures.md.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function nysactMethod(options: NysactOptions = {}): Method {
  const settings = NYSACT_OPTIONS.read('nysact', options);
  checkOverrides('nysact', NYSACT_LAYER, settings.overrides);
  if (settings.overrides === undefined) checkWindows('nysact', settings, settings.sketch);
  const { sketch, seed, maxFailures } = settings;
  const source = windowSource(sketch, seed);
  return {
    name: typeof sketch === 'string' ? `nysact-${sketch}` : 'nysact',
    needs: { inputs: true },
    maxFailures,
    description: describeMethod('nysact', NYSACT_OPTIONS, settings),
    layers(shapes, dtype) {
      return settingsOfLayers('nysact', NYSACT_LAYER, settings, shapes, dtype).map((own, layer) =>
        shapes[layer].inputs <= firstRank(own.rank) || shapes[layer].rows === 'oneHot'
          ? exactCurvature(shapes[layer], new Damping(own.damping, dtype), own.decay)
          : sketched(shapes[layer], layer, own, source, dtype),
      );
    },
  };
}

/** What is sketched of a layer, and which root of its inverse is taken. */
export interface Sketched {
  readonly root: 1 | 2;
  /** The statistic that has the place of one of XᵀX/m. */
  of<Name extends string>(this: void, statistic: Statistic<Name>): Statistic<Name>;
}

/** XᵀX/m itself, and its inverse. */
const ACTIVATIONS: Sketched = { root: 1, of: (statistic) => statistic };

/**
 * P = G(Â + ρI)⁻¹, or with a root of it, for one layer, at a rank that is given or that its data choose.
 *
 * @throws RangeError where the rank follows the data under a policy that cannot.
 */
export function sketched(
  { inputs }: LayerShape,
  layer: number,
  own: SettingsOf<typeof NYSACT_LAYER>,
  source: WindowSource,
  dtype: DType,
  what: Sketched = ACTIVATIONS,
): Curvature {
  const { rank } = own;
  const damping = new Damping(own.damping, dtype, what.root);
  const at = (now: number, choose?: Parts['choose']): Curvature => {
    const { oversample = defaultOversampling(rank, now) } = own;
    const shape = { inputs, width: Math.min(now + oversample, inputs) };
    const settings = { ...own, rank: now, oversample, adapts: choose !== undefined };
    const windows = sketchedWindows(shape, layer, settings, source);
    return ofRank(now, own, { what, damping, windows, weighs: source.weighs, choose });
  };
  if (typeof rank === 'number') return at(rank);
  checkRank('nysact', own.policy, rank);
  const most = Math.min(rank.max, inputs);
  const chosen = (now: number) =>
    at(now, (values, total) => nextRank(values, total, rank.residual, now, most));
  return { ...chosen(firstRank(rank)), ranks: { most, of: chosen } };
}

/** What the curvature of a layer is made of, beside its settings. */
interface Parts {
  readonly what: Sketched;
  readonly damping: Damping;
  readonly windows: Sketching;
  /** Whether the windows ask for the diagonal of Ā. */
  readonly weighs: boolean;
  /** The next rank, of all eigenvalues and tr A; undefined where the rank stays. */
  readonly choose: ((eigenvalues: Float64Array, total: number) => number) | undefined;
}

/** P = G(Â + ρI)⁻¹, or with a root of it, at one rank. */
function ofRank(
  rank: number,
  { decay, shift, tail }: SettingsOf<typeof NYSACT_LAYER>,
  { what, damping, windows, weighs, choose }: Parts,
): Curvature {
  const { inputs, width } = windows.shape;
  const { root } = what;
  /** Whoever chooses a rank looks at all that the sketch has shown. */
  const found = choose === undefined ? rank : width;
  return curvature({
    ...damping.bounds,
    statistics: [
      what.of(sketchedMoment(windows.shape, decay)),
      what.of(momentTrace(decay)),
      ...(weighs
        ? [what.of(activationDiagonal(inputs, movingAverage(decay, checkNoNegative)))]
        : []),
    ],
    sketch: windows,
    rank,
    inverse: {
      V: { rows: inputs, cols: rank, check: elementsWithin(Math.sqrt(damping.bounds.gain)) },
      c: damping.part,
    },
    factorise: ({ C, trace }, { dtype, sketch, workspace }) =>
      workspace.scope(() => {
        const total = trace.at(0, 0);
        if (!Number.isFinite(total)) throw new NonFiniteError('the trace of the second moment');
        const rho = damping.of(total / inputs);
        if (rho === undefined) return undefined;
        const isFollowed = windows.closes === 'factored';
        const U = isFollowed
          ? zeros('float64', inputs, found)
          : workspace.take('float64', inputs, found);
        const start = shift === 'damping' ? rho : shift;
        const factor = nystromEigenpairs(C, sketch, { rank: found, shift: start, U }, workspace);
        const next = choose?.(factor.eigenvalues, total) ?? rank;
        const pairs = leading(factor, next);
        const seen = tail ? { damping: rho, trace: total, root } : { damping: rho, root };
        const { V, c } = lowRankInverse(pairs, dtype, seen);
        const { shift: nu, retries, eigenvalues } = pairs;
        return {
          inverse: { V: widened(V, next), c },
          found: {
            damping: rho,
            shift: nu,
            retries,
            eigenvalues,
            effectiveDimension: effectiveDimension(eigenvalues, rho),
            residual: residualOf(eigenvalues, total),
            conditioning: eigenvalues[0] / rho,
          },
          // What cancels is of the size of the roots.
          warnings: warningsOf(root === 1 ? eigenvalues : eigenvalues.map(Math.sqrt), c, dtype),
          rank: next,
          ...(isFollowed ? { factor } : {}),
        };
      }),
    apply: (on, G, { V, c }, P) => applyLowRank(on, G, V, c, P),
  });
}

/** At most so many of the eigenpairs, the largest. */
function leading(pairs: Eigenpairs, rank: number): Eigenpairs {
  const { U, eigenvalues } = pairs;
  if (rank >= U.cols) return pairs;
  return {
    ...pairs,
    U: U.view(0, 0, U.rows, rank),
    eigenvalues: eigenvalues.slice(0, rank),
  };
}

/** V with columns of zeros up to `cols`, where there are none yet. */
function widened<D extends DType>(V: DenseMatrix<D>, cols: number): DenseMatrix<D> {
  if (V.cols === cols) return V;
  const wide = zeros(V.dtype, V.rows, cols);
  copyInto(V, wide.view(0, 0, V.rows, V.cols));
  return wide;
}

/** P ← G/c − (GV)Vᵀ. G and P are q×p, V is p×r. */
export function applyLowRank<D extends DType>(
  on: Backend<D>,
  G: Slot<D>,
  V: Slot<D>,
  c: number,
  P: Slot<D>,
): void {
  on.borrow((take) => {
    const GV = take(G.rows, V.cols);
    on.gemm(1, G, 'N', V, 'N', 0, GV);
    on.axpby(1 / c, G, 0, P);
    on.gemm(-1, GV, 'N', V, 'T', 1, P);
  });
}
