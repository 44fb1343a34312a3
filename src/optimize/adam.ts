// Adam's direction as a link.

import { Cell, ofParameters } from '../backend/state.js';
import { checkInteger, checkNonNegative } from '../core/check.js';
import { type DType, SMALLEST_NORMAL } from '../core/dtype.js';
import { power } from '../core/elementary.js';
import { fraction, type OptionsOf, optionList, positive } from '../core/options.js';
import { checkRange } from '../core/range.js';
import { checkNoNegative } from '../precondition/options.js';
import { HeldBounds } from './held-bounds.js';
import { gradientName, type Stage, type Transform, type TransformContext } from './transform.js';

/** The options of {@link scaleByAdam}. */
export const SCALE_BY_ADAM = /* @__PURE__ */ optionList({
  /** The decay β₁ of the first moment, in [0, 1) (default 0.9). */
  beta1: /* @__PURE__ */ fraction.default(0.9),
  /** The decay β₂ of the second moment, in [0, 1) (default 0.999). */
  beta2: /* @__PURE__ */ fraction.default(0.999),
  /** The summand ε > 0 of the denominator (default 1e-8). */
  epsilon: /* @__PURE__ */ positive.default(1e-8),
});

/** Options of {@link scaleByAdam}. @interface */
export type ScaleByAdamOptions = OptionsOf<typeof SCALE_BY_ADAM>;

/**
 * Adam's direction: m ← β₁m + (1−β₁)u, v ← β₂v + (1−β₂)u², u ← m̂/(√v̂ + ε) with
 * m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ). Source: Kingma and Ba 2015, Algorithm 1.
 *
 * @throws RangeError unless β₁ and β₂ are in [0, 1) and ε is finite and > 0; when it is given state, where
 *   β₁ or β₂ would become 0 in the dtype, or ε is below the square root of the smallest normal number of
 *   the dtype, so that a v that underflows would leave nothing to divide by; under `refuseOverflow` at a
 *   step, where u² could leave the range of the dtype, which would freeze a parameter for good.
 */
export function scaleByAdam(options: ScaleByAdamOptions = {}): Transform {
  const { beta1, beta2, epsilon } = SCALE_BY_ADAM.read('scaleByAdam', options);
  // By Cauchy and Schwarz |m̂/√v̂| ≤ 1/√((1−β₂)(1−β₁²/β₂)), whatever the gradients; where v forgets faster
  // than m (β₁² ≥ β₂) there is no such bound, and ε alone keeps the quotient finite.
  const ratio = beta1 === 0 ? 0 : beta1 ** 2 / beta2;
  const direction = ratio < 1 ? 1 / Math.sqrt((1 - beta2) * (1 - ratio)) : undefined;
  return {
    description: { beta1, beta2, epsilon },
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const { backend, parameters } = context;
      const { dtype } = backend;
      checkNonNegative('scaleByAdam', 'beta1', beta1, dtype);
      checkNonNegative('scaleByAdam', 'beta2', beta2, dtype);
      checkEpsilon('scaleByAdam', epsilon, dtype);
      const zeros = () => parameters.map(({ rows, cols }) => backend.allocate(rows, cols));
      const [m, v] = [zeros(), zeros()];
      const t = new Cell(0, checkInteger);
      // A restored v need not be of the same gradients as its m.
      let restored = false;
      const means = new HeldBounds(parameters.length, (index) => backend.bound?.(m[index]));
      return {
        state: [
          ...ofParameters('m', m),
          ...ofParameters('v', v, checkNoNegative),
          { name: 't', holds: t },
        ],
        bound: (updates) =>
          updates.map((size, index) => {
            // v̂ is a mean of u², so no u² in range means no v out of it, whatever came before.
            const square = `the square of ${gradientName(context, index)}`;
            checkRange('scaleByAdam', square, size ** 2, dtype);
            const mean = beta1 * means.at(index) + (1 - beta1) * size;
            means.propose(index, mean);
            const largest = mean / (1 - power(beta1, t.value + 1)) / epsilon;
            return restored ? largest : (direction ?? largest);
          }),
        update(updates, step) {
          means.accept();
          t.value += 1;
          const [first, second] = [
            1 / (1 - power(beta1, t.value)),
            1 / (1 - power(beta2, t.value)),
          ];
          return updates.map((u, index) => {
            backend.axpby(1 - beta1, u, beta1, m[index]);
            backend.multiply(1 - beta2, u, u, beta2, v[index]);
            const next = step.gradients[index];
            backend.divideByRoot(first, m[index], second, v[index], epsilon, next);
            return next;
          });
        },
        restored() {
          restored = true;
          means.forget();
        },
      };
    },
  };
}

/** ε must not be lost beside the root of a v that underflows. */
export function checkEpsilon(where: string, epsilon: number, dtype: DType): void {
  const least = Math.sqrt(SMALLEST_NORMAL[dtype]);
  if (epsilon >= least) return;
  throw new RangeError(
    `${where}: epsilon is ${epsilon}, expected at least ${least}: below, a square in ${dtype} underflows and nothing is left to divide by`,
  );
}
