// The optimisers by name. Each is a chain short enough to read in one breath.

import { checkOptions } from '../core/check.js';
import { type EvaOptions, evaPreconditioner } from '../precondition/eva.js';
import { type FoofOptions, foofPreconditioner } from '../precondition/foof.js';
import { type KfacOptions, kfacPreconditioner } from '../precondition/kfac.js';
import { type CadenceOptions, DEFAULT_CADENCE } from '../precondition/network.js';
import { type NysactOptions, nysactPreconditioner } from '../precondition/nysact.js';
import type { Preconditioner } from '../precondition/preconditioner.js';
import { asSchedule, type Schedule } from './schedules.js';
import { chain, type Transform } from './transform.js';
import {
  addWeightDecay,
  precondition,
  scaleByAdam,
  scaleByLearningRate,
  trace,
} from './transforms.js';

/** Options of SGD, which every preconditioned optimiser shares. */
export interface SgdOptions {
  /** η, a number or a schedule (default 0.1). */
  readonly learningRate?: number | Schedule;
  /** In [0, 1) (default 0.9). */
  readonly momentum?: number;
  /** Nesterov's variant of momentum (default false). */
  readonly nesterov?: boolean;
  /** λ ≥ 0 of u ← u + λθ before momentum (default 5e-4). */
  readonly weightDecay?: number;
}

/** Options that a preconditioned optimiser has beside those of its preconditioner. */
export interface PreconditionedOptions extends SgdOptions, CadenceOptions {
  /** κ of the KL clip, or 'none'. Default: 1e-3 for KFAC and Eva, 'none' for NysAct and FOOF. */
  readonly klClip?: number | 'none';
  /** η that the KL clip takes (default: the learning rate; 0.1 for Eva's reference variant). */
  readonly clipLearningRate?: number | Schedule;
}

/** Options of {@link adam} and {@link adamw}. */
export interface AdamOptions {
  /** η, a number or a schedule (default 1e-3). */
  readonly learningRate?: number | Schedule;
  /** β₁ (default 0.9). */
  readonly beta1?: number;
  /** β₂ (default 0.999). */
  readonly beta2?: number;
  /** ε (default 1e-8). */
  readonly epsilon?: number;
  /** λ (default 0 for Adam, coupled; 0.05 for AdamW, decoupled). */
  readonly weightDecay?: number;
}

/**
 * SGD: d = G + λθ; buf ← m·buf + d; θ ← θ − η·buf.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function sgd(options: SgdOptions = {}): Transform {
  checkOptions('sgd', options);
  return momentumSteps(options, 0);
}

/**
 * Adam, with L2 regularisation added to the gradient. Source: Kingma and Ba 2015.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function adam(options: AdamOptions = {}): Transform {
  checkOptions('adam', options);
  const { learningRate = 1e-3, weightDecay = 0 } = options;
  return chain(
    addWeightDecay(weightDecay),
    scaleByAdam(options),
    scaleByLearningRate(learningRate),
  );
}

/**
 * AdamW: Adam with weight decay decoupled from the moments, θ ← θ − η(m̂/(√v̂ + ε) + λθ). Source:
 * Loshchilov and Hutter 2019, Algorithm 2, with the schedule multiplying both terms, as is usual.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function adamw(options: AdamOptions = {}): Transform {
  checkOptions('adamw', options);
  const { learningRate = 1e-3, weightDecay = 0.05 } = options;
  return chain(
    scaleByAdam(options),
    addWeightDecay(weightDecay),
    scaleByLearningRate(learningRate),
  );
}

/**
 * NysAct: SGD on P = G(Â + ρI)⁻¹. See {@link nysactPreconditioner}.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function nysact(options: PreconditionedOptions & NysactOptions = {}): Transform {
  return preconditioned(nysactPreconditioner(options), options, 'none');
}

/**
 * FOOF: SGD on P = G(Ā + ρI)⁻¹. See {@link foofPreconditioner}.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function foof(options: PreconditionedOptions & FoofOptions = {}): Transform {
  return preconditioned(foofPreconditioner(options), options, 'none');
}

/**
 * KFAC: SGD on the Kronecker-factored natural gradient. See {@link kfacPreconditioner}. The
 * reference variant decays weights from step 20·τ_cov on only, as the published code does.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function kfac(options: PreconditionedOptions & KfacOptions = {}): Transform {
  const preconditioner = kfacPreconditioner(options);
  const { observeEvery = DEFAULT_CADENCE.observeEvery, variant } = options;
  const from = variant === 'reference' ? 20 * observeEvery : 0;
  return preconditioned(preconditioner, options, 1e-3, from);
}

/**
 * Eva: SGD on the rank-one Kronecker-factored gradient. See {@link evaPreconditioner}. The reference
 * variant clips as if η were 0.1 throughout, as the published code does.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function eva(options: PreconditionedOptions & EvaOptions = {}): Transform {
  const preconditioner = evaPreconditioner(options);
  const clip = options.variant === 'reference' ? { clipLearningRate: 0.1 } : {};
  return preconditioned(preconditioner, { ...clip, ...options }, 1e-3);
}

/** d = P + λθ; buf ← m·buf + d; θ ← θ − η·buf, with P the preconditioned and clipped gradient. */
function preconditioned(
  preconditioner: Preconditioner,
  options: PreconditionedOptions,
  defaultClip: number | 'none',
  decayFrom = 0,
): Transform {
  const { learningRate = 0.1, klClip = defaultClip, observeEvery, refreshEvery } = options;
  const { clipLearningRate = learningRate } = options;
  const clip =
    klClip === 'none'
      ? {}
      : { klClip: { limit: klClip, learningRate: asSchedule('klClip', clipLearningRate) } };
  const cadence = {
    ...(observeEvery === undefined ? {} : { observeEvery }),
    ...(refreshEvery === undefined ? {} : { refreshEvery }),
  };
  return chain(
    precondition(preconditioner, { ...cadence, ...clip }),
    momentumSteps(options, decayFrom),
  );
}

/** SGD whose weight decay sets in at step `decayFrom`. */
function momentumSteps(options: SgdOptions, decayFrom: number): Transform {
  const { learningRate = 0.1, momentum = 0.9, nesterov = false, weightDecay = 5e-4 } = options;
  return chain(
    addWeightDecay(weightDecay, { from: decayFrom }),
    trace({ momentum, nesterov }),
    scaleByLearningRate(learningRate),
  );
}
