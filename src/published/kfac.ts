// KFAC as the code published with the NysAct paper computes it.

import { checkInvertible } from '../core/check.js';
import { fraction, type OptionsOf, optionList, positive } from '../core/options.js';
import { Damping } from '../precondition/damping.js';
import { eigenbasis } from '../precondition/kfac.js';
import type { Method } from '../precondition/method.js';
import { describeMethod, METHOD_OPTIONS } from '../precondition/options.js';
import type { Statistic } from '../rows/accumulator.js';
import { activationMoment } from '../rows/second-moment.js';
import { averageFromIdentity } from './averages.js';
import { checkDenseRows } from './dense-rows.js';

/** Up to this the published code takes an eigenvalue as 0. */
const CUTOFF = 1e-10;

/** The options of {@link publishedKfacMethod}. */
export const PUBLISHED_KFAC_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  /** The damping ρ > 0 (default 0.03). */
  damping: positive.default(0.03),
  /** The decay β of the moving averages, in [0, 1) (default 0.95). */
  decay: fraction.default(0.95),
});

/** Options of {@link publishedKfacMethod}. @interface */
export type PublishedKfacOptions = OptionsOf<typeof PUBLISHED_KFAC_OPTIONS>;

/**
 * KFAC whose averages start from I without bias correction, whose gradients are those of the mean loss
 * without the batch size (so B is (batch)² too small), and whose eigenvalues up to 1e-10 count as 0. For
 * reproduction only; see docs/departures.md.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function publishedKfacMethod(options: PublishedKfacOptions = {}): Method {
  const settings = PUBLISHED_KFAC_OPTIONS.read('kfac', options);
  const { damping, decay, maxFailures } = settings;
  return {
    name: 'published-kfac',
    needs: { inputs: true, outputGradients: true },
    maxFailures,
    description: describeMethod('published kfac', PUBLISHED_KFAC_OPTIONS, settings),
    layers(shapes, dtype) {
      checkDenseRows('published-kfac', shapes);
      checkInvertible('kfac', 'damping', damping, dtype);
      PUBLISHED_KFAC_OPTIONS.checkIn('kfac', settings, dtype);
      const average = averageFromIdentity(decay);
      return shapes.map((shape) => {
        const { inputs: p, outputs: q } = shape;
        const statistics: readonly Statistic<'A' | 'B'>[] = [
          activationMoment(p, average),
          {
            name: 'B',
            rows: q,
            cols: q,
            average,
            of: ({ D }, weight, keep, B) => D.secondMoment(weight, keep, B),
          },
        ];
        return eigenbasis(shape, statistics, new Damping(damping, dtype), CUTOFF);
      });
    },
  };
}
