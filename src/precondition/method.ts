// A method is a value: what it averages, what it makes of the averages, and how that is applied.

import type { Backend, Slot } from '../backend/backend.js';
import type { Description } from '../backend/saved-state.js';
import type { RestoreGuard } from '../backend/state.js';
import { checkType, isObject } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import type { Workspace } from '../core/workspace.js';
import type { Warning } from '../nystrom/certificate.js';
import type { Eigenpairs } from '../nystrom/factor.js';
import type { Averages, Opening, Seen, Statistic } from '../rows/accumulator.js';
import type { Average } from '../rows/moving-average.js';
import type { SketchShape } from '../sketch/shape.js';
import type { Sketch } from '../sketch/sketch.js';

/** What the rows that enter a layer may be. */
export const ROW_FORMS = ['dense', 'oneHot'] as const;

/** What the rows that enter a layer are. */
export type RowForm = (typeof ROW_FORMS)[number];

/** One layer with a weight gradient G of outputs × inputs (q×p, the bias column included). */
export interface LayerShape {
  readonly name: string;
  /** The number of inputs p, one more than the features where the layer has a bias. */
  readonly inputs: number;
  /** The number of outputs q. */
  readonly outputs: number;
  /**
   * What enters: 'oneHot' where every row of X is one of I, as of an embedding: A is diagonal then, p may be
   * very large, and nothing of p×p numbers should be formed. Of other rows only the diagonal counts. Else
   * 'dense'.
   */
  readonly rows?: RowForm | undefined;
}

/** What a method takes its statistics of. */
export interface Needs {
  /** X, what entered the layers. */
  readonly inputs?: boolean;
  /** D, the gradients with respect to the pre-activations. */
  readonly outputGradients?: boolean;
  /** G, the gradients of the weights. */
  readonly gradients?: boolean;
  /** X and D together, row by row: products of their squares must stay in the range of the dtype. */
  readonly products?: boolean;
}

/** What a refresh has to report, by name. */
export type Found = Readonly<Record<string, number | Float64Array>>;

/** One part of an inverse: a matrix on the backend, or a number on the host. */
export type InversePart =
  | {
      readonly rows: number;
      readonly cols: number;
      readonly check?: RestoreGuard<DenseMatrix> | undefined;
    }
  | { readonly value: number; readonly check: RestoreGuard<number> };

/** The parts of an inverse, by name. */
export type InverseParts = Readonly<Record<string, InversePart>>;

/** A part as a matrix of some form, or as a number. */
type As<Part, Matrix> = Part extends { readonly rows: number } ? Matrix : number;

/** An inverse as it is applied. */
export type Held<D extends DType, Parts extends InverseParts> = {
  readonly [Name in keyof Parts]: As<Parts[Name], Slot<D>>;
};

/** An inverse as it is made. */
export type Made<D extends DType, Parts extends InverseParts> = {
  readonly [Name in keyof Parts]: As<Parts[Name], DenseMatrix<D>>;
};

/** What a refresh makes. */
export interface Factorised<D extends DType, Parts extends InverseParts> {
  readonly inverse: Made<D, Parts>;
  readonly found?: Found;
  /** What there is to warn of. */
  readonly warnings?: readonly Warning[];
  /** What the next sketch may follow, in memory of its own. */
  readonly factor?: Eigenpairs;
  /** The rank to go on with, of which the inverse is already: see {@link Curvature.ranks}. */
  readonly rank?: number;
}

/** What a refresh has beside the averages. */
export interface RefreshContext<D extends DType> {
  readonly dtype: D;
  /** The sketch that the averages were taken with; an error where there is none. */
  readonly sketch: Sketch<D>;
  /** Updates of the averages. */
  readonly updates: number;
  /** Refreshes before this one that put an inverse in place. */
  readonly refreshes: number;
  /** Memory for what is needed on the way; what is returned must not be of it. */
  readonly workspace: Workspace;
}

/** What a sketch may follow. */
export interface LastWindow<D extends DType> {
  readonly pairs: Eigenpairs;
  /** The estimates that they were made of. */
  readonly averages: Averages<D>;
}

/** The sketches of a layer, and when a new one is drawn. */
export interface Sketching {
  readonly shape: SketchShape;
  /**
   * The sketch of a window; the same arguments must always give the same one.
   *
   * @param last What the window before has found. There is none in the first window, after one that broke
   *   down, and where windows do not wait for it.
   */
  draw<D extends DType>(draw: number, dtype: D, last?: LastWindow<D>): Sketch<D>;
  /**
   * What the first batch of a window makes of its sketch, in place: the averages start from nothing then.
   * Absent where a sketch is held as it is drawn.
   */
  readonly open?: Opening;
  /**
   * When a window closes, so that the averages start anew with the next sketch: 'never', when a refresh has
   * read them ('read'), or when its factor is in place ('factored'), where the next sketch follows that.
   */
  readonly closes: 'never' | 'read' | 'factored';
  /**
   * Estimates that the averages of a window go on from which closes when it is 'factored', with the sketch of
   * that window. Absent where they start from nothing.
   */
  carry?<D extends DType>(this: void, last: LastWindow<D>, sketch: Sketch<D>): Averages<D>;
}

/** How one layer is preconditioned. */
export interface Curvature<
  Name extends string = string,
  Parts extends InverseParts = InverseParts,
> {
  /** A bound of ‖P‖F/‖G‖F, at any time: what tells an overflow before it happens. */
  readonly gain: number;
  /** P = flat·G before the first good refresh: 1/ρ, when the curvature counts as 0, or 0 to wait for it. */
  readonly flat: number;
  readonly statistics: readonly Statistic<Name>[];
  /** Present where statistics are taken with a sketch. */
  readonly sketch?: Sketching;
  readonly inverse: Parts;
  /** r, where the inverse is of low rank: for reports. */
  readonly rank?: number;
  /**
   * The same at another rank of [1, most], where refreshes choose it: only numbers of columns may differ.
   * The sketching must close its windows when they are 'factored'.
   */
  readonly ranks?: { readonly most: number; of(this: void, rank: number): Curvature };
  /** What there is to report before any refresh. */
  readonly found?: Found;
  /**
   * Makes the inverse of bias-corrected averages, on the host: the refresh. Pure; may throw a breakdown.
   * Gives undefined where the averages say nothing, and the inverse there is should stay.
   * Absent where {@link apply} works from the averages.
   */
  factorise?<D extends DType>(
    this: void,
    averages: Averages<D, Name>,
    context: RefreshContext<D>,
  ): Factorised<D, Parts> | undefined;
  /**
   * What a batch that was observed makes of the inverse in place, on the backend. It must leave parts that
   * their checks accept. Where the step refreshes too, the new inverse takes the place of the amended one, as
   * its averages have seen the batch. Absent where only refreshes change the inverse.
   */
  amend?<D extends DType>(this: void, seen: Seen<D>, inverse: Held<D, Parts>): void;
  /** P ← the preconditioned G (both q×p): the formula. `averages` are as they stand, uncorrected. */
  apply<D extends DType>(
    on: Backend<D>,
    G: Slot<D>,
    inverse: Held<D, Parts>,
    P: Slot<D>,
    averages: Readonly<Record<Name, Average<D>>>,
  ): void;
}

/** A way to precondition. */
export interface Method {
  readonly name: string;
  /** Known before the first step. */
  readonly needs: Needs;
  /** Breakdowns of a layer in a row that are survived before an error. */
  readonly maxFailures: number;
  /** Method and options, for the state of a run. */
  readonly description: Description;
  /**
   * How each layer of one run is preconditioned. Called once a run.
   *
   * @throws RangeError where an option is out of range in `dtype`.
   */
  layers(shapes: readonly LayerShape[], dtype: DType): readonly Curvature[];
}

/** `method` must be one, whoever made it. */
export function checkMethod(where: string, method: unknown): void {
  const fits = isObject(method) && 'layers' in method && 'needs' in method;
  checkType(where, 'method', method, fits, 'a method, as nysactMethod makes it');
}

/**
 * A {@link Curvature} whose names the compiler has checked against each other.
 *
 * @throws TypeError where `parts` lack what every curvature has.
 */
export function curvature<Name extends string, const Parts extends InverseParts>(
  parts: Curvature<Name, Parts>,
): Curvature {
  checkType(
    'curvature',
    'parts',
    parts,
    isCurvature(parts),
    'gain, flat, statistics, inverse and apply',
  );
  return parts;
}

function isCurvature(value: unknown): boolean {
  return (
    isObject(value) &&
    'gain' in value &&
    typeof value.gain === 'number' &&
    'flat' in value &&
    typeof value.flat === 'number' &&
    'statistics' in value &&
    Array.isArray(value.statistics) &&
    'inverse' in value &&
    isObject(value.inverse) &&
    'apply' in value &&
    typeof value.apply === 'function'
  );
}
