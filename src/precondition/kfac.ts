// KFAC: both Kronecker factors, A of the activations and B of the pre-activation gradients
// (Martens and Grosse 2015).

import { type Engine, type SpectralFactor, upload } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import { type StateEntry, type Stateful, scoped } from '../backend/state.js';
import {
  checkChoice,
  checkDecay,
  checkFraction,
  checkInteger,
  checkOptions,
  checkPositive,
} from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { convert, DenseMatrix, identity } from '../core/matrix.js';
import type { Workspace } from '../core/workspace.js';
import { type Average, MovingAverage } from '../covariance/moving-average.js';
import { IdentityAverage } from '../covariance/reference-averages.js';
import { scale } from '../kernels/level1.js';
import { eigh } from '../linalg/eigh.js';
import { checkDamping } from '../nystrom/inverse.js';
import { dampedInverse } from './foof.js';
import {
  checkObservation,
  type Diagnostics,
  gradientsOf,
  type LayerPreconditioner,
  type LayerShape,
  type Observation,
  type Preconditioner,
} from './preconditioner.js';
import { DEFAULT_MAX_FAILURES, RefreshDriver } from './refresh.js';

/** Up to this the published code takes an eigenvalue as 0. */
const REFERENCE_CUTOFF = 1e-10;

/** Options of {@link kfacPreconditioner}. */
export interface KfacOptions {
  /** ρ > 0 (default 0.03). */
  readonly damping?: number;
  /** β of the moving averages (default 0.95), in [0, 1): 1, the plain mean, is for 'corrected' only. */
  readonly decay?: number;
  /**
   * 'eigenbasis' (default) damps the Kronecker product itself; 'factored' damps each factor, by two
   * Cholesky factorisations, which is cheaper.
   */
  readonly inverse?: 'eigenbasis' | 'factored';
  /** 'corrected' (default) or 'reference': what the paper's published code computes (eigenbasis). */
  readonly variant?: 'corrected' | 'reference';
  /** Breakdowns in a row that are survived before an error (default 5). */
  readonly maxFailures?: number;
}

/**
 * KFAC, with Ā = E[xxᵀ] and B̄ = E[ddᵀ] over rows, d the per-example gradients (those of the mean
 * loss times the batch size), both bias-corrected moving averages:
 * - `eigenbasis`: Ā = Q_A diag(a) Q_Aᵀ, B̄ = Q_B diag(b) Q_Bᵀ, negative eigenvalues taken as 0,
 *   P = Q_B[(Q_BᵀGQ_A) ⊘ (b aᵀ + ρ)]Q_Aᵀ;
 * - `factored`: P = (B̄ + √ρ/π·I)⁻¹G(Ā + π√ρ·I)⁻¹ with π² = (tr Ā/p)/(tr B̄/q), π = 1 where a trace
 *   is 0.
 *
 * `reference` reproduces the code published with the NysAct paper: averages from I without bias
 * correction, gradients of the mean loss without the batch size (so B is (batch)² too small), and
 * eigenvalues up to 1e-10 taken as 0.
 *
 * Per layer: 2(p² + q²) numbers of memory; observe O(m(p² + q²)), refresh O(p³ + q³), precondition
 * O(qp(p + q)). Source: Martens and Grosse 2015 (arXiv:1503.05671), sections 4 and 6.3.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function kfacPreconditioner(options: KfacOptions = {}): Preconditioner {
  checkOptions('kfac', options);
  const { damping = 0.03, decay = 0.95, inverse = 'eigenbasis', variant = 'corrected' } = options;
  const { maxFailures = DEFAULT_MAX_FAILURES } = options;
  checkPositive('kfac', 'damping', damping);
  checkChoice('kfac', 'inverse', inverse, ['eigenbasis', 'factored']);
  checkChoice('kfac', 'variant', variant, ['corrected', 'reference']);
  const reference = variant === 'reference';
  if (reference) checkFraction('kfac', 'decay', decay);
  else checkDecay('kfac', 'decay', decay);
  checkInteger('kfac', 'maxFailures', maxFailures, 1);
  if (reference && inverse === 'factored') {
    throw new RangeError(
      "kfac: inverse is 'factored', the reference variant has 'eigenbasis' only",
    );
  }
  const cutoff = reference ? REFERENCE_CUTOFF : 0;
  return {
    name: 'kfac',
    observesGradients: true,
    gain: 1 / damping,
    init<D extends DType>(engine: Engine<D>, layers: readonly LayerShape[]) {
      checkDamping('kfac', damping, engine.dtype);
      const average = (size: number): Average<D> =>
        reference
          ? new IdentityAverage(engine, size, decay)
          : new MovingAverage(engine, size, size, decay);
      return layers.map(
        (layer) =>
          new KfacLayer(engine, layer, {
            A: average(layer.inputs),
            B: average(layer.outputs),
            scalesByExamples: !reference,
            maxFailures,
            inverse:
              inverse === 'factored'
                ? factoredInverse(engine, layer, damping)
                : eigenbasisInverse(engine, layer, damping, cutoff),
          }),
      );
    },
  };
}

/** (B ⊗ A + ρI)⁻¹, exactly or nearly. */
interface KroneckerInverse<D extends DType> extends Stateful<D> {
  /** Factorises A and B, changing nothing, and returns what puts the result in place. */
  factorise(A: DenseMatrix<D>, B: DenseMatrix<D>, workspace: Workspace): () => void;
  apply(G: Slot<D>, P: Slot<D>): void;
}

interface KfacLayerOptions<D extends DType> {
  readonly A: Average<D>;
  readonly B: Average<D>;
  /** Whether D is scaled to per-example gradients. */
  readonly scalesByExamples: boolean;
  readonly maxFailures: number;
  readonly inverse: KroneckerInverse<D>;
}

class KfacLayer<D extends DType> implements LayerPreconditioner<D> {
  readonly #engine: Engine<D>;
  readonly #layer: LayerShape;
  readonly #options: KfacLayerOptions<D>;
  readonly #refresh: RefreshDriver<D>;

  constructor(engine: Engine<D>, layer: LayerShape, options: KfacLayerOptions<D>) {
    this.#engine = engine;
    this.#layer = layer;
    this.#options = options;
    this.#refresh = new RefreshDriver(engine, `layer '${layer.name}'`, options.maxFailures);
  }

  observe(observation: Observation<D>): void {
    checkObservation(this.#layer, observation);
    const D = gradientsOf(this.#layer, observation);
    const { X, rows, examples } = observation;
    const { A, B, scalesByExamples } = this.#options;
    const scaling = scalesByExamples ? examples ** 2 : 1;
    A.update(rows, (weight, decay, slot) => this.#engine.secondMoment(X, weight, decay, slot));
    B.update(rows, (weight, decay, slot) =>
      this.#engine.secondMoment(D, weight * scaling, decay, slot),
    );
  }

  refresh(): void {
    const { A, B, inverse } = this.#options;
    if (A.updates === 0 || this.#refresh.inFlight) return;
    const corrections = [A.correction, B.correction];
    this.#refresh.run({
      reads: [A.slot, B.slot],
      compute: ([MA, MB], workspace) => {
        scale(corrections[0], MA);
        scale(corrections[1], MB);
        return inverse.factorise(MA, MB, workspace);
      },
      discard: () => {
        A.reset();
        B.reset();
      },
    });
  }

  flush(): Promise<void> {
    return this.#refresh.flush();
  }

  precondition(G: Slot<D>, P: Slot<D>): void {
    this.#options.inverse.apply(G, P);
  }

  get diagnostics(): Diagnostics {
    return { failures: this.#refresh.failures };
  }

  get state(): readonly StateEntry<D>[] {
    const { A, B, inverse } = this.#options;
    return [
      ...scoped('A', A.state),
      ...scoped('B', B.state),
      ...scoped('inverse', inverse.state),
      ...scoped('refresh', this.#refresh.state),
    ];
  }
}

/** P = Q_B[(Q_BᵀGQ_A) ⊘ (b aᵀ + ρ)]Q_Aᵀ; eigenvalues up to `cutoff` count as 0. */
function eigenbasisInverse<D extends DType>(
  engine: Engine<D>,
  { inputs, outputs }: LayerShape,
  rho: number,
  cutoff: number,
): KroneckerInverse<D> {
  const zeroSpectrum = (size: number): SpectralFactor<D> => ({
    Q: upload(engine, identity(engine.dtype, size)),
    eigenvalues: engine.allocate(size, 1),
  });
  const [A, B] = [zeroSpectrum(inputs), zeroSpectrum(outputs)];
  const install = (
    { Q, eigenvalues }: SpectralFactor<D>,
    M: DenseMatrix<D>,
    workspace: Workspace,
  ) => {
    const found = eigh(M, {}, workspace);
    const kept = found.eigenvalues.map((value) => (value > cutoff ? value : 0));
    const column = convert(new DenseMatrix('float64', kept.length, 1, kept), M.dtype);
    return () => {
      engine.write(Q, found.vectors);
      engine.write(eigenvalues, column);
    };
  };
  return {
    factorise(MA, MB, workspace) {
      const installs = [install(A, MA, workspace), install(B, MB, workspace)];
      return () => {
        for (const write of installs) write();
      };
    },
    apply: (G, P) => engine.applySpectralInverse(G, A, B, rho, P),
    state: [
      { name: 'QA', slot: A.Q },
      { name: 'a', slot: A.eigenvalues },
      { name: 'QB', slot: B.Q },
      { name: 'b', slot: B.eigenvalues },
    ],
  };
}

/** P = (B + √ρ/π·I)⁻¹G(A + π√ρ·I)⁻¹ with π² = (tr A/p)/(tr B/q). */
function factoredInverse<D extends DType>(
  engine: Engine<D>,
  { inputs, outputs }: LayerShape,
  rho: number,
): KroneckerInverse<D> {
  const root = Math.sqrt(rho);
  const noCurvature = (size: number): Slot<D> => {
    const I = identity(engine.dtype, size);
    scale(1 / root, I);
    return upload(engine, I);
  };
  const [A, B] = [noCurvature(inputs), noCurvature(outputs)];
  return {
    factorise(MA, MB, workspace) {
      const [meanA, meanB] = [meanDiagonal(MA), meanDiagonal(MB)];
      const pi = meanA > 0 && meanB > 0 ? Math.sqrt(meanA / meanB) : 1;
      const inverseA = dampedInverse(MA, 1, pi * root, workspace);
      const inverseB = dampedInverse(MB, 1, root / pi, workspace);
      return () => {
        engine.write(A, inverseA);
        engine.write(B, inverseB);
      };
    },
    apply: (G, P) => engine.applyDenseInverse(G, A, B, P),
    state: [
      { name: 'A', slot: A },
      { name: 'B', slot: B },
    ],
  };
}

function meanDiagonal(A: DenseMatrix): number {
  let trace = 0;
  for (let i = 0; i < A.rows; i++) trace += A.at(i, i);
  return trace / A.rows;
}
