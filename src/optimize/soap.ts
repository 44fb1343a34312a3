// Adam in the eigenbases of Shampoo's factors, as a link (Vyas et al. 2024).

import type { Backend, Slot } from '../backend/backend.js';
import {
  Cell,
  ofParameters,
  type Pending,
  type RestoreGuard,
  type StateEntry,
  scoped,
} from '../backend/state.js';
import { checkInteger, checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { power } from '../core/elementary.js';
import { identity } from '../core/matrix.js';
import {
  fraction,
  integer,
  type OptionsOf,
  optionList,
  positive,
  type SettingsOf,
} from '../core/options.js';
import { checkRange } from '../core/range.js';
import { Workspace } from '../core/workspace.js';
import { frobeniusNorm } from '../kernels/level1.js';
import { eigh } from '../linalg/eigh.js';
import { checkNoNegative, elementsWithin, MAX_FAILURES } from '../precondition/options.js';
import { RefreshDriver } from '../precondition/refresh.js';
import { checkEpsilon, scaleByAdam } from './adam.js';
import { HeldBounds } from './held-bounds.js';
import { apart } from './partition.js';
import {
  gradientName,
  type ParameterShape,
  type Stage,
  type Transform,
  type TransformContext,
} from './transform.js';

/** The options of {@link scaleBySoap}. */
export const SCALE_BY_SOAP = /* @__PURE__ */ optionList({
  /** The decay β₁ of the first moment, in [0, 1) (default 0.95). */
  beta1: /* @__PURE__ */ fraction.default(0.95),
  /** The decay β₂ of the second moment and of Shampoo's factors, in [0, 1) (default 0.95). */
  beta2: /* @__PURE__ */ fraction.default(0.95),
  /** The summand ε > 0 of the denominator (default 1e-8). */
  epsilon: /* @__PURE__ */ positive.default(1e-8),
  /** The interval f between new eigenbases: at steps k with k mod f = 0 (default 10). */
  refreshEvery: /* @__PURE__ */ integer(1).default(10),
  /** The longest side that is rotated: of longer ones Q = I (default 1024). */
  maxDim: /* @__PURE__ */ integer(1).default(1024),
  ...MAX_FAILURES.entries,
});

/** Options of {@link scaleBySoap}. @interface */
export type ScaleBySoapOptions = OptionsOf<typeof SCALE_BY_SOAP>;

/**
 * SOAP's direction, at step t = 1, 2, … for every parameter r×c of more than one row and column, unless both sides
 * are longer than `maxDim`:
 *
 * M ← β₁M + (1−β₁)G, V ← β₂V + (1−β₂)(Q_LᵀGQ_R)², u ← Q_L[Q_LᵀM̂Q_R ⊘ (√V̂ + ε)]Q_Rᵀ with
 * M̂ = M/(1−β₁ᵗ), V̂ = V/(1−β₂ᵗ), and squares and roots element by element; then
 * L ← β₂L + (1−β₂)GGᵀ, R ← β₂R + (1−β₂)GᵀG, and every f steps, the first one included, Q_L and Q_R ←
 * the eigenvectors of L and R, in descending order of the eigenvalues. V is kept as it is then.
 *
 * Q_L = Q_R = I until the first ones are in place, of an L and an R that are not 0, so the first step is Adam's.
 * With them M, V and t of the parameter begin anew: V along the axes before may be far too small along these, and a
 * step many times as long as Adam's. All other parameters have Adam's direction, by the same β₁, β₂ and ε.
 *
 * Memory: 2rc + 2r² + 2c² numbers, without the squares of sides longer than `maxDim`. Cost of a step:
 * O(rc(r + c)), of new bases O(r³ + c³) on the host.
 *
 * Source: Vyas et al. 2024 (arXiv:2409.11321), Algorithm 3, with the eigenvectors themselves in the place of its
 * step of the power method, ε beside the root as in Adam, and a step taken where it only looks at a gradient.
 *
 * @throws RangeError or TypeError on a bad option, and as {@link scaleByAdam} does; PreconditionerError at a
 *   step after `maxFailures` refreshes in a row have failed.
 */
export function scaleBySoap(options: ScaleBySoapOptions = {}): Transform {
  const settings = SCALE_BY_SOAP.read('scaleBySoap', options);
  const { beta1, beta2, epsilon, maxDim } = settings;
  const isRotated = ({ rows, cols }: ParameterShape) =>
    rows > 1 && cols > 1 && Math.min(rows, cols) <= maxDim;
  return apart([rotatedAdam(settings), scaleByAdam({ beta1, beta2, epsilon })], ({ parameters }) =>
    parameters.map((shape) => (isRotated(shape) ? 0 : 1)),
  );
}

/** One side of a matrix: the average whose eigenvectors it is rotated by. */
interface Rotation<D extends DType> {
  /** L or R. */
  readonly factor: Slot<D>;
  readonly Q: Slot<D>;
}

/** Both sides of a matrix, undefined where Q = I. */
interface Sides<D extends DType> {
  readonly left: Rotation<D> | undefined;
  readonly right: Rotation<D> | undefined;
}

/** {@link scaleBySoap} of matrices that are rotated on one side at least. */
function rotatedAdam(settings: SettingsOf<typeof SCALE_BY_SOAP>): Transform {
  const { beta1, beta2, epsilon, refreshEvery, maxDim, maxFailures } = settings;
  return {
    description: { method: 'soap', ...settings },
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const { backend, parameters } = context;
      const { dtype } = backend;
      checkNonNegative('scaleBySoap', 'beta1', beta1, dtype);
      checkNonNegative('scaleBySoap', 'beta2', beta2, dtype);
      checkEpsilon('scaleBySoap', epsilon, dtype);
      const zeros = () => parameters.map(({ rows, cols }) => backend.allocate(rows, cols));
      const [m, v] = [zeros(), zeros()];
      const sides = parameters.map(
        ({ rows, cols }): Sides<D> => ({
          left: rotation(backend, rows, maxDim),
          right: rotation(backend, cols, maxDim),
        }),
      );
      const rotations = sides.flatMap(rotationsOf);
      const driver = new RefreshDriver(backend, 'soap', maxFailures);
      const pending = () => driver.inFlight;
      const ages = parameters.map(() => new Age(pending));
      const means = new HeldBounds(parameters.length, (index) => backend.bound?.(m[index]));
      const workspace = new Workspace();

      const refresh = (): void => {
        if (driver.inFlight !== undefined) return;
        driver.run({
          reads: rotations.map(({ factor }) => factor),
          compute(factors) {
            const bases = factors.map((factor) => eigh(factor, {}, workspace).vectors);
            const seen = new Set(rotations.filter((_, i) => frobeniusNorm(factors[i]) > 0));
            return () => {
              bases.forEach((Q, i) => {
                backend.write(rotations[i].Q, Q);
              });
              sides.forEach((own, index) => {
                if (rotationsOf(own).some((one) => seen.has(one))) ages[index].isFound.value = 1;
              });
            };
          },
          failed() {},
        });
      };

      return {
        state: [
          ...ofParameters('m', m),
          ...ofParameters('v', v, checkNoNegative),
          ...sides.flatMap((own, index) => statesOf(own, index, pending)),
          ...ages.flatMap(({ t, isFound, isTurned }, index) => [
            entryOf<D>(index, 't', t),
            entryOf<D>(index, 'isFound', isFound),
            entryOf<D>(index, 'isTurned', isTurned),
          ]),
          ...scoped('refresh', driver.state),
        ],
        bound: (updates) =>
          updates.map((size, index) => {
            const { rows, cols } = parameters[index];
            const norm = Math.sqrt(rows * cols) * size;
            // It bounds the elements of GGᵀ, and of the squares in whatever basis.
            const square = `the square of ${gradientName(context, index)}`;
            checkRange('scaleBySoap', square, norm ** 2, dtype);
            const mean = beta1 * means.at(index) + (1 - beta1) * size;
            means.propose(index, mean);
            // V is of other bases than M where these have changed, so ε alone keeps the quotient finite.
            return (Math.sqrt(rows * cols) * mean) / (1 - power(beta1, ages[index].next)) / epsilon;
          }),
        update(updates, step) {
          means.accept();
          updates.forEach((G, index) => {
            const { left, right } = sides[index];
            if (ages[index].turns) {
              for (const moment of [m[index], v[index]]) backend.axpby(0, moment, 0, moment);
            }
            const t = ages[index].advance();
            const [first, second] = [1 / (1 - power(beta1, t)), 1 / (1 - power(beta2, t))];
            backend.borrow((take) => {
              const [rotated, half, N] = [
                take(G.rows, G.cols),
                take(G.rows, G.cols),
                take(G.rows, G.cols),
              ];
              backend.axpby(1 - beta1, G, beta1, m[index]);
              rotate(backend, 'T', sides[index], G, half, rotated);
              backend.multiply(1 - beta2, rotated, rotated, beta2, v[index]);
              if (left !== undefined) {
                const GG = take(G.rows, G.rows);
                backend.gemm(1, G, 'N', G, 'T', 0, GG);
                backend.axpby(1 - beta2, GG, beta2, left.factor);
              }
              if (right !== undefined) backend.syrk(1 - beta2, G, beta2, right.factor);
              rotate(backend, 'T', sides[index], m[index], half, rotated);
              backend.divideByRoot(first, rotated, second, v[index], epsilon, N);
              rotate(backend, 'N', sides[index], N, half, step.gradients[index]);
            });
          });
          if (step.index % refreshEvery === 0) refresh();
          return step.gradients;
        },
        flush: () => driver.flush(),
        restored() {
          means.forget();
          driver.abandon();
        },
      };
    },
  };
}

/** How old the moments of a matrix are. They begin anew with its first bases. */
class Age {
  /** Steps that they are of. */
  readonly t = new Cell(0, checkInteger);
  /** Whether bases of factors that are not 0 are in place: 0 or 1. */
  readonly isFound: Cell;
  /** Whether the moments are of such bases: 0 or 1. */
  readonly isTurned = new Cell(0, checkBit);

  constructor(pending: Pending) {
    this.isFound = new Cell(0, checkBit, pending);
  }

  /** Whether they begin anew with the coming step. */
  get turns(): boolean {
    return this.isFound.value === 1 && this.isTurned.value === 0;
  }

  /** t of the coming step. */
  get next(): number {
    return this.turns ? 1 : this.t.value + 1;
  }

  /** Takes that step, and gives its t. */
  advance(): number {
    this.t.value = this.next;
    this.isTurned.value = this.isFound.value;
    return this.t.value;
  }
}

const checkBit: RestoreGuard<number> = (where, name, value) =>
  checkInteger(where, name, value, 0, 1);

/** Room for the average and the basis of a side of n, which begins as I. */
function rotation<D extends DType>(
  backend: Backend<D>,
  n: number,
  maxDim: number,
): Rotation<D> | undefined {
  if (n > maxDim) return undefined;
  const Q = backend.allocate(n, n);
  backend.write(Q, identity(backend.dtype, n));
  return { factor: backend.allocate(n, n), Q };
}

/** Y ← Q_LᵀXQ_R ('T'), or Q_LXQ_Rᵀ ('N'); `half` is overwritten. */
function rotate<D extends DType>(
  backend: Backend<D>,
  op: 'N' | 'T',
  { left, right }: Sides<D>,
  X: Slot<D>,
  half: Slot<D>,
  Y: Slot<D>,
): void {
  if (left === undefined) backend.axpby(1, X, 0, half);
  else backend.gemm(1, left.Q, op, X, 'N', 0, half);
  if (right === undefined) backend.axpby(1, half, 0, Y);
  else backend.gemm(1, half, 'N', right.Q, op === 'T' ? 'N' : 'T', 0, Y);
}

function rotationsOf<D extends DType>({ left, right }: Sides<D>): Rotation<D>[] {
  return [left, right].filter((side) => side !== undefined);
}

function statesOf<D extends DType>(
  { left, right }: Sides<D>,
  index: number,
  pending: Pending,
): StateEntry<D>[] {
  const entries = (side: Rotation<D> | undefined, factor: string, basis: string) =>
    side === undefined
      ? []
      : [
          entryOf<D>(index, factor, { slot: side.factor }),
          entryOf<D>(index, basis, { slot: side.Q, check: elementsWithin(1), pending }),
        ];
  return [...entries(left, 'L', 'QL'), ...entries(right, 'R', 'QR')];
}

/** A piece of the state of one matrix. */
function entryOf<D extends DType>(
  index: number,
  key: string,
  holds: StateEntry<D>['holds'],
): StateEntry<D> {
  return { name: `${key}${index}`, part: { of: 'parameter', index, key }, holds };
}
