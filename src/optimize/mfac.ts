// The inverse of the empirical Fisher matrix of the last gradients, as a link (Frantar et al. 2021).

import type { Backend, Slot, Take } from '../backend/backend.js';
import { sideBySide } from '../backend/side-by-side.js';
import { Spread } from '../backend/spread.js';
import { Cell, ofParameters, scoped } from '../backend/state.js';
import { checkInteger, checkInvertible, checkNonNegative } from '../core/check.js';
import { type DType, EPSILON, LARGEST } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import { integer, type OptionsOf, optionList, positive } from '../core/options.js';
import { checkRange } from '../core/range.js';
import { Workspace } from '../core/workspace.js';
import { trace } from '../kernels/level1.js';
import { dampedInverse } from '../precondition/dense-inverse.js';
import { elementsWithin, MAX_FAILURES } from '../precondition/options.js';
import { RefreshDriver } from '../precondition/refresh.js';
import type { Stage, Transform, TransformContext } from './transform.js';

/** The options of {@link scaleByMfac}. */
export const SCALE_BY_MFAC = /* @__PURE__ */ optionList({
  /** The number m ≥ 2 of gradients, that of the step included (default 32). */
  gradients: /* @__PURE__ */ integer(2).default(32),
  /** The damping λ > 0 (default 1e-3). */
  damping: /* @__PURE__ */ positive.default(1e-3),
  ...MAX_FAILURES.entries,
});

/** Options of {@link scaleByMfac}. @interface */
export type ScaleByMfacOptions = OptionsOf<typeof SCALE_BY_MFAC>;

/**
 * Times √eps·tr ΓΓᵀ: what mλ is at least. The roundings of ΓΓᵀ and K move z by some eps·tr/(mλ)·‖g‖, and gᵀz
 * may be as small as mλ/tr·‖g‖².
 */
const FLOOR = 2;

/**
 * M-FAC's direction over all parameters as one vector of d numbers: u ← F⁻¹g with
 * F = λI + (g₁g₁ᵀ + … + gₘgₘᵀ)/m of the last m gradients, the one of the step, g = gₘ, included; those from
 * before the first step count as 0.
 *
 * With Γ the n = m − 1 gradients before it (n×d) and K = (mλI + ΓΓᵀ)⁻¹, z = g − ΓᵀKΓg is λ times the inverse
 * without g applied to g, and u = z/(λ + gᵀz/m) by Sherman and Morrison. ΓΓᵀ is kept and given one new row a
 * step, Γg, which the product takes anyway. K is inverted on the host, by Cholesky.
 *
 * λ is at least 2√eps/m times the sum of their squared norms, tr ΓΓᵀ (eps is that of the dtype: 7e-4 of their
 * mean square in float32): with less, u could point uphill where gradients are large and alike.
 *
 * Γ and K belong together: the gradient of a step joins Γ when its K is in place. Where reads take time, and
 * nobody waits for them with `flush`, the gradients of the steps in between are left out.
 *
 * Memory: nd + 2n² numbers and d beside the state; while a step runs, d and what the largest parameter has. Cost of
 * a step: O(nd), and O(n³) on the host.
 *
 * Source: Frantar, Kurtic and Alistarh 2021 (arXiv:2107.03356), the dynamic algorithm.
 *
 * @throws RangeError or TypeError on a bad option; PreconditionerError at a step after K has broken down
 *   `maxFailures` times in a row, as where something is not finite.
 */
export function scaleByMfac(options: ScaleByMfacOptions = {}): Transform {
  const settings = SCALE_BY_MFAC.read('scaleByMfac', options);
  const { gradients: m, damping, maxFailures } = settings;
  const n = m - 1;
  return {
    description: { method: 'mfac', ...settings },
    init<D extends DType>({ backend, parameters }: TransformContext<D>): Stage<D> {
      const { dtype } = backend;
      checkInvertible('scaleByMfac', 'damping', damping, dtype);
      const like = () => parameters.map(({ rows, cols }) => backend.allocate(rows, cols));
      const past = Array.from({ length: n }, like);
      const [K, gram] = [backend.allocate(n, n), backend.allocate(n, n)];
      const spreads = parameters.map((shape) => new Spread(backend, shape));
      /** The gradient that joins the others when its inverse is in place. */
      const joining = like();
      const driver = new RefreshDriver(backend, 'mfac', maxFailures);
      const pending = () => driver.inFlight;
      /** Which of the others it takes the place of, the oldest. */
      const oldest = new Cell(
        0,
        (where, name, value) => checkInteger(where, name, value, 0, n - 1),
        pending,
      );
      /** tr ΓΓᵀ. */
      const total = new Cell(
        0,
        (where, name, value) => checkNonNegative(where, name, value, dtype),
        pending,
      );
      const lambdaOf = (sum: number) =>
        Math.max(damping, (FLOOR * Math.sqrt(EPSILON[dtype]) * sum) / m);
      const workspace = new Workspace();
      /** No gradient of a step that was taken is longer: its norm to the fourth power is in range. */
      const largest = LARGEST[dtype] ** (1 / 4);

      /** Has gradients join the past ones; `row` is Γg and `square` gᵀg. */
      const join = (gradients: readonly Slot<D>[], row: Slot<D>, square: Slot<D>): void => {
        if (driver.inFlight !== undefined) return;
        copyAll(backend, gradients, joining);
        const place = oldest.value;
        driver.run({
          reads: [gram, row, square],
          compute([products, fresh, own]) {
            putRow(products, place, fresh, own.at(0, 0));
            const sum = trace(products);
            const inverse = dampedInverse(products, m * lambdaOf(sum), workspace);
            return () => {
              backend.write(gram, products);
              backend.write(K, inverse);
              total.value = sum;
              copyAll(backend, joining, past[place]);
              oldest.value = (place + 1) % n;
            };
          },
          failed() {},
        });
      };

      return {
        state: [
          ...past
            .flatMap((slots, i) => ofParameters(`gradient${i}/`, slots, elementsWithin(largest)))
            .map((entry) => ({ ...entry, pending })),
          { name: 'gram', holds: { slot: gram, pending, check: elementsWithin(largest ** 2) } },
          { name: 'K', holds: { slot: K, pending, check: elementsWithin(1.01 / (m * damping)) } },
          { name: 'oldest', holds: oldest },
          { name: 'total', holds: total },
          ...scoped('refresh', driver.state),
        ],
        workspace: [...joining, ...spreads.flatMap(({ ones }) => ones)],
        bound(updates) {
          const norm = Math.sqrt(
            updates.reduce(
              (sum, size, index) =>
                sum + parameters[index].rows * parameters[index].cols * size ** 2,
              0,
            ),
          );
          // (gᵀz)² is the largest number on the way, whatever the gradients before were.
          checkRange('scaleByMfac', "the square of the gradients' squares", norm ** 4, dtype);
          return updates.map(() => norm / damping);
        },
        update(gradients, step) {
          if (gradients.length === 0) return gradients;
          backend.borrow((take) => {
            const row = sideBySide(
              backend,
              take,
              past.map((slots) => innerProduct(backend, take, slots, gradients)),
            );
            const square = innerProduct(backend, take, gradients, gradients);
            const c = take(1, n);
            backend.gemm(1, row, 'N', K, 'N', 0, c);
            const z = gradients.map(({ rows, cols }) => take(rows, cols));
            copyAll(backend, gradients, z);
            past.forEach((slots, i) => {
              const coefficient = take(1, 1);
              backend.sliceColumns(c, i, coefficient);
              slots.forEach((slot, index) => {
                spreads[index].addMultiple(-1, coefficient, slot, z[index]);
              });
            });
            const gz = innerProduct(backend, take, gradients, z);
            const squared = take(1, 1);
            backend.multiply(1, gz, gz, 0, squared);
            const lambda = lambdaOf(total.value);
            join(gradients, row, square);
            z.forEach((slot, index) => {
              backend.borrow((own) => {
                const all = spreads[index].of(squared, own);
                // gᵀz ≥ 0 is the root of its square, also where rounding makes it negative.
                backend.divideByRoot(1, slot, 1 / m ** 2, all, lambda, step.gradients[index]);
              });
            });
          });
          return step.gradients;
        },
        flush: () => driver.flush(),
        restored: () => driver.abandon(),
      };
    },
  };
}

/** to ← from, slot by slot. */
function copyAll<D extends DType>(
  backend: Backend<D>,
  from: readonly Slot<D>[],
  to: readonly Slot<D>[],
): void {
  from.forEach((slot, index) => {
    backend.axpby(1, slot, 0, to[index]);
  });
}

/** Σ⟨Aᵢ, Bᵢ⟩, 1×1. */
function innerProduct<D extends DType>(
  backend: Backend<D>,
  take: Take<D>,
  A: readonly Slot<D>[],
  B: readonly Slot<D>[],
): Slot<D> {
  const sum = take(1, 1);
  A.forEach((slot, index) => {
    backend.dot(1, slot, B[index], Math.min(index, 1), sum);
  });
  return sum;
}

/** Row and column `place` of a symmetric matrix ← `row`, with `own` on the diagonal. */
function putRow(A: DenseMatrix, place: number, row: DenseMatrix, own: number): void {
  for (let j = 0; j < A.cols; j++) {
    const value = j === place ? own : row.at(0, j);
    A.set(place, j, value);
    A.set(j, place, value);
  }
}
