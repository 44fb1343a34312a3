// Where the sketches of NysAct come from, and when a new one is drawn.

import type { DType } from '../core/dtype.js';
import { convert, type DenseMatrix } from '../core/matrix.js';
import { choice, flag, integer, optionList, type SettingsOf } from '../core/options.js';
import { foldIn, randomKey } from '../core/random.js';
import type { Eigenpairs } from '../nystrom/factor.js';
import { powerStep } from '../nystrom/power.js';
import { carriedSketch, keptColumns, trackingSketch } from '../nystrom/tracking.js';
import type { Averages } from '../rows/accumulator.js';
import { diagonalColumns } from '../sketch/diagonal.js';
import { drawSketch, type SketchKind } from '../sketch/distributions.js';
import type { SketchShape } from '../sketch/shape.js';
import { denseSketch, type Sketch } from '../sketch/sketch.js';
import type { LastWindow, Sketching } from './method.js';
import type { RankFromData } from './rank.js';

/** The options of sketches and of their windows. */
export const WINDOWS = optionList({
  /**
   * How many columns s ≥ 0 a sketch has beyond r, whose r largest eigenvalues are kept (default 0, and half of r
   * where r follows the data).
   */
  oversample: integer(),
  /**
   * When a new sketch is drawn: 'restart' (default) opens a new window after every refresh, 'track' does so
   * with the leading eigenvectors of the last factor among its columns, 'fixed' keeps one sketch for ever;
   * advised where a window would see few observations. Of sketch 'power' the step is one of whatever the window
   * begins with, so that it counts twice under 'track'; where the average is carried, in the first window alone.
   */
  policy: choice('restart', 'track', 'fixed').default('restart'),
  /**
   * Fresh columns of a sketch that tracks, which find what A has turned to; at least those that r eigenvectors
   * leave (default: those that it is oversampled by; else 2, and fewer than r; none of what is carried).
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
  readonly shape: SketchShape;
  readonly dtype: D;
}) => Sketch<D>;

/** A source that is shown the diagonal of Ā over the last window too, 1×p. */
type ShownSource = <D extends DType>(
  request: Parameters<SketchSource>[0] & {
    readonly dtype: D;
    readonly diagonal?: DenseMatrix | undefined;
  },
) => Sketch<D>;

/** Whether an option is a source. */
export function isSource(value: unknown): value is SketchSource {
  return typeof value === 'function';
}

/** The sketches that follow what is observed. */
export const FOLLOWING = ['diagonal', 'power'] as const;

/** What NysAct's sketches are drawn from. */
type SketchOption = SketchKind | (typeof FOLLOWING)[number] | SketchSource;

/** Every layer and every draw has its own stream of random numbers. */
export function sketchSource(sketch: SketchOption, seed: number): ShownSource {
  if (typeof sketch === 'function') return sketch;
  const key = randomKey(seed);
  return ({ layer, draw, diagonal, shape, dtype }) => {
    const own = foldIn(foldIn(key, layer), draw);
    if (sketch === 'power') return drawSketch('gaussian', shape, dtype, own);
    if (sketch !== 'diagonal') return drawSketch(sketch, shape, dtype, own);
    if (diagonal === undefined) return drawSketch('subcolumn', shape, dtype, own);
    return diagonalColumns(convert(diagonal, 'float64').data, shape.width, own);
  };
}

/** Where the sketches of a run come from, and what they ask of its windows. */
export interface WindowSource {
  readonly draw: ShownSource;
  /** Whether they follow what the window before has found, whatever the policy. */
  readonly follows: boolean;
  /** Whether they ask for the diagonal of Ā. */
  readonly weighs: boolean;
  /** What the first batch of a window makes of them, if anything. */
  readonly open: Pick<Sketching, 'open'>;
}

/** The source that the option names. */
export function windowSource(sketch: SketchOption, seed: number): WindowSource {
  const weighs = sketch === 'diagonal';
  return {
    draw: sketchSource(sketch, seed),
    follows: weighs || typeof sketch === 'function',
    weighs,
    open: sketch === 'power' ? { open: powerStep } : {},
  };
}

/** The sketches of one layer, of r = `rank` and `oversample` more columns. */
export function sketchedWindows(
  shape: SketchShape,
  layer: number,
  settings: Pick<SettingsOf<typeof WINDOWS>, 'policy' | 'carry' | 'fresh'> & {
    readonly rank: number;
    readonly oversample: number;
    /** Whether the next window may have another shape. */
    readonly adapts: boolean;
  },
  source: WindowSource,
): Sketching {
  const { policy, carry, adapts } = settings;
  const drawn: Sketching['draw'] = (draw, dtype, last) =>
    source.draw({ layer, draw, last: last?.pairs, diagonal: last?.averages.a, shape, dtype });
  if (policy === 'track') {
    const kept = keptColumns({ ...settings, width: shape.width });
    return {
      shape,
      draw(draw, dtype, last) {
        const sketch = drawn(draw, dtype, last);
        if (last !== undefined) return trackingSketch(last.pairs, sketch, kept, dtype);
        // Of the form of all that follow.
        return { ...shape, kind: 'dense', S: denseSketch(sketch, dtype) };
      },
      closes: 'factored',
      ...source.open,
      ...(carry ? { carry: carried } : {}),
    };
  }
  const sketching = { shape, draw: drawn, ...source.open };
  if (policy === 'fixed') return { ...sketching, closes: 'never' };
  return { ...sketching, closes: source.follows || adapts ? 'factored' : 'read' };
}

/**
 * Options of one policy mean nothing under another, unless some layers have that one.
 *
 * @throws RangeError where they are given.
 */
export function checkWindows(
  where: string,
  {
    policy,
    fresh,
    carry,
    rank,
  }: SettingsOf<typeof WINDOWS> & { readonly rank: number | RankFromData },
  sketch: SketchOption,
): void {
  checkRank(where, policy, rank);
  if (policy === 'fixed' && sketch === 'diagonal') {
    throw new RangeError(
      `${where}: sketch is 'diagonal' under policy 'fixed', expected a policy that draws anew`,
    );
  }
  if (policy === 'track') return;
  for (const [name, value] of Object.entries({ fresh, carry })) {
    if (value === undefined || value === false) continue;
    throw new RangeError(
      `${where}: ${name} is ${value} under policy '${policy}', expected policy 'track'`,
    );
  }
}

/**
 * A sketch that stays has a rank that stays.
 *
 * @throws RangeError where the rank follows the data.
 */
export function checkRank(
  where: string,
  policy: SettingsOf<typeof WINDOWS>['policy'],
  rank: number | RankFromData,
): void {
  if (policy !== 'fixed' || typeof rank === 'number') return;
  throw new RangeError(
    `${where}: rank follows the data under policy 'fixed', expected a policy that draws anew`,
  );
}

/** The average goes on with what its factor has of it. */
function carried<D extends DType>(
  { averages, pairs }: LastWindow<D>,
  sketch: Sketch<D>,
): Averages<D> {
  return { ...averages, C: carriedSketch(pairs, sketch, averages.C.dtype) };
}
