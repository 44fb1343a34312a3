// The optimisers as classes of TensorFlow.js, which it can find again in a saved model.

import type { serialization } from '@tensorflow/tfjs';
import { ADAM, ADAMW, type Definition, EVA, FOOF, KFAC, NYSACT, SGD } from './definitions.js';
import { optimizerClass, type TfjsOptimizer } from './optimizer.js';
import { knownOptions, readOptions } from './options.js';
import { checkTensorFlow, type TensorFlow } from './tensorflow.js';

/** What TensorFlow.js makes an optimiser of, with options in the program or in a saved model. */
export interface DefinedClass<Options> {
  new (config: Options): TfjsOptimizer;
  readonly className: string;
  readonly fromConfig: serialization.FromConfigMethod<TfjsOptimizer>;
}

/** The class of a definition. Its constructor and `fromConfig` throw on bad options. */
export function definedClass<Options extends object>(
  tf: TensorFlow,
  { className, kinds, transform }: Definition<Options>,
): DefinedClass<Options> {
  return class extends optimizerClass(tf) {
    static readonly className = className;

    static fromConfig(
      cls: serialization.SerializableConstructor<TfjsOptimizer>,
      config: serialization.ConfigDict,
    ): TfjsOptimizer {
      return new cls(readOptions(className, kinds, config));
    }

    constructor(config: Options) {
      super(transform(config), { className, config: knownOptions(kinds, config) });
    }
  };
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
 * another kind, or out of range. Whether the state fits the model is checked at the first step.
 *
 * @example
 * registerOptimizers(tf);
 * const model = await tf.loadLayersModel('indexeddb://digits');
 * await model.fit(x, y);
 * @param tf TensorFlow.js itself, the copy that loads the model.
 * @throws TypeError where it is missing.
 */
export function registerOptimizers(tf: TensorFlow): void {
  checkTensorFlow('registerOptimizers', tf);
  const { SerializationMap, registerClass } = tf.serialization;
  // A class that is registered anew stays in TensorFlow.js's tables beside the old one, for ever.
  if (NYSACT.className in SerializationMap.getMap().classNameMap) return;
  registerClass(definedClass(tf, NYSACT));
  registerClass(definedClass(tf, FOOF));
  registerClass(definedClass(tf, KFAC));
  registerClass(definedClass(tf, EVA));
  registerClass(definedClass(tf, SGD));
  registerClass(definedClass(tf, ADAM));
  registerClass(definedClass(tf, ADAMW));
}
