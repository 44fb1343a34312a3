// Options as TensorFlow.js saves them.

import type { serialization } from '@tensorflow/tfjs';
import { isPlain } from '../core/options.js';

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
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      dict[name] = value;
    } else if (isPlain(value)) dict[name] = toText(value);
    else {
      throw new TypeError(
        `${className}: option ${name} ${typeof value === 'function' ? 'is' : 'holds'} a function, which a saved model cannot hold: save the model without its optimizer, and separately what exportState() gives`,
      );
    }
  }
  return dict;
}

/** The options that {@link configDict} was given, as TensorFlow.js loads them. */
export function optionsOf(config: serialization.ConfigDict): object {
  // TensorFlow.js adds this one to every configuration that it reads.
  const { customObjects: _, ...options } = config;
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, fromText(value)]),
  );
}

/** Before a list or a record. */
const JSON_TEXT = 'json:';

/**
 * A list or a record as text: TensorFlow.js rewrites names inside those that it loads, and what stands
 * behind an underscore in text.
 */
function toText(value: unknown): string {
  return `${JSON_TEXT}${JSON.stringify(value).replaceAll('_', '\\u005f')}`;
}

function fromText(value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith(JSON_TEXT)) return value;
  return JSON.parse(value.slice(JSON_TEXT.length));
}
