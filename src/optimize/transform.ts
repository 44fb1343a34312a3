// An optimiser is a chain of small transforms of the gradients.

import type { Engine } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import { type Stateful, scoped } from '../backend/state.js';
import type { DType } from '../core/dtype.js';
import { checkRange } from '../core/range.js';
import type { LayerParameters } from '../precondition/network.js';
import type { Diagnostics, Observation } from '../precondition/preconditioner.js';

/** Shape of one parameter. */
export interface ParameterShape {
  readonly rows: number;
  readonly cols: number;
}

/** What a transform is built for. */
export interface TransformContext<D extends DType> {
  readonly engine: Engine<D>;
  readonly parameters: readonly ParameterShape[];
  readonly layers: readonly LayerParameters[];
}

/** One step k, as every stage of the chain sees it. */
export interface Step<D extends DType> {
  /** k = 0, 1, 2, … */
  readonly index: number;
  /** θ, to be read only. */
  readonly parameters: readonly Slot<D>[];
  /** By layer; undefined where the batch showed nothing of it. */
  readonly observations: readonly (Observation<D> | undefined)[];
}

/**
 * Bounds of the absolute elements, one a parameter; 0 where the engine cannot look without waiting
 * for a device, so that whatever depends on it passes.
 */
export interface Sizes {
  readonly updates: readonly number[];
  readonly parameters: readonly number[];
}

/** What a step has to be given beside the gradients. */
export interface Needs {
  readonly inputs: boolean;
  readonly outputGradients: boolean;
}

/** A transform with its state, on one engine and for one set of parameters. */
export interface Stage<D extends DType> extends Stateful<D> {
  /** Slots beside the state, whose content does not outlive a step. */
  readonly workspace?: readonly Slot<D>[];
  /**
   * Present where a step can be refused, or updates may grow: throws where something inside would
   * leave the range of the dtype, returns bounds of what {@link update} would leave otherwise, and
   * changes nothing either way. Whoever calls it refuses bounds beyond the range.
   */
  check?(step: Step<D>, sizes: Sizes): readonly number[];
  /** Replaces `updates` (gradients at first) in place, in a step that {@link check} let pass. */
  update(updates: readonly Slot<D>[], step: Step<D>): void;
  /** Present where the stage needs observations. */
  needs?(index: number): Needs;
  /** Present where the stage reads from the engine. */
  flush?(): Promise<void>;
  /** Present where the stage has findings to report. */
  diagnostics?(): readonly (Diagnostics & { readonly layer: string })[];
}

/** A way to turn gradients into updates; {@link Transform.init} gives it state. */
export interface Transform {
  init<D extends DType>(context: TransformContext<D>): Stage<D>;
}

/**
 * The transforms one after the other: the updates of one are the gradients of the next.
 *
 * @throws Nothing itself; the step throws RangeError where the updates that a stage leaves could
 *   leave the range of the dtype.
 */
export function chain(...transforms: readonly Transform[]): Transform {
  return {
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const stages = transforms.map((transform) => transform.init(context));
      return {
        state: stages.flatMap((stage, index) => scoped(String(index), stage.state)),
        workspace: stages.flatMap((stage) => stage.workspace ?? []),
        check(step, sizes) {
          return stages.reduce((updates, stage) => {
            const left = stage.check?.(step, { ...sizes, updates }) ?? updates;
            checkUpdates(left, context.engine.dtype);
            return left;
          }, sizes.updates);
        },
        update(updates, step) {
          for (const stage of stages) stage.update(updates, step);
        },
        needs(index) {
          const needs = stages.map((stage) => stage.needs?.(index));
          return {
            inputs: needs.some((need) => need?.inputs),
            outputGradients: needs.some((need) => need?.outputGradients),
          };
        },
        async flush() {
          await Promise.all(stages.map(async (stage) => stage.flush?.()));
        },
        diagnostics: () => stages.flatMap((stage) => stage.diagnostics?.() ?? []),
      };
    },
  };
}

/** No update may leave the range of the dtype. */
function checkUpdates(bounds: readonly number[], dtype: DType): void {
  bounds.forEach((bound, index) => {
    checkRange('step', `the update made of gradients[${index}]`, bound, dtype);
  });
}

/** A transform without state; without `check` it must not let updates grow. */
export function stateless(
  update: <D extends DType>(engine: Engine<D>, updates: readonly Slot<D>[], step: Step<D>) => void,
  check?: (step: Step<DType>, sizes: Sizes) => readonly number[],
): Transform {
  return {
    init: ({ engine }) => ({
      state: [],
      ...(check === undefined ? {} : { check }),
      update: (updates, step) => update(engine, updates, step),
    }),
  };
}
