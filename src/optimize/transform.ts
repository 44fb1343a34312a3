// An optimiser is a chain of small transforms of the gradients; the last one moves the parameters.

import { type Backend, checkBackend, type Slot } from '../backend/backend.js';
import type { Description } from '../backend/saved-state.js';
import { type Stateful, scoped } from '../backend/state.js';
import {
  checkArray,
  checkFunction,
  checkInteger,
  checkOptions,
  checkType,
  isObject,
} from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkRange } from '../core/range.js';
import type { Diagnostics } from '../precondition/layer.js';
import type { LayerParameters, ParameterShape } from '../precondition/network.js';
import type { Observation } from '../precondition/observation.js';
import type { HessianProduct } from './hessian-product.js';
import type { LearningRate } from './learning-rate.js';
import type { Schedule } from './schedules.js';

export type { ParameterShape };

/** A parameter and its place in the network. */
export interface Parameter extends ParameterShape {
  /** Its index among all parameters of the optimiser. */
  readonly index: number;
  /** The name of the layer whose weight or bias it is, if it is one's. */
  readonly layer: string | undefined;
  /** What filters may call it: its name, and that of its layer if the layer was given one. */
  readonly names: readonly string[];
  /** What it is there. */
  readonly role: 'weight' | 'bias' | undefined;
}

/** What a transform is built for. */
export interface TransformContext<D extends DType> {
  readonly backend: Backend<D>;
  readonly parameters: readonly ParameterShape[];
  readonly layers: readonly LayerParameters[];
  /** Present where these are a part of a network: all of its parameters, and those of the part. */
  readonly network?: {
    readonly whole: readonly Parameter[];
    readonly part: readonly Parameter[];
  };
}

/** One step k, as every stage of the chain sees it. */
export interface Step<D extends DType> {
  /** k = 0, 1, 2, … */
  readonly index: number;
  /** η. */
  readonly learningRate: number;
  /** θ. Only the last link of a chain writes to it. */
  readonly parameters: readonly Slot<D>[];
  /** The slots of the gradients, which a step may overwrite. */
  readonly gradients: readonly Slot<D>[];
  /** By layer; undefined where the batch showed nothing of it. */
  readonly observations: readonly (Observation<D> | undefined)[];
  /** Hv of the loss that the gradients are of; undefined where nobody gave it. See `productOf`. */
  readonly hessianProduct?: HessianProduct<D> | undefined;
}

/** What a step has to be given of layers. */
export interface LayerNeeds {
  readonly inputs: boolean;
  readonly outputGradients: boolean;
}

/** What a step has to be given beside the gradients. */
export interface StepNeeds extends LayerNeeds {
  /** Products of the Hessian of the loss with vectors. */
  readonly curvature: boolean;
}

/** A transform with its state, on one backend and for one set of parameters. */
export interface Stage<D extends DType> extends Stateful<D> {
  /** Slots beside the state, whose content does not outlive a step. */
  readonly workspace?: readonly Slot<D>[] | undefined;
  /** Present where a step can be refused: throws, and changes nothing either way. */
  check?(step: Step<D>): void;
  /**
   * Bounds of the elements of the updates that {@link update} would make of such updates, one a
   * parameter; what an overflow is told from. Throws where something on the way could leave the range of
   * the dtype, and changes nothing. Absent where no bound is known.
   */
  bound?(updates: readonly number[], step: Step<D>): readonly number[];
  /**
   * The next updates (gradients at first), in a step that {@link check} let pass: the slots of the
   * gradients, which it may overwrite, or slots of its own, which stay as they are until it is called
   * again. It overwrites nothing else.
   */
  update(updates: readonly Slot<D>[], step: Step<D>): readonly Slot<D>[];
  /** Present where the stage moves the parameters: the last of a chain. */
  readonly learningRate?: LearningRate | undefined;
  /** Present where the stage reads from the backend. */
  flush?(): Promise<void>;
  /** Present where a restore must be told of. */
  restored?(): void;
  /** Present where the stage has findings to report. */
  diagnostics?(): readonly Diagnostics[];
}

/** A way to turn gradients into updates; {@link Transform.init} gives it state. */
export interface Transform {
  /** Name and options, for the state of a run. */
  readonly description: Description;
  /** Present where the transform looks at layers: what step k has to be given of them. */
  needs?(step: number): LayerNeeds;
  /** Whether every matrix among the parameters will do as a layer, as nothing but its gradient is looked at. */
  readonly matrices?: boolean;
  /** Present where the transform asks for products of the Hessian with vectors: whether step k does. */
  curvature?(step: number): boolean;
  /** Present where the transform moves the parameters: η at step k, unless it is set. */
  readonly schedule?: Schedule | undefined;
  init<D extends DType>(context: TransformContext<D>): Stage<D>;
}

/** What a transform has to be given at a step: known without any state. */
export function needsOf(transform: Transform, step: number): StepNeeds {
  const { inputs, outputGradients } = transform.needs?.(step) ?? NOTHING;
  return { inputs, outputGradients, curvature: transform.curvature?.(step) ?? false };
}

const NOTHING: LayerNeeds = { inputs: false, outputGradients: false };

/** What some transforms need together: what any of them does. */
export function jointNeeds(
  transforms: readonly Transform[],
): Pick<Transform, 'needs' | 'matrices' | 'curvature'> {
  const looks = transforms.some((transform) => transform.needs !== undefined);
  const curves = transforms.some((transform) => transform.curvature !== undefined);
  return {
    matrices: transforms.some(({ matrices }) => matrices),
    ...(looks
      ? {
          needs(step) {
            const needs = transforms.map((transform) => transform.needs?.(step));
            return {
              inputs: needs.some((need) => need?.inputs),
              outputGradients: needs.some((need) => need?.outputGradients),
            };
          },
        }
      : {}),
    ...(curves
      ? { curvature: (step) => transforms.some((transform) => transform.curvature?.(step)) }
      : {}),
  };
}

/** `transform` must be one. */
export function checkTransform(where: string, name: string, transform: unknown): void {
  checkType(where, name, transform, isTransform(transform), 'a transform, as nysact makes it');
}

/** Whether `value` has what a transform has. */
export function isTransform(value: unknown): value is Transform {
  return isObject(value) && 'init' in value && 'description' in value;
}

/**
 * The transforms one after the other: the updates of one are the gradients of the next.
 *
 * @throws TypeError where one is no transform, and when it is given state, if a link before the last moves
 *   the parameters.
 */
export function chain(...transforms: readonly Transform[]): Transform {
  transforms.forEach((transform, index) => {
    checkTransform('chain', `transforms[${index}]`, transform);
  });
  return {
    description: Object.fromEntries(
      transforms.flatMap(({ description }, index) =>
        Object.entries(description).map(([name, value]) => [
          transforms.slice(0, index).some((other) => Object.hasOwn(other.description, name))
            ? `${name} (${index})`
            : name,
          value,
        ]),
      ),
    ),
    schedule: transforms.at(-1)?.schedule,
    ...jointNeeds(transforms),
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const stages = transforms.map((transform) => transform.init(context));
      const early = stages.slice(0, -1).findIndex((stage) => stage.learningRate !== undefined);
      if (early >= 0) {
        throw new TypeError(
          `chain: link ${early} moves the parameters, expected the last alone to do so`,
        );
      }
      const bounded = stages.every((stage) => stage.bound !== undefined);
      return {
        state: stages.flatMap((stage, index) => scoped(String(index), stage.state)),
        workspace: stages.flatMap((stage) => stage.workspace ?? []),
        learningRate: stages.at(-1)?.learningRate,
        check(step) {
          for (const stage of stages) stage.check?.(step);
        },
        ...(bounded
          ? {
              bound: (updates: readonly number[], step: Step<D>) =>
                stages.reduce((bounds, stage) => {
                  const left = stage.bound?.(bounds, step) ?? bounds;
                  checkUpdates(left, context);
                  return left;
                }, updates),
            }
          : {}),
        update: (gradients, step) =>
          stages.reduce((updates, stage) => stage.update(updates, step), gradients),
        async flush() {
          await Promise.all(stages.map(async (stage) => stage.flush?.()));
        },
        restored() {
          for (const stage of stages) stage.restored?.();
        },
        diagnostics: () => firstOfEach(stages.flatMap((stage) => stage.diagnostics?.() ?? [])),
      };
    },
  };
}

/** Of each layer, what the first of the links reports that have something to do with it. */
function firstOfEach(all: readonly Diagnostics[]): readonly Diagnostics[] {
  const first = new Map(all.toReversed().map((one) => [one.layer, one]));
  return all.filter((one) => first.get(one.layer) === one);
}

/** No update may leave the range of the dtype. */
function checkUpdates<D extends DType>(
  bounds: readonly number[],
  context: TransformContext<D>,
): void {
  bounds.forEach((bound, index) => {
    const name = `the update made of ${gradientName(context, index)}`;
    checkRange('step', name, bound, context.backend.dtype);
  });
}

/** What messages call the gradient of a parameter. */
export function gradientName<D extends DType>(
  { parameters, network }: TransformContext<D>,
  index: number,
): string {
  const { name = `gradients[${network?.part[index].index ?? index}]` } = parameters[index];
  return name;
}

/**
 * A transform without state. See {@link Stage} for what `update` may overwrite, and for `bound`.
 *
 * @throws TypeError where `description` is no object, or one of the others no function.
 */
export function stateless(
  description: Description,
  update: <D extends DType>(
    backend: Backend<D>,
    updates: readonly Slot<D>[],
    step: Step<D>,
  ) => readonly Slot<D>[],
  bound?: <D extends DType>(updates: readonly number[], step: Step<D>) => readonly number[],
): Transform {
  checkDescription(description);
  checkFunction('stateless', 'update', update);
  if (bound !== undefined) checkFunction('stateless', 'bound', bound);
  return {
    description,
    init: ({ backend }) => ({
      state: [],
      ...(bound === undefined ? {} : { bound }),
      update: (updates, step) => update(backend, updates, step),
    }),
  };
}

/** `description` must hold what JSON can, as the state of a run does. */
function checkDescription(description: unknown): void {
  const where = 'stateless';
  checkOptions(where, description, 'description');
  for (const [name, value] of Object.entries(description)) {
    const fits = ['string', 'number', 'boolean'].includes(typeof value);
    checkType(where, `${name} of description`, value, fits, 'a string, a number or a boolean');
  }
}

/**
 * The updates in slots that a step may overwrite: those of the gradients.
 *
 * @throws TypeError where an argument is of another type.
 */
export function writable<D extends DType>(
  backend: Backend<D>,
  updates: readonly Slot<D>[],
  step: Step<D>,
): readonly Slot<D>[] {
  checkBackend('writable', backend);
  checkArray('writable', 'updates', updates);
  const fits = isObject(step) && Array.isArray(step.gradients);
  checkType('writable', 'step', step, fits, 'a step, with its gradients');
  const { gradients } = step;
  checkInteger(
    'writable',
    'the number of updates',
    updates.length,
    gradients.length,
    gradients.length,
  );
  updates.forEach((u, index) => {
    if (u !== gradients[index]) backend.axpby(1, u, 0, gradients[index]);
  });
  return gradients;
}
