// What the published code is for: layers of dense rows.

import type { LayerShape } from '../precondition/method.js';

/**
 * No layer may have one-hot rows: the published code has no embeddings.
 *
 * @throws RangeError where one has.
 */
export function checkDenseRows(method: string, shapes: readonly LayerShape[]): void {
  for (const { name, rows } of shapes) {
    if (rows !== 'oneHot') continue;
    throw new RangeError(
      `${method}: layer '${name}' has rows 'oneHot', expected 'dense': what the published code computes is not defined for others`,
    );
  }
}
