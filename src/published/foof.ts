// FOOF as the code published with the NysAct paper computes it.

import { Cell } from '../backend/state.js';
import { checkInteger, checkInvertible } from '../core/check.js';
import { identity } from '../core/matrix.js';
import { fraction, type OptionsOf, optionList, positive } from '../core/options.js';
import { dampedInverse } from '../precondition/dense-inverse.js';
import { curvature, type Method } from '../precondition/method.js';
import { describeMethod, elementsWithin, METHOD_OPTIONS } from '../precondition/options.js';
import { activationMoment } from '../rows/second-moment.js';
import { averageFromIdentity } from './averages.js';
import { checkDenseRows } from './dense-rows.js';

/** The options of {@link publishedFoofMethod}. */
export const PUBLISHED_FOOF_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  /** The damping ρ > 0 (default 1). */
  damping: positive.default(1),
  /** The decay β of the moving average, in [0, 1) (default 0.95). */
  decay: fraction.default(0.95),
});

/** Options of {@link publishedFoofMethod}. @interface */
export type PublishedFoofOptions = OptionsOf<typeof PUBLISHED_FOOF_OPTIONS>;

/**
 * FOOF whose average starts at I but is bias-corrected all the same, with one counter for all layers
 * that grows by the number of layers at every update, and whose first refresh leaves the inverse at I.
 * For reproduction only; see docs/departures.md.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function publishedFoofMethod(options: PublishedFoofOptions = {}): Method {
  const settings = PUBLISHED_FOOF_OPTIONS.read('foof', options);
  const { damping, decay, maxFailures } = settings;
  return {
    name: 'published-foof',
    needs: { inputs: true },
    maxFailures,
    description: describeMethod('published foof', PUBLISHED_FOOF_OPTIONS, settings),
    layers(shapes, dtype) {
      checkDenseRows('published-foof', shapes);
      checkInvertible('foof', 'damping', damping, dtype);
      PUBLISHED_FOOF_OPTIONS.checkIn('foof', settings, dtype);
      const counter = new Cell(0, checkInteger);
      return shapes.map(({ inputs: p }) =>
        curvature({
          gain: Math.max(1, 1 / damping),
          flat: 1,
          statistics: [activationMoment(p, averageFromIdentity(decay, counter))],
          inverse: { R: { rows: p, cols: p, check: elementsWithin(Math.max(1, 1.01 / damping)) } },
          factorise: ({ A }, { refreshes, workspace, dtype: type }) => {
            const R = refreshes === 0 ? identity(type, p) : dampedInverse(A, damping, workspace);
            return { inverse: { R } };
          },
          apply: (on, G, { R }, P) => on.gemm(1, G, 'N', R, 'N', 0, P),
        }),
      );
    },
  };
}
