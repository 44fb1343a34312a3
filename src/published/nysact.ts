// NysAct as the code published with its paper computes it.

import { checkInvertible } from '../core/check.js';
import { choice, guarded, integer, type OptionsOf, optionList, positive } from '../core/options.js';
import { effectiveDimension, lowRankInverse } from '../nystrom/inverse.js';
import { Damping } from '../precondition/damping.js';
import { exactCurvature } from '../precondition/foof.js';
import { type Curvature, curvature, type LayerShape, type Method } from '../precondition/method.js';
import { applyLowRank } from '../precondition/nysact.js';
import { describeMethod, elementsWithin, METHOD_OPTIONS } from '../precondition/options.js';
import { isSource, type SketchSource, sketchSource } from '../precondition/sketching.js';
import { movingAverage } from '../rows/accumulator.js';
import { SKETCH_KINDS } from '../sketch/distributions.js';
import { freeSketch, holdSketch } from '../sketch/sketch.js';
import { checkDenseRows } from './dense-rows.js';
import { publishedEigenpairs } from './factor.js';

/** The options of {@link publishedNysactMethod}. */
export const PUBLISHED_NYSACT_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  /** The rank r ≥ 1 (default 10). Layers of p ≤ r inputs, or of one-hot rows, get the exact inverse instead. */
  rank: integer(1).default(10),
  /** The damping ρ > 0 (default 1). */
  damping: positive.default(1),
  /** The sketch: 'gaussian' (default) for NysAct-G, 'subcolumn' for NysAct-S, or one's own source. */
  sketch: choice(...SKETCH_KINDS)
    .or(guarded('a function that gives sketches', isSource))
    .default('gaussian'),
  /** Seed of the sketches, a non-negative integer (default 0). */
  seed: integer().default(0),
});

/** Options of {@link publishedNysactMethod}. @interface */
export type PublishedNysactOptions = OptionsOf<typeof PUBLISHED_NYSACT_OPTIONS>;

/**
 * NysAct that draws a new S at every observation and never restarts the average, so that C mixes
 * different sketches, and factorises it as {@link publishedEigenpairs} does. A layer with p ≤ r gets the
 * exact inverse. For reproduction only; see docs/departures.md.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function publishedNysactMethod(options: PublishedNysactOptions = {}): Method {
  const settings = PUBLISHED_NYSACT_OPTIONS.read('nysact', options);
  const { rank, damping, decay, sketch, seed, maxFailures } = settings;
  const source = sketchSource(sketch, seed);
  return {
    name: 'published-nysact',
    needs: { inputs: true },
    maxFailures,
    description: describeMethod('published nysact', PUBLISHED_NYSACT_OPTIONS, settings),
    layers(shapes, dtype) {
      checkDenseRows('published-nysact', shapes);
      checkInvertible('nysact', 'damping', damping, dtype);
      PUBLISHED_NYSACT_OPTIONS.checkIn('nysact', settings, dtype);
      return shapes.map((shape, layer) =>
        shape.inputs <= rank
          ? exactCurvature(shape, new Damping(damping, dtype), decay)
          : redrawn(shape, layer, { rank, damping, decay }, source),
      );
    },
  };
}

/** C and its factor for one layer. The sketch of an update follows from its number, so none is kept. */
function redrawn(
  { inputs }: LayerShape,
  layer: number,
  { rank, damping, decay }: { rank: number; damping: number; decay: number },
  source: SketchSource,
): Curvature {
  const shape = { inputs, width: rank };
  return curvature({
    gain: 1 / damping,
    flat: 1 / damping,
    statistics: [
      {
        name: 'C',
        rows: inputs,
        cols: rank,
        average: movingAverage(decay),
        of({ backend, X, updates }, weight, keep, C) {
          const drawn = source({ layer, draw: updates, shape, dtype: backend.dtype });
          const S = holdSketch(backend, drawn);
          X.sketchMoment(S, weight, keep, C);
          freeSketch(backend, S);
        },
      },
    ],
    rank,
    inverse: { V: { rows: inputs, cols: rank, check: elementsWithin(1 / Math.sqrt(damping)) } },
    factorise({ C }, { dtype, updates, workspace }) {
      const newest = source({ layer, draw: updates - 1, shape, dtype });
      const pairs = publishedEigenpairs(C, newest, damping, workspace);
      const { shift, retries, eigenvalues } = pairs;
      return {
        inverse: { V: lowRankInverse(pairs, dtype, { damping }).V },
        found: {
          shift,
          retries,
          eigenvalues,
          effectiveDimension: effectiveDimension(eigenvalues, damping),
        },
      };
    },
    apply: (on, G, { V }, P) => applyLowRank(on, G, V, damping, P),
  });
}
