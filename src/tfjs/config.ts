// Options as TensorFlow.js saves them.

import type { serialization } from '@tensorflow/tfjs';

/**
 * The options that an optimiser of class `className` was given, without those that were left out.
 *
 * @throws TypeError where there are none to save, or one is a function.
 */
export function configDict(
  className: string,
  config: object | undefined,
): serialization.ConfigDict {
  if (config === undefined) {
    throw new TypeError(
      `${className}: a transform of your own has no options that a saved model could hold: give makeOptimizer a config, and registerOptimizer what makes the transform of it; or save the model without its optimizer, and separately what exportState() gives`,
    );
  }
  const dict: serialization.ConfigDict = {};
  const entries: readonly [string, unknown][] = Object.entries(config);
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new TypeError(
        `${className}: option ${name} is a ${typeof value}, which a saved model cannot hold: save the model without its optimizer, and separately what exportState() gives`,
      );
    }
    dict[name] = value;
  }
  return dict;
}
