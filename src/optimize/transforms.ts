// The links that optimisers are chained from.

import type { Slot } from '../backend/slot.js';
import { checkFraction, checkInteger, checkNonNegative, checkPositive } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { power } from '../core/elementary.js';
import { checkRange } from '../core/range.js';
import {
  checkNetworkOptions,
  type NetworkOptions,
  NetworkPreconditioner,
} from '../precondition/network.js';
import type { Preconditioner } from '../precondition/preconditioner.js';
import { asSchedule, type Schedule } from './schedules.js';
import { type Stage, stateless, type Transform, type TransformContext } from './transform.js';

/**
 * u ← the preconditioned u, layer by layer, with the cadence and clip of {@link NetworkOptions}.
 *
 * @throws RangeError on options out of range.
 */
export function precondition(
  preconditioner: Preconditioner,
  options: NetworkOptions = {},
): Transform {
  checkNetworkOptions(options);
  return {
    init({ engine, parameters, layers }) {
      const network = new NetworkPreconditioner(
        engine,
        preconditioner,
        parameters,
        layers,
        options,
      );
      return {
        state: network.state,
        workspace: network.workspace,
        check(step, { updates }) {
          network.check(step.index, step.observations);
          return network.bound(updates);
        },
        update: (updates, step) => network.update(step.index, updates, step.observations),
        needs: (index) => network.needs(index),
        flush: () => network.flush(),
        diagnostics: () => network.diagnostics,
      };
    },
  };
}

/**
 * Momentum: buf ← m·buf + u; u ← buf, or with Nesterov's variant u ← u + m·buf.
 *
 * @throws RangeError unless `momentum` is in [0, 1).
 */
export function trace(options: {
  readonly momentum: number;
  readonly nesterov?: boolean;
}): Transform {
  const { momentum, nesterov = false } = options;
  checkFraction('trace', 'momentum', momentum);
  return {
    init<D extends DType>({ engine, parameters }: TransformContext<D>): Stage<D> {
      const buffers = parameters.map(({ rows, cols }) => engine.allocate(rows, cols));
      return {
        state: buffers.map((slot, index) => ({ name: `buffer${index}`, slot })),
        check: (_, { updates }) =>
          updates.map((size, index) => {
            const held = engine.checkFinite('trace', `buffer${index}`, buffers[index]) ?? 0;
            const buffer = momentum * held + size;
            return nesterov ? momentum * buffer + size : buffer;
          }),
        update(updates) {
          updates.forEach((u, index) => {
            const buffer = buffers[index];
            engine.axpby(1, u, momentum, buffer);
            if (nesterov) engine.axpby(momentum, buffer, 1, u);
            else engine.axpby(1, buffer, 0, u);
          });
        },
      };
    },
  };
}

/**
 * Adam's direction: m ← β₁m + (1−β₁)u, v ← β₂v + (1−β₂)u², u ← m̂/(√v̂ + ε) with
 * m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ). Source: Kingma and Ba 2015, Algorithm 1.
 *
 * @throws RangeError unless β₁ and β₂ are in [0, 1) and ε is finite and > 0; the step throws it where
 *   u² could leave the range of the dtype, which would freeze a parameter for good.
 */
export function scaleByAdam(
  options: { readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number } = {},
): Transform {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  checkFraction('scaleByAdam', 'beta1', beta1);
  checkFraction('scaleByAdam', 'beta2', beta2);
  checkPositive('scaleByAdam', 'epsilon', epsilon);
  // By Cauchy and Schwarz |m̂/√v̂| ≤ 1/√((1−β₂)(1−β₁²/β₂)), whatever the gradients; where v forgets faster
  // than m (β₁² ≥ β₂) there is no such bound, and ε alone keeps the quotient finite.
  const ratio = beta1 === 0 ? 0 : beta1 ** 2 / beta2;
  const direction = ratio < 1 ? 1 / Math.sqrt((1 - beta2) * (1 - ratio)) : undefined;
  return {
    init<D extends DType>({ engine, parameters }: TransformContext<D>): Stage<D> {
      const zeros = (): Slot<D>[] =>
        parameters.map(({ rows, cols }) => engine.allocate(rows, cols));
      const [m, v] = [zeros(), zeros()];
      let t = 0;
      return {
        state: [
          ...m.map((slot, index) => ({ name: `m${index}`, slot })),
          ...v.map((slot, index) => ({ name: `v${index}`, slot })),
          {
            name: 't',
            check: checkInteger,
            get: () => t,
            set: (value) => {
              t = value;
            },
          },
        ],
        check(_, { updates }) {
          updates.forEach((size, index) => {
            // v̂ is a mean of u², so no u² in range means no v out of it, whatever came before.
            checkRange('scaleByAdam', `the square of gradients[${index}]`, size ** 2, engine.dtype);
          });
          return updates.map((size, index) => {
            if (direction !== undefined) return direction;
            const held = engine.checkFinite('scaleByAdam', `m${index}`, m[index]) ?? 0;
            const mean = (beta1 * held + (1 - beta1) * size) / (1 - power(beta1, t + 1));
            return mean / epsilon;
          });
        },
        update(updates) {
          t += 1;
          const [first, second] = [1 / (1 - power(beta1, t)), 1 / (1 - power(beta2, t))];
          updates.forEach((u, index) => {
            engine.axpby(1 - beta1, u, beta1, m[index]);
            engine.multiply(1 - beta2, u, u, beta2, v[index]);
            engine.divideByRoot(first, m[index], second, v[index], epsilon, u);
          });
        },
      };
    },
  };
}

/**
 * u ← u + λθ. Before {@link trace} or {@link scaleByAdam} this is L2 regularisation (coupled weight
 * decay); after {@link scaleByAdam} it is AdamW's decoupled weight decay.
 *
 * @throws RangeError unless `weightDecay` is finite and ≥ 0, and `from` an integer ≥ 0.
 */
export function addWeightDecay(
  weightDecay: number,
  options: { /** First step k that decays (default 0). */ readonly from?: number } = {},
): Transform {
  const { from = 0 } = options;
  checkNonNegative('addWeightDecay', 'weightDecay', weightDecay);
  checkInteger('addWeightDecay', 'from', from);
  const decays = (index: number): boolean => weightDecay !== 0 && index >= from;
  return stateless(
    (engine, updates, { index, parameters }) => {
      if (!decays(index)) return;
      updates.forEach((u, i) => {
        engine.axpby(weightDecay, parameters[i], 1, u);
      });
    },
    ({ index }, { updates, parameters }) =>
      decays(index) ? updates.map((size, i) => size + weightDecay * parameters[i]) : updates,
  );
}

/**
 * u ← u·min(1, maxNorm/‖u‖), ‖u‖ over all parameters together.
 *
 * @throws RangeError unless `maxNorm` and its square are finite and > 0; the step throws it where
 *   ‖u‖² could overflow.
 */
export function clipByGlobalNorm(maxNorm: number): Transform {
  checkPositive('clipByGlobalNorm', 'maxNorm', maxNorm);
  const limit = maxNorm ** 2;
  checkPositive('clipByGlobalNorm', 'the square of maxNorm', limit);
  return {
    init<D extends DType>({ engine, parameters }: TransformContext<D>): Stage<D> {
      const sum = engine.allocate(1, 1);
      return {
        state: [],
        workspace: [sum],
        check(_, { updates }) {
          const square = updates.reduce((total, size, index) => {
            const { rows, cols } = parameters[index];
            return total + rows * cols * size ** 2;
          }, 0);
          checkRange('clipByGlobalNorm', 'the squared norm of the gradients', square, engine.dtype);
          return updates.map((size) => Math.min(size, maxNorm));
        },
        update(updates) {
          updates.forEach((u, index) => {
            engine.innerProduct(1, u, u, index === 0 ? 0 : 1, sum);
          });
          for (const u of updates) engine.clip(sum, limit, u);
        },
      };
    },
  };
}

/**
 * u ← −η(k)·u: the last link, which turns a direction into the update that is added to θ.
 *
 * @throws RangeError for a number that is not finite and ≥ 0; the step throws it where a schedule
 *   gives one.
 */
export function scaleByLearningRate(learningRate: number | Schedule): Transform {
  const schedule = asSchedule('scaleByLearningRate', learningRate);
  return {
    init: ({ engine }) => ({
      state: [],
      check({ index }, { updates }) {
        const eta = schedule(index);
        checkNonNegative('scaleByLearningRate', `the rate of step ${index}`, eta);
        return updates.map((size) => eta * size);
      },
      update(updates, { index }) {
        const eta = schedule(index);
        for (const u of updates) engine.axpby(-eta, u, 0, u);
      },
    }),
  };
}
