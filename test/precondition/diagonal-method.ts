// A method of one's own, as short as they get: only the diagonal of Ā counts.

import { convert } from '../../src/core/matrix.js';
import { curvature, type Method } from '../../src/precondition/method.js';
import { elementsWithin } from '../../src/precondition/options.js';
import { movingAverage } from '../../src/rows/accumulator.js';
import { build } from '../support/matrices.js';

/** P = G ⊘ (1·aᵀ + ρ), a the diagonal of Ā: every input has a rate of its own. */
export function diagonalMethod(damping: number): Method {
  return {
    name: 'diagonal',
    needs: { inputs: true },
    maxFailures: 5,
    description: { method: 'diagonal', damping },
    layers: (shapes) =>
      shapes.map(({ inputs: p, outputs: q }) =>
        curvature({
          gain: 1 / damping,
          flat: 1 / damping,
          statistics: [
            {
              name: 'a',
              rows: 1,
              cols: p,
              average: movingAverage(0.95),
              of: ({ X }, weight, keep, a) => X.diagonal(weight, keep, a),
            },
          ],
          inverse: { R: { rows: q, cols: p, check: elementsWithin(1 / damping) } },
          factorise: ({ a }, { dtype }) => ({
            inverse: {
              R: convert(
                build(q, p, (_, j) => 1 / (a.at(0, j) + damping)),
                dtype,
              ),
            },
          }),
          apply: (on, G, { R }, P) => on.multiply(1, G, R, 0, P),
        }),
      ),
  };
}
