// The links that optimisers are chained from.

import { Cell, ofParameters } from '../backend/state.js';
import {
  checkFraction,
  checkInteger,
  checkNonNegative,
  checkPositive,
  checkScalar,
  isObject,
} from '../core/check.js';
import { type DType, LARGEST } from '../core/dtype.js';
import { power } from '../core/elementary.js';
import {
  flag,
  fraction,
  guarded,
  nonNegative,
  type OptionsOf,
  optionList,
  positive,
} from '../core/options.js';
import { checkRange } from '../core/range.js';
import { checkMethod, type Method } from '../precondition/method.js';
import { CADENCE_OPTIONS, NetworkPreconditioner } from '../precondition/network.js';
import { checkNoNegative } from '../precondition/options.js';
import { LearningRate } from './learning-rate.js';
import { asSchedule, type Schedule } from './schedules.js';
import {
  type ParameterShape,
  type Stage,
  type Step,
  type Transform,
  type TransformContext,
  writable,
} from './transform.js';

/** The KL clip. */
export interface KlClip {
  /** κ > 0. */
  readonly limit: number;
  /** η, if it is not that of the step. */
  readonly learningRate?: number | undefined;
}

const KL_CLIP = /* @__PURE__ */ optionList({ limit: positive, learningRate: nonNegative });

const PRECONDITION_OPTIONS = /* @__PURE__ */ optionList({
  ...CADENCE_OPTIONS.entries,
  /** The KL clip: all layers times min(1, √(limit/(η²Σ⟨P, G⟩))). */
  klClip: /* @__PURE__ */ guarded('an object with a limit', isKlClip),
});

/** Options of {@link precondition}. */
export type PreconditionOptions = OptionsOf<typeof PRECONDITION_OPTIONS>;

function isKlClip(value: unknown): value is KlClip {
  return isObject(value) && 'limit' in value;
}

/**
 * u ← the preconditioned u, layer by layer: observed at steps k with k mod τ_cov = 0, refreshed at those
 * with k mod τ_inv = 0, and clipped. Parameters that belong to no layer are left alone.
 *
 * @throws RangeError or TypeError on a bad option, TypeError where `method` is none.
 */
export function precondition(method: Method, options: PreconditionOptions = {}): Transform {
  checkMethod('precondition', method);
  const { klClip, ...cadence } = PRECONDITION_OPTIONS.read('precondition', options);
  const { observeEvery, refreshEvery } = cadence;
  if (klClip !== undefined) {
    const { limit, learningRate } = klClip;
    checkPositive('precondition', 'klClip.limit', limit);
    if (learningRate !== undefined) {
      checkNonNegative('precondition', 'klClip.learningRate', learningRate);
    }
    KL_CLIP.read('precondition', klClip, 'klClip');
  }
  const clipOf = <D extends DType>({ learningRate }: Step<D>): number | undefined => {
    if (klClip === undefined) return undefined;
    return klClip.limit / (klClip.learningRate ?? learningRate) ** 2;
  };
  return {
    description: {
      ...method.description,
      observeEvery,
      refreshEvery,
      klClip: klClip?.limit ?? 'none',
    },
    needs(step) {
      const observes = step % observeEvery === 0;
      return {
        inputs: observes && method.needs.inputs === true,
        outputGradients: observes && method.needs.outputGradients === true,
      };
    },
    init({ backend, parameters, layers }) {
      const network = new NetworkPreconditioner(backend, method, parameters, layers, cadence);
      const layered = new Set(layers.flatMap(({ weight, bias }) => [weight, bias]));
      return {
        state: network.state,
        workspace: network.workspace,
        check(step) {
          const clip = clipOf(step);
          // A rate of 0 moves nothing, and a limit beyond the range clips nothing.
          if (clip !== undefined && clip <= LARGEST[backend.dtype]) {
            checkScalar('precondition', 'klClip.limit/η²', clip, backend.dtype);
          }
          network.check({ ...step, clip });
        },
        bound: (updates, step) => network.bound(updates, { ...step, clip: clipOf(step) }),
        update(updates, step) {
          network.update({ ...step, clip: clipOf(step) }, updates, step.gradients);
          return updates.map((u, index) => (layered.has(index) ? step.gradients[index] : u));
        },
        flush: () => network.flush(),
        restored: () => network.restored(),
        diagnostics: () => network.diagnostics,
      };
    },
  };
}

const MOMENTUM_OPTIONS = /* @__PURE__ */ optionList({
  nesterov: /* @__PURE__ */ flag.default(false),
});

/**
 * Momentum: buf ← m·buf + u; u ← buf, or with Nesterov's variant u ← u + m·buf.
 *
 * @throws RangeError unless `momentum` is in [0, 1); when it is given state, where it would become 0 in the
 *   dtype.
 */
export function momentum(decay: number, options: { readonly nesterov?: boolean } = {}): Transform {
  checkFraction('momentum', 'momentum', decay);
  const { nesterov } = MOMENTUM_OPTIONS.read('momentum', options);
  return {
    description: { momentum: decay, nesterov },
    init<D extends DType>({ backend, parameters }: TransformContext<D>): Stage<D> {
      checkNonNegative('momentum', 'momentum', decay, backend.dtype);
      const buffers = parameters.map(({ rows, cols }) => backend.allocate(rows, cols));
      const held = new HeldBounds(parameters.length, (index) => backend.bound?.(buffers[index]));
      return {
        state: ofParameters('buffer', buffers),
        bound: (updates) =>
          updates.map((size, index) => {
            const buffer = decay * held.at(index) + size;
            held.propose(index, buffer);
            return nesterov ? decay * buffer + size : buffer;
          }),
        update(updates, step) {
          held.accept();
          updates.forEach((u, index) => {
            backend.axpby(1, u, decay, buffers[index]);
          });
          if (!nesterov) return buffers;
          const next = writable(backend, updates, step);
          next.forEach((u, index) => {
            backend.axpby(decay, buffers[index], 1, u);
          });
          return next;
        },
        restored: () => held.forget(),
      };
    },
  };
}

/**
 * Bounds of what buffers hold, carried along from step to step so that nobody has to look. They take
 * effect when the step that they were made for is taken.
 */
class HeldBounds {
  readonly #look: (index: number) => number | undefined;
  readonly #proposed: number[];
  /** Undefined where the buffers have to be looked at. */
  #held: number[] | undefined;

  constructor(count: number, look: (index: number) => number | undefined) {
    this.#look = look;
    this.#held = Array.from({ length: count }, () => 0);
    this.#proposed = Array.from({ length: count }, () => 0);
  }

  at(index: number): number {
    this.#held ??= this.#proposed.map((_, i) => this.#look(i) ?? 0);
    return this.#held[index];
  }

  propose(index: number, bound: number): void {
    this.#proposed[index] = bound;
  }

  accept(): void {
    this.#held = [...this.#proposed];
  }

  forget(): void {
    this.#held = undefined;
  }
}

/** The smallest normal numbers: below, squares lose their digits. */
const SMALLEST: Readonly<Record<DType, number>> = { float32: 2 ** -126, float64: 2 ** -1022 };

/** The options of {@link scaleByAdam}. */
export const SCALE_BY_ADAM = /* @__PURE__ */ optionList({
  /** β₁ (default 0.9). */
  beta1: /* @__PURE__ */ fraction.default(0.9),
  /** β₂ (default 0.999). */
  beta2: /* @__PURE__ */ fraction.default(0.999),
  /** ε (default 1e-8). */
  epsilon: /* @__PURE__ */ positive.default(1e-8),
});

/**
 * Adam's direction: m ← β₁m + (1−β₁)u, v ← β₂v + (1−β₂)u², u ← m̂/(√v̂ + ε) with
 * m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ). Source: Kingma and Ba 2015, Algorithm 1.
 *
 * @throws RangeError unless β₁ and β₂ are in [0, 1) and ε is finite and > 0; when it is given state,
 *   where β₁ or β₂ would become 0 in the dtype, or ε is below the square root of the smallest normal number of the dtype, so that a v that
 *   underflows would leave nothing to divide by; at a step, where u² could leave the range of the dtype,
 *   which would freeze a parameter for good.
 */
export function scaleByAdam(options: OptionsOf<typeof SCALE_BY_ADAM> = {}): Transform {
  const { beta1, beta2, epsilon } = SCALE_BY_ADAM.read('scaleByAdam', options);
  // By Cauchy and Schwarz |m̂/√v̂| ≤ 1/√((1−β₂)(1−β₁²/β₂)), whatever the gradients; where v forgets faster
  // than m (β₁² ≥ β₂) there is no such bound, and ε alone keeps the quotient finite.
  const ratio = beta1 === 0 ? 0 : beta1 ** 2 / beta2;
  const direction = ratio < 1 ? 1 / Math.sqrt((1 - beta2) * (1 - ratio)) : undefined;
  return {
    description: { beta1, beta2, epsilon },
    init<D extends DType>({ backend, parameters }: TransformContext<D>): Stage<D> {
      const { dtype } = backend;
      checkNonNegative('scaleByAdam', 'beta1', beta1, dtype);
      checkNonNegative('scaleByAdam', 'beta2', beta2, dtype);
      const least = Math.sqrt(SMALLEST[dtype]);
      if (epsilon < least) {
        throw new RangeError(
          `scaleByAdam: epsilon is ${epsilon}, expected at least ${least}: below, a square in ${dtype} underflows and nothing is left to divide by`,
        );
      }
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
            checkRange('scaleByAdam', `the square of gradients[${index}]`, size ** 2, dtype);
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

/** Which parameters decay. */
export type DecayFilter = (parameter: ParameterShape, index: number) => boolean;

/** An option that says which parameters decay. */
export const decayFilter = /* @__PURE__ */ guarded(
  'a function of a parameter',
  (value): value is DecayFilter => typeof value === 'function',
);

const DECAY_OPTIONS = /* @__PURE__ */ optionList({
  /** Which parameters decay (default: all), by shape, name and index. */
  decays: decayFilter,
});

/**
 * u ← u + λθ, for the parameters that `decays` picks (default: all). Before {@link momentum} or
 * {@link scaleByAdam} this is L2 regularisation (coupled weight decay); after {@link scaleByAdam} it is
 * AdamW's decoupled weight decay.
 *
 * @throws RangeError unless `weightDecay` is finite and ≥ 0, and TypeError unless `decays` is a function.
 */
export function addWeightDecay(
  weightDecay: number,
  options: OptionsOf<typeof DECAY_OPTIONS> = {},
): Transform {
  checkNonNegative('addWeightDecay', 'weightDecay', weightDecay);
  const { decays } = DECAY_OPTIONS.read('addWeightDecay', options);
  return {
    description: { weightDecay, ...(decays === undefined ? {} : { decays: 'a function' }) },
    init<D extends DType>({ backend, parameters }: TransformContext<D>): Stage<D> {
      checkNonNegative('addWeightDecay', 'weightDecay', weightDecay, backend.dtype);
      const decaying = parameters.map(
        (parameter, index) => weightDecay !== 0 && (decays?.(parameter, index) ?? true),
      );
      return {
        state: [],
        bound: (updates, step) =>
          updates.map((size, index) => {
            if (!decaying[index]) return size;
            return size + weightDecay * (backend.bound?.(step.parameters[index]) ?? 0);
          }),
        update(updates, step) {
          return updates.map((u, index) => {
            if (!decaying[index]) return u;
            const next = step.gradients[index];
            if (u !== next) backend.axpby(1, u, 0, next);
            backend.axpby(weightDecay, step.parameters[index], 1, next);
            return next;
          });
        },
      };
    },
  };
}

/**
 * u ← u·min(1, maxNorm/‖u‖), ‖u‖ over all parameters together.
 *
 * ‖u‖² is summed in the dtype: where it overflows, u becomes 0, which `refuseOverflow` refuses.
 *
 * @throws RangeError unless `maxNorm` is finite and > 0, and its square too in the dtype; under
 *   `refuseOverflow` the step throws it where ‖u‖² could overflow.
 */
export function clipByGlobalNorm(maxNorm: number): Transform {
  checkPositive('clipByGlobalNorm', 'maxNorm', maxNorm);
  const limit = maxNorm ** 2;
  checkPositive('clipByGlobalNorm', 'the square of maxNorm', limit);
  return {
    description: { maxNorm },
    init<D extends DType>({ backend, parameters }: TransformContext<D>): Stage<D> {
      checkPositive('clipByGlobalNorm', 'the square of maxNorm', limit, backend.dtype);
      const sum = backend.allocate(1, 1);
      return {
        state: [],
        workspace: [sum],
        bound(updates) {
          const square = updates.reduce((total, size, index) => {
            const { rows, cols } = parameters[index];
            return total + rows * cols * size ** 2;
          }, 0);
          const name = 'the squared norm of the gradients';
          checkRange('clipByGlobalNorm', name, square, backend.dtype);
          return updates.map((size) => Math.min(size, maxNorm));
        },
        update(updates, step) {
          const next = writable(backend, updates, step);
          next.forEach((u, index) => {
            backend.dot(1, u, u, index === 0 ? 0 : 1, sum);
          });
          for (const u of next) backend.clip(sum, limit, u);
          return next;
        },
      };
    },
  };
}

/**
 * θ ← θ − η·u: the last link, which takes the step.
 *
 * @throws RangeError for a number that is not finite and ≥ 0; the step throws it where a schedule
 *   gives one.
 */
export function descend(learningRate: number | Schedule): Transform {
  const schedule = asSchedule('descend', learningRate);
  return {
    description: {
      learningRate: typeof learningRate === 'number' ? learningRate : 'a function',
    },
    schedule,
    init({ backend }) {
      const rate = new LearningRate(schedule, backend.dtype);
      return {
        state: [rate.entry()],
        learningRate: rate,
        bound: (updates, step) => updates.map((size) => step.learningRate * size),
        update(updates, step) {
          updates.forEach((u, index) => {
            backend.axpby(-step.learningRate, u, 1, step.parameters[index]);
          });
          return updates;
        },
      };
    },
  };
}
