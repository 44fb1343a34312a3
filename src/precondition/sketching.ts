// Where the sketches of NysAct come from, and when a new one is drawn.

import { checkInteger } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { convert, type DenseMatrix } from '../core/matrix.js';
import { choice, flag, integer, optionList, type SettingsOf } from '../core/options.js';
import { foldIn, randomKey } from '../core/random.js';
import type { Eigenpairs } from '../nystrom/factor.js';
import { carriedSketch, trackingSketch } from '../nystrom/tracking.js';
import type { Averages } from '../rows/accumulator.js';
import { diagonalColumns } from '../sketch/diagonal.js';
import { drawSketch, type SketchKind } from '../sketch/distributions.js';
import type { SketchShape } from '../sketch/shape.js';
import { denseSketch, type Sketch } from '../sketch/sketch.js';
import type { LastWindow, Sketching } from './method.js';

/** The options of sketches and of their windows. */
export const WINDOWS = optionList({
  /** How many columns s ≥ 0 a sketch has beyond r, whose r largest eigenvalues are kept (default 0). */
  oversample: integer().default(0),
  /**
   * When a new sketch is drawn: 'restart' (default) opens a new window after every refresh, 'track' does so
   * with the leading eigenvectors of the last factor among its columns, 'fixed' keeps one sketch for ever;
   * advised where a window would see few observations.
   */
  policy: choice('restart', 'track', 'fixed').default('restart'),
  /**
   * Fresh columns of a sketch that tracks, which find what A has turned to: at most its width (default: those
   * that it is oversampled by, else 2, and fewer than r).
   */
  fresh: integer(),
  /**
   * Whether a sketch that tracks carries the average over its windows, so that Â approximates the average of
   * all of them and not of the last one alone (default false).
   */
  carry: flag.default(false),
});

/** A source of sketches other than the seeded one: the same arguments must give the same sketch. */
export type SketchSource = <D extends DType>(request: {
  readonly layer: number;
  /** 0 for the first sketch of the layer, 1 for the next… */
  readonly draw: number;
  /** The factor of the window before, if there was one and it did not break down. */
  readonly last?: Eigenpairs | undefined;
  /** The diagonal of Ā over that window, 1×p, under `sketch: 'diagonal'`. */
  readonly diagonal?: DenseMatrix | undefined;
  readonly shape: SketchShape;
  readonly dtype: D;
}) => Sketch<D>;

/** Whether an option is a source. */
export function isSource(value: unknown): value is SketchSource {
  return typeof value === 'function';
}

/** The distributions that follow what a window has found. */
export const FOLLOWING = ['diagonal'] as const;

/** What NysAct's sketches are drawn from. */
type SketchOption = SketchKind | (typeof FOLLOWING)[number] | SketchSource;

/** Every layer and every draw has its own stream of random numbers. */
export function sketchSource(sketch: SketchOption, seed: number): SketchSource {
  if (typeof sketch === 'function') return sketch;
  const key = randomKey(seed);
  return ({ layer, draw, diagonal, shape, dtype }) => {
    const own = foldIn(foldIn(key, layer), draw);
    if (sketch !== 'diagonal') return drawSketch(sketch, shape, dtype, own);
    if (diagonal === undefined) return drawSketch('subcolumn', shape, dtype, own);
    return diagonalColumns(convert(diagonal, 'float64').data, shape.width, own);
  };
}

/** Whether sketches follow what the window before has found, beside its factor under 'track'. */
export function follows(sketch: SketchOption): boolean {
  return typeof sketch === 'function' || sketch === 'diagonal';
}

/**
 * The sketches of one layer.
 *
 * @throws RangeError where an option is of another policy, or there are more fresh columns than columns.
 */
export function sketchedWindows(
  shape: SketchShape,
  layer: number,
  settings: SettingsOf<typeof WINDOWS> & { readonly rank: number },
  { source, isFollowing }: { readonly source: SketchSource; readonly isFollowing: boolean },
): Sketching {
  const { policy, rank, oversample, carry } = settings;
  const drawn: Sketching['draw'] = (draw, dtype, last) =>
    source({ layer, draw, last: last?.pairs, diagonal: last?.averages.a, shape, dtype });
  if (policy === 'track') {
    const { fresh = oversample > 0 ? oversample : Math.min(2, rank - 1) } = settings;
    checkInteger('nysact', 'fresh', fresh, 0, shape.width);
    const kept = Math.min(rank, shape.width - fresh);
    return {
      shape,
      draw(draw, dtype, last) {
        const sketch = drawn(draw, dtype, last);
        if (last !== undefined) return trackingSketch(last.pairs, sketch, kept, dtype);
        // Of the form of all that follow.
        return { ...shape, kind: 'dense', S: denseSketch(sketch, dtype) };
      },
      closes: 'factored',
      ...(carry ? { carry: carried } : {}),
    };
  }
  for (const name of ['fresh', 'carry'] as const) {
    const value = settings[name];
    if (value === undefined || value === false) continue;
    throw new RangeError(
      `nysact: ${name} is ${value} under policy '${policy}', expected policy 'track'`,
    );
  }
  if (policy === 'fixed') return { shape, draw: drawn, closes: 'never' };
  return { shape, draw: drawn, closes: isFollowing ? 'factored' : 'read' };
}

/** The average goes on with what its factor has of it. */
function carried<D extends DType>(
  { averages, pairs }: LastWindow<D>,
  sketch: Sketch<D>,
): Averages<D> {
  return { ...averages, C: carriedSketch(pairs, sketch, averages.C.dtype) };
}
