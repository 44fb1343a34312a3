// The optimisers of this library for TensorFlow.js: `tf` first, then options in words.

import type { serialization } from '@tensorflow/tfjs';
import { checkType, isObject } from '../core/check.js';
import type { Entries, OptionList, OptionsOf } from '../core/options.js';
import type {
  ADAM_OPTIONS,
  ADAMW_OPTIONS,
  EVA,
  FOOF,
  KFAC,
  NYSACT,
  SGD_OPTIONS,
} from '../optimize/optimizers.js';
import { OPTIMIZERS } from '../optimize/optimizers.js';
import type { Transform } from '../optimize/transform.js';
import { optimizerClass, type TfjsOptimizer } from './optimizer.js';
import { checkTensorFlow, type TensorFlowCore } from './tensorflow.js';

/**
 * The names in saved models. TensorFlow.js has one table of names for layers, optimisers and all else, its
 * own 'SGD' and 'Adam' among them, hence the prefix; it rewrites names with underscores.
 */
const CLASS_NAMES: Readonly<Record<keyof typeof OPTIMIZERS, string>> = {
  sgd: 'NysactSgd',
  adam: 'NysactAdam',
  adamw: 'NysactAdamw',
  nysact: 'Nysact',
  foof: 'NysactFoof',
  kfac: 'NysactKfac',
  eva: 'NysactEva',
};

/** What TensorFlow.js makes an optimiser of, with options in the program or in a saved model. */
interface SavedClass {
  new (config: object): TfjsOptimizer;
  readonly className: string;
  readonly fromConfig: serialization.FromConfigMethod<TfjsOptimizer>;
}

/** An optimiser that saved models can name. */
export interface OptimizerDefinition<E extends Entries> {
  /** The name in saved models, without underscores. */
  readonly className: string;
  readonly options: OptionList<E>;
  make(options: OptionsOf<OptionList<E>>): Transform;
}

/**
 * NysAct for TensorFlow.js: SGD on P = G(Â + ρI)⁻¹ for every known layer, with Â the Nyström
 * approximation of its activation second moment. Options and cost are those of `nysact` in the main
 * entry, which makes a Transform; see {@link makeOptimizer} for what is preconditioned.
 *
 * `model.save(…, { includeOptimizer: true })` saves options and state, and `tf.loadLayersModel` finds
 * them after `registerOptimizers(tf)`. Options that are functions cannot be saved so: then save the
 * model alone and what `exportState()` gives, and call `restoreState` after compiling.
 *
 * @example
 * model.compile({ optimizer: nysact(tf, { rank: 10, damping: 1 }), loss: 'meanSquaredError' });
 * @param tf TensorFlow.js itself, the copy that makes the model.
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function nysact(tf: TensorFlowCore, options: OptionsOf<typeof NYSACT> = {}): TfjsOptimizer {
  return make('nysact', tf, options);
}

/**
 * FOOF for TensorFlow.js: SGD on P = G(Ā + ρI)⁻¹. For the rest see {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function foof(tf: TensorFlowCore, options: OptionsOf<typeof FOOF> = {}): TfjsOptimizer {
  return make('foof', tf, options);
}

/**
 * KFAC for TensorFlow.js: SGD on the Kronecker-factored natural gradient. See {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function kfac(tf: TensorFlowCore, options: OptionsOf<typeof KFAC> = {}): TfjsOptimizer {
  return make('kfac', tf, options);
}

/**
 * Eva for TensorFlow.js: SGD on KFAC with factors of rank one. See {@link nysact}.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function eva(tf: TensorFlowCore, options: OptionsOf<typeof EVA> = {}): TfjsOptimizer {
  return make('eva', tf, options);
}

/**
 * SGD with momentum and weight decay for TensorFlow.js.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function sgd(
  tf: TensorFlowCore,
  options: OptionsOf<typeof SGD_OPTIONS> = {},
): TfjsOptimizer {
  return make('sgd', tf, options);
}

/**
 * Adam for TensorFlow.js.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function adam(
  tf: TensorFlowCore,
  options: OptionsOf<typeof ADAM_OPTIONS> = {},
): TfjsOptimizer {
  return make('adam', tf, options);
}

/**
 * AdamW, Adam with decoupled weight decay, for TensorFlow.js.
 *
 * @throws RangeError on options out of range or unknown, TypeError where `tf` is missing.
 */
export function adamw(
  tf: TensorFlowCore,
  options: OptionsOf<typeof ADAMW_OPTIONS> = {},
): TfjsOptimizer {
  return make('adamw', tf, options);
}

/**
 * Makes the optimisers of this library known to TensorFlow.js, so that `tf.loadLayersModel` can
 * restore a model that was saved with `includeOptimizer: true`, and training goes on bit for bit.
 *
 * To be called before such a model is loaded, in the process that loads it; saving needs no call.
 * Nothing else registers them: what loads a model should not depend on what was trained before.
 * Further calls do nothing. As ever in TensorFlow.js, disposing of a loaded model leaves its
 * optimiser (`model.optimizer`) to be disposed of.
 *
 * Loading throws a RangeError or TypeError that names the option where a saved one is unknown, of
 * another type, or out of range. Whether the state fits the model is checked at the first step.
 *
 * @example
 * registerOptimizers(tf);
 * const model = await tf.loadLayersModel('indexeddb://digits');
 * await model.fit(x, y);
 * @param tf TensorFlow.js itself, the copy that loads the model.
 * @throws TypeError where it is missing.
 */
export function registerOptimizers(tf: TensorFlowCore): void {
  checkTensorFlow('registerOptimizers', tf);
  for (const name of NAMES) register(tf, savedClass(tf, name));
}

/**
 * Makes an optimiser of one's own known to TensorFlow.js, as {@link registerOptimizers} does with those
 * of this library. Make it with `makeOptimizer(tf, make(options), { className, config: options })`.
 *
 * @throws TypeError where `tf` or a part of the definition is missing.
 */
export function registerOptimizer<E extends Entries>(
  tf: TensorFlowCore,
  definition: OptimizerDefinition<E>,
): void {
  const where = 'registerOptimizer';
  checkTensorFlow(where, tf);
  const fits = isObject(definition) && 'options' in definition && 'make' in definition;
  checkType(where, 'definition', definition, fits, 'an object with className, options and make');
  register(tf, classOf(tf, definition));
}

const NAMES = ['sgd', 'adam', 'adamw', 'nysact', 'foof', 'kfac', 'eva'] as const;

function make(where: (typeof NAMES)[number], tf: TensorFlowCore, options: object): TfjsOptimizer {
  checkTensorFlow(where, tf);
  return new (savedClass(tf, where))(options);
}

/** The class of an optimiser of this library. */
function savedClass(tf: TensorFlowCore, name: (typeof NAMES)[number]): SavedClass {
  const className = CLASS_NAMES[name];
  switch (name) {
    case 'sgd':
      return classOf(tf, { className, ...OPTIMIZERS.sgd });
    case 'adam':
      return classOf(tf, { className, ...OPTIMIZERS.adam });
    case 'adamw':
      return classOf(tf, { className, ...OPTIMIZERS.adamw });
    case 'nysact':
      return classOf(tf, { className, ...OPTIMIZERS.nysact });
    case 'foof':
      return classOf(tf, { className, ...OPTIMIZERS.foof });
    case 'kfac':
      return classOf(tf, { className, ...OPTIMIZERS.kfac });
    case 'eva':
      return classOf(tf, { className, ...OPTIMIZERS.eva });
  }
}

/** The class of a definition. Its constructor and `fromConfig` throw on bad options. */
function classOf<E extends Entries>(
  tf: TensorFlowCore,
  { className, options, make: transform }: OptimizerDefinition<E>,
): SavedClass {
  return class extends optimizerClass(tf) {
    static readonly className = className;

    static fromConfig(
      cls: serialization.SerializableConstructor<TfjsOptimizer>,
      config: serialization.ConfigDict,
    ): TfjsOptimizer {
      // TensorFlow.js adds this one to every configuration that it reads.
      const { customObjects: _, ...own } = config;
      return new cls(options.load(className, own));
    }

    constructor(config: object) {
      const given = options.load(className, config);
      super(transform(given), { className, config: given });
    }
  };
}

/** A class that is registered anew stays in TensorFlow.js's tables beside the old one, for ever. */
function register(tf: TensorFlowCore, known: SavedClass): void {
  const { SerializationMap, registerClass } = tf.serialization;
  if (known.className in SerializationMap.getMap().classNameMap) return;
  registerClass(known);
}
