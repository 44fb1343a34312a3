// Eva as the code published with the NysAct paper computes it.

import { checkInvertible } from '../core/check.js';
import { type DType, LARGEST } from '../core/dtype.js';
import { integer, type OptionsOf, optionList, positive } from '../core/options.js';
import { Damping } from '../precondition/damping.js';
import { rankOne } from '../precondition/eva.js';
import type { Method } from '../precondition/method.js';
import { describeMethod, elementsWithin, METHOD_OPTIONS } from '../precondition/options.js';
import type { Seen, Statistic } from '../rows/accumulator.js';
import { copiedAverage } from './averages.js';
import { checkDenseRows } from './dense-rows.js';

/** The options of {@link publishedEvaMethod}. */
export const PUBLISHED_EVA_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  /** The damping ρ > 0 (default 0.03). */
  damping: positive.default(0.03),
  /** Only the first so many examples of a batch are looked at (default 16). */
  examples: integer(1).default(16),
});

/** Options of {@link publishedEvaMethod}. @interface */
export type PublishedEvaOptions = OptionsOf<typeof PUBLISHED_EVA_OPTIONS>;

/**
 * Eva that looks at the first examples of a batch only, whose averages weigh the *new* batch with β, and
 * whose gradients are those of the mean loss. For reproduction only; see docs/departures.md.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function publishedEvaMethod(options: PublishedEvaOptions = {}): Method {
  const settings = PUBLISHED_EVA_OPTIONS.read('eva', options);
  const { damping, decay, examples, maxFailures } = settings;
  return {
    name: 'published-eva',
    needs: { inputs: true, outputGradients: true },
    maxFailures,
    description: describeMethod('published eva', PUBLISHED_EVA_OPTIONS, settings),
    layers(shapes, dtype) {
      checkDenseRows('published-eva', shapes);
      checkInvertible('eva', 'damping', damping, dtype);
      PUBLISHED_EVA_OPTIONS.checkIn('eva', settings, dtype);
      const average = (size: number) =>
        copiedAverage(decay, elementsWithin(Math.sqrt(LARGEST[dtype] / size) / 2));
      return shapes.map(({ inputs: p, outputs: q }) => {
        const statistics: Statistic<'a' | 'g'>[] = [
          {
            name: 'a',
            rows: 1,
            cols: p,
            average: average(p),
            of(seen, weight, keep, a) {
              const { first, scale } = firstRows(seen, examples);
              seen.X.sum(weight * scale, keep, a, first);
            },
          },
          {
            name: 'g',
            rows: 1,
            cols: q,
            average: average(q),
            of(seen, weight, keep, g) {
              const { first, scale } = firstRows(seen, examples);
              seen.D.sum(weight * scale, keep, g, first);
            },
          },
        ];
        return rankOne(statistics, new Damping(damping, dtype));
      });
    },
  };
}

/** The rows of the first examples, and what turns a mean over all rows into one over these. */
function firstRows<D extends DType>(
  { X, examples }: Seen<D>,
  firstExamples: number,
): { readonly first: number; readonly scale: number } {
  const first = Math.min(X.rows, Math.round((X.rows / examples) * firstExamples));
  return { first, scale: X.count / first };
}
