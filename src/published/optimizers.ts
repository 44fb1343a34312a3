// The optimisers by name, as the code published with the NysAct paper runs them.

import { optionList, type SettingsOf } from '../core/options.js';
import { descend } from '../optimize/descend.js';
import { momentum } from '../optimize/momentum.js';
import { precondition } from '../optimize/precondition.js';
import { LAYERED_OPTIONS, type LayeredOptions } from '../optimize/preconditioned.js';
import { refuseOverflow } from '../optimize/refuse-overflow.js';
import { chain, type Transform } from '../optimize/transform.js';
import { addWeightDecay } from '../optimize/weight-decay.js';
import type { Method } from '../precondition/method.js';
import { PUBLISHED_EVA_OPTIONS, type PublishedEvaOptions, publishedEvaMethod } from './eva.js';
import { PUBLISHED_FOOF_OPTIONS, type PublishedFoofOptions, publishedFoofMethod } from './foof.js';
import { PUBLISHED_KFAC_OPTIONS, type PublishedKfacOptions, publishedKfacMethod } from './kfac.js';
import {
  PUBLISHED_NYSACT_OPTIONS,
  type PublishedNysactOptions,
  publishedNysactMethod,
} from './nysact.js';

const SHARED = LAYERED_OPTIONS.entries;
const CLIPPED = { ...SHARED, klClip: SHARED.klClip.default(1e-3) };

/** The options of {@link publishedNysact}. */
const PUBLISHED_NYSACT = optionList({ ...SHARED, ...PUBLISHED_NYSACT_OPTIONS.entries });
/** The options of {@link publishedFoof}. */
const PUBLISHED_FOOF = optionList({ ...SHARED, ...PUBLISHED_FOOF_OPTIONS.entries });
/** The options of {@link publishedKfac}. */
const PUBLISHED_KFAC = optionList({ ...CLIPPED, ...PUBLISHED_KFAC_OPTIONS.entries });
/** The options of {@link publishedEva}. */
const PUBLISHED_EVA = optionList({ ...CLIPPED, ...PUBLISHED_EVA_OPTIONS.entries });

/** Options of {@link publishedNysact}. */
export interface PublishedNysactOptimizerOptions extends LayeredOptions, PublishedNysactOptions {}

/** Options of {@link publishedFoof}. */
export interface PublishedFoofOptimizerOptions extends LayeredOptions, PublishedFoofOptions {}

/** Options of {@link publishedKfac}. */
export interface PublishedKfacOptimizerOptions extends LayeredOptions, PublishedKfacOptions {}

/** Options of {@link publishedEva}. */
export interface PublishedEvaOptimizerOptions extends LayeredOptions, PublishedEvaOptions {}

/** Decay from the start, and a clip with the η of the step. */
const AS_IT_IS = { decaysFrom: 0, clipRate: undefined };

/** The η that the published Eva clips with, whatever the schedule says. */
const CLIP_RATE = 0.1;

/**
 * The published NysAct, see {@link publishedNysactMethod}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function publishedNysact(options: PublishedNysactOptimizerOptions = {}): Transform {
  const settings = PUBLISHED_NYSACT.read('publishedNysact', options);
  const method = publishedNysactMethod(PUBLISHED_NYSACT_OPTIONS.pick('publishedNysact', settings));
  return published(method, settings, AS_IT_IS);
}

/**
 * The published FOOF, see {@link publishedFoofMethod}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function publishedFoof(options: PublishedFoofOptimizerOptions = {}): Transform {
  const settings = PUBLISHED_FOOF.read('publishedFoof', options);
  const method = publishedFoofMethod(PUBLISHED_FOOF_OPTIONS.pick('publishedFoof', settings));
  return published(method, settings, AS_IT_IS);
}

/**
 * The published KFAC, see {@link publishedKfacMethod}. Its weights decay from step 20·τ_cov on only.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function publishedKfac(options: PublishedKfacOptimizerOptions = {}): Transform {
  const settings = PUBLISHED_KFAC.read('publishedKfac', options);
  const method = publishedKfacMethod(PUBLISHED_KFAC_OPTIONS.pick('publishedKfac', settings));
  const decaysFrom = 20 * settings.observeEvery;
  return published(method, settings, { decaysFrom, clipRate: undefined });
}

/**
 * The published Eva, see {@link publishedEvaMethod}. It clips as if η were 0.1 throughout.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function publishedEva(options: PublishedEvaOptimizerOptions = {}): Transform {
  const settings = PUBLISHED_EVA.read('publishedEva', options);
  const method = publishedEvaMethod(PUBLISHED_EVA_OPTIONS.pick('publishedEva', settings));
  return published(method, settings, { decaysFrom: 0, clipRate: CLIP_RATE });
}

function published(
  method: Method,
  settings: SettingsOf<typeof LAYERED_OPTIONS>,
  { decaysFrom, clipRate }: { decaysFrom: number; clipRate: number | undefined },
): Transform {
  const { observeEvery, refreshEvery, klClip, learningRate, nesterov, weightDecay, decays } =
    settings;
  const clip = klClip === 'none' ? undefined : { limit: klClip, learningRate: clipRate };
  return refuseOverflow(
    chain(
      precondition(method, { observeEvery, refreshEvery, klClip: clip }),
      from(decaysFrom, addWeightDecay(weightDecay, { decays })),
      momentum(settings.momentum, { nesterov }),
      descend(learningRate),
    ),
  );
}

/** A transform without state that does nothing before step `start`. */
function from(start: number, transform: Transform): Transform {
  return {
    ...transform,
    init(context) {
      const stage = transform.init(context);
      return {
        ...stage,
        bound: (updates, step) =>
          step.index < start ? updates : (stage.bound?.(updates, step) ?? updates),
        update: (updates, step) => (step.index < start ? updates : stage.update(updates, step)),
      };
    },
  };
}
