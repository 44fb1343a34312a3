// Muon, and Muon behind a preconditioner of what enters the layers.

import {
  flag,
  fraction,
  nonNegative,
  type OptionsOf,
  optionList,
  type SettingsOf,
} from '../core/options.js';
import { DAMPING } from '../precondition/damping.js';
import { CADENCE_OPTIONS } from '../precondition/network.js';
import { NYSACT_LAYER, NYSACT_OPTIONS, nysactMethod } from '../precondition/nysact.js';
import { checkOverrides } from '../precondition/overrides.js';
import { momentum } from './momentum.js';
import { SGD_OPTIONS } from './momentum-steps.js';
import { ORTHOGONALIZE, orthogonalize } from './orthogonalize.js';
import { precondition } from './precondition.js';
import { refuseOverflow } from './refuse-overflow.js';
import { MATRICES, MATRICES_AND_LAYERS, REST_OPTIONS, withRest } from './rest.js';
import { rate } from './schedules.js';
import { chain, type Transform } from './transform.js';
import { addWeightDecay } from './weight-decay.js';

/** The options of {@link muon}. */
const MUON = optionList({
  ...SGD_OPTIONS.entries,
  ...ORTHOGONALIZE.entries,
  ...REST_OPTIONS.entries,
  /** The learning rate η, a number or a schedule (default 0.02). */
  learningRate: rate.default(0.02),
  /** The momentum, in [0, 1) (default 0.95). */
  momentum: fraction.default(0.95),
  /** Nesterov's variant of momentum (default true). */
  nesterov: flag.default(true),
  /** The weight decay λ ≥ 0, decoupled from the momentum (default 0). */
  weightDecay: nonNegative.default(0),
});

/** Options of {@link muon}. @interface */
export type MuonOptions = OptionsOf<typeof MUON>;

/** The options of {@link newtonMuon}. */
const NEWTON_MUON = optionList({
  ...MUON.entries,
  ...CADENCE_OPTIONS.entries,
  ...NYSACT_OPTIONS.entries,
  /** The damping γ > 0, or `{ relative: α }` for γ = α·tr(Ā)/p at each refresh (default `{ relative: 0.2 }`). */
  damping: DAMPING.default({ relative: 0.2 }),
});

/** Options of {@link newtonMuon}. @interface */
export type NewtonMuonOptions = OptionsOf<typeof NEWTON_MUON>;

/**
 * Muon: buf ← m·buf + G; u ← G + m·buf; θ ← θ − η(√max(1, q/p)·UVᵀ + λθ) with u = U·diag(σ)·Vᵀ, for every
 * matrix (see {@link orthogonalize}), of whatever layer or none. Biases and all else go to the rest, which by
 * default is Adam at a hundredth of η.
 *
 * Memory: a buffer of the size of the matrices. Usual advice is to `skip` embeddings and the last layer.
 * Source: Jordan et al. 2024 (Muon: an optimizer for hidden layers in neural networks).
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function muon(options: MuonOptions = {}): Transform {
  const settings = MUON.read('muon', options);
  return refuseOverflow(withRest('muon', muonDirection(settings), settings, MATRICES));
}

/**
 * Muon behind NysAct's preconditioner: G(Â + γI)⁻¹ takes the place of G, weight and bias of a layer as one
 * matrix. With a sketch of rank r that costs O(qpr) beside Muon's products, and 3pr numbers of memory a layer;
 * a layer of p ≤ r inputs has the exact inverse, which is FOOF's. Other matrices go through Muon alone. See
 * {@link muon} and `nysactMethod`.
 *
 * Source: Newton-Muon, which takes the exact (Ā + γI)⁻¹.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function newtonMuon(options: NewtonMuonOptions = {}): Transform {
  const settings = NEWTON_MUON.read('newtonMuon', options);
  checkOverrides('newtonMuon', NYSACT_LAYER, settings.overrides);
  const method = nysactMethod(NYSACT_OPTIONS.pick('newtonMuon', settings));
  const { observeEvery, refreshEvery } = settings;
  const direction = chain(
    precondition(method, { observeEvery, refreshEvery }),
    muonDirection(settings),
  );
  return refuseOverflow(withRest('newtonMuon', direction, settings, MATRICES_AND_LAYERS));
}

/** All of Muon but the step. */
function muonDirection(settings: SettingsOf<typeof MUON>): Transform {
  const { momentum: decay, nesterov, steps, weightDecay, decays } = settings;
  return chain(
    momentum(decay, { nesterov }),
    orthogonalize({ steps }),
    addWeightDecay(weightDecay, { decays }),
  );
}
