// A method whose statistics are of the gradient itself: one side of Shampoo, with the power −1.

import { dampedInverse } from '../../src/precondition/dense-inverse.js';
import { curvature, type Method } from '../../src/precondition/method.js';
import { elementsWithin } from '../../src/precondition/options.js';
import { movingAverage } from '../../src/rows/accumulator.js';

/** P = (L̄ + ρI)⁻¹G with L̄ the average of GGᵀ over batches. It looks at no activations. */
export function oneSidedMethod(damping: number, decay = 0.95): Method {
  return {
    name: 'one-sided',
    needs: { gradients: true },
    maxFailures: 5,
    description: { method: 'one-sided', damping, decay },
    layers: (shapes) =>
      shapes.map(({ outputs: q }) =>
        curvature({
          gain: 1 / damping,
          flat: 1 / damping,
          statistics: [
            {
              name: 'L',
              rows: q,
              cols: q,
              per: 'batch',
              average: movingAverage(decay),
              of: ({ backend, G }, weight, keep, L) =>
                backend.gemm(weight, G, 'N', G, 'T', keep, L),
            },
          ],
          inverse: { R: { rows: q, cols: q, check: elementsWithin(1.01 / damping) } },
          factorise: ({ L }, { workspace }) => ({
            inverse: { R: dampedInverse(L, damping, workspace) },
          }),
          apply: (on, G, { R }, P) => on.gemm(1, R, 'N', G, 'N', 0, P),
        }),
      ),
  };
}
