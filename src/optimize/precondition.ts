// The link that preconditions layers, and its clip.

import { checkNonNegative, checkPositive, checkScalar, isObject } from '../core/check.js';
import { type DType, LARGEST } from '../core/dtype.js';
import { guarded, nonNegative, type OptionsOf, optionList, positive } from '../core/options.js';
import { checkMethod, type Method } from '../precondition/method.js';
import { CADENCE_OPTIONS, NetworkPreconditioner } from '../precondition/network.js';
import type { Step, Transform } from './transform.js';

/** The KL clip. */
export interface KlClip {
  /** The limit κ > 0. */
  readonly limit: number;
  /** The learning rate η, if it is not that of the step. */
  readonly learningRate?: number | undefined;
}

const KL_CLIP = /* @__PURE__ */ optionList({ limit: positive, learningRate: nonNegative });

const PRECONDITION_OPTIONS = /* @__PURE__ */ optionList({
  ...CADENCE_OPTIONS.entries,
  /** The KL clip: all layers times min(1, √(limit/(η²Σ⟨P, G⟩))). */
  klClip: /* @__PURE__ */ guarded('an object with a limit', isKlClip),
});

/** Options of {@link precondition}. @interface */
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
    matrices: method.needs.inputs !== true && method.needs.outputGradients !== true,
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
