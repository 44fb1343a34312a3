// Groups of parameters, each with a transform of its own.

import type { Slot } from '../backend/backend.js';
import type { Description } from '../backend/saved-state.js';
import { type StateEntry, scoped } from '../backend/state.js';
import { checkArray, checkType, isObject } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { guarded, optionList } from '../core/options.js';
import { type LayerParameters, layerShapes } from '../precondition/network.js';
import { checkCount, checkObservation } from '../precondition/observation.js';
import { productAmong } from './hessian-product.js';
import { type ParameterFilter, parameterFilter, parametersOf, taken } from './parameter-filter.js';
import {
  checkTransform,
  isTransform,
  jointNeeds,
  type LayerNeeds,
  type Parameter,
  type Stage,
  type Step,
  type Transform,
  type TransformContext,
} from './transform.js';

/** A group of parameters. */
export interface Group {
  /** Which parameters are of the group, if they are of none before it. */
  readonly takes: ParameterFilter;
  /** What becomes of their gradients. */
  readonly transform: Transform;
}

const GROUP = /* @__PURE__ */ optionList({
  takes: parameterFilter,
  transform: /* @__PURE__ */ guarded('a transform', isTransform),
});

/**
 * Every parameter goes through the transform of the first of `groups` that takes it, all others through
 * `others`. Either all transforms move parameters, and `learningRate` of the optimiser is that of the
 * first; or none does, and a link behind moves them all.
 *
 * A group that preconditions has the layers whose weight and bias both are its own.
 *
 * @example
 * const embeddings = { takes: ['embedding'], transform: adam({ learningRate: 1e-3 }) };
 * const transform = partition([embeddings], nysact({ learningRate: 0.1 }));
 * @throws TypeError where a group or a transform is none; when it is given state, RangeError where a
 *   filter names no parameter, or a layer's weight and bias are of two groups and one of them
 *   preconditions, and TypeError where some transforms move parameters and some do not.
 */
export function partition(groups: readonly Group[], others: Transform): Transform {
  const where = 'partition';
  checkArray(where, 'groups', groups);
  groups.forEach((group, index) => {
    const name = `groups[${index}]`;
    checkType(where, name, group, isObject(group), 'an object with takes and a transform');
    GROUP.read(where, group, name);
    checkType(where, `${name}.takes`, group.takes, group.takes !== undefined, 'a filter');
    checkTransform(where, `${name}.transform`, group.transform);
  });
  checkTransform(where, 'others', others);
  const transforms = [...groups.map(({ transform }) => transform), others];
  return apart(transforms, (context) => membersOf(groups, context));
}

/**
 * Every parameter goes through one of `transforms`: that whose index `memberOf` gives for it.
 *
 * @throws As {@link partition} does where it is given state.
 */
export function apart(
  transforms: readonly Transform[],
  memberOf: <D extends DType>(this: void, context: TransformContext<D>) => readonly number[],
): Transform {
  const joint = jointNeeds(transforms);
  const needs = joint.needs?.bind(joint);
  return {
    description: describeGroups(transforms),
    schedule: transforms[0].schedule,
    ...joint,
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const whole = parametersOf(context);
      const members = memberOf(context);
      if (needs !== undefined) checkLayers(context.layers, whole, members);
      const parts = transforms.map((transform, g) => {
        const part = partOf(context, members, g);
        return { ...part, stage: transform.init(part.context) };
      });
      const stage = joined(parts, context);
      const seen = new Set(
        parts.flatMap(({ layers }, g) => (transforms[g].needs === undefined ? [] : layers)),
      );
      return needs === undefined ? stage : watched(stage, context, seen, needs);
    },
  };
}

/** The first group as it is, the others under their numbers. */
function describeGroups(transforms: readonly Transform[]): Description {
  return Object.fromEntries(
    transforms.flatMap(({ description }, g) =>
      Object.entries(description).map(([name, value]) => [
        g === 0 ? name : `group ${g}: ${name}`,
        value,
      ]),
    ),
  );
}

/** The group of each parameter. */
function membersOf<D extends DType>(
  groups: readonly Group[],
  context: TransformContext<D>,
): readonly number[] {
  const takes = groups.map((group, g) =>
    taken('partition', `groups[${g}].takes`, group.takes, context),
  );
  return context.parameters.map((_, index) => {
    const first = takes.findIndex((ofGroup) => ofGroup[index]);
    return first < 0 ? groups.length : first;
  });
}

/** A layer cannot be preconditioned in halves. */
function checkLayers(
  layers: readonly LayerParameters[],
  parameters: readonly Parameter[],
  members: readonly number[],
): void {
  for (const { weight, bias } of layers) {
    if (bias === undefined || members[weight] === members[bias]) continue;
    throw new RangeError(
      `partition: layer '${parameters[weight].layer}' has its weight in group ${members[weight]} and its bias in group ${members[bias]}, expected both in one, as it may be preconditioned`,
    );
  }
}

/** A group with what it is made for, and where that is in the whole. */
interface Part<D extends DType> {
  readonly context: TransformContext<D>;
  /** Indices in the whole. */
  readonly parameters: readonly number[];
  readonly layers: readonly number[];
}

function partOf<D extends DType>(
  context: TransformContext<D>,
  members: readonly number[],
  group: number,
): Part<D> {
  const whole = parametersOf(context);
  const parameters = context.parameters.flatMap((_, i) => (members[i] === group ? [i] : []));
  const layers = context.layers.flatMap(({ weight, bias = weight }, l) =>
    members[weight] === group && members[bias] === group ? [l] : [],
  );
  const places = new Map(parameters.map((index, i) => [index, i]));
  return {
    parameters,
    layers,
    context: {
      backend: context.backend,
      parameters: parameters.map((i) => context.parameters[i]),
      layers: layers.map((l) => {
        const { weight, bias, ...rest } = context.layers[l];
        return {
          ...rest,
          name: whole[weight].layer,
          weight: places.get(weight) ?? 0,
          bias: bias === undefined ? undefined : places.get(bias),
        };
      }),
      network: {
        whole: context.network?.whole ?? whole,
        part: parameters.map((i) => whole[i]),
      },
    },
  };
}

/** The values at these indices. */
function pick<T>(values: readonly T[], indices: readonly number[]): T[] {
  return indices.map((index) => values[index]);
}

/** The stages of all groups as one. */
function joined<D extends DType>(
  parts: readonly (Part<D> & { readonly stage: Stage<D> })[],
  { parameters }: TransformContext<D>,
): Stage<D> {
  const moving = parts.filter(({ stage }) => stage.learningRate !== undefined);
  if (moving.length > 0 && moving.length < parts.length) {
    throw new TypeError(
      'partition: some groups move their parameters and some do not, expected all or none to do so',
    );
  }
  /** What each part gives for its own, in the order of the whole. */
  const gather = <T>(of: (part: (typeof parts)[number]) => readonly T[]): readonly T[] => {
    const all = new Map(
      parts.flatMap((part) => of(part).map((value, i) => [part.parameters[i], value] as const)),
    );
    return parameters.flatMap((_, index) => {
      const value = all.get(index);
      return value === undefined ? [] : [value];
    });
  };
  const stepOf = (part: (typeof parts)[number], step: Step<D>): Step<D> => ({
    index: step.index,
    learningRate: part.stage.learningRate?.at(step.index) ?? step.learningRate,
    parameters: pick(step.parameters, part.parameters),
    gradients: pick(step.gradients, part.parameters),
    observations: pick(step.observations, part.layers),
    hessianProduct:
      step.hessianProduct &&
      productAmong(part.context.backend, step.hessianProduct, parameters, part.parameters),
  });
  const bounded = parts.every(({ stage }) => stage.bound !== undefined);
  return {
    state: parts.flatMap((part, g) =>
      scoped(
        String(g),
        part.stage.state.map((one) => placed(one, part)),
      ),
    ),
    workspace: parts.flatMap(({ stage }) => stage.workspace ?? []),
    learningRate: parts[0].stage.learningRate,
    check(step) {
      for (const part of parts) part.stage.check?.(stepOf(part, step));
    },
    ...(bounded
      ? {
          bound: (updates: readonly number[], step: Step<D>) =>
            gather((part) => {
              const own = pick(updates, part.parameters);
              return part.stage.bound?.(own, stepOf(part, step)) ?? own;
            }),
        }
      : {}),
    update: (updates: readonly Slot<D>[], step) =>
      gather((part) => part.stage.update(pick(updates, part.parameters), stepOf(part, step))),
    async flush() {
      await Promise.all(parts.map(async ({ stage }) => stage.flush?.()));
    },
    restored() {
      for (const { stage } of parts) stage.restored?.();
    },
    diagnostics: () => parts.flatMap(({ stage }) => stage.diagnostics?.() ?? []),
  };
}

/** The same stage, which also refuses bad observations of the layers that no group has `seen`. */
function watched<D extends DType>(
  stage: Stage<D>,
  { backend, parameters, layers }: TransformContext<D>,
  seen: ReadonlySet<number>,
  needsAt: (step: number) => LayerNeeds,
): Stage<D> {
  const shapes = layerShapes(parameters, layers);
  return {
    ...stage,
    check(step) {
      const needs = needsAt(step.index);
      checkCount(step.observations, layers.length);
      step.observations.forEach((observation, l) => {
        if (seen.has(l) || observation === undefined || !needs.inputs) return;
        checkObservation(backend, shapes[l], needs, observation);
      });
      stage.check?.(step);
    },
  };
}

/** A piece of a part's state, with the index that its parameter or layer has in the whole. */
function placed<D extends DType>(entry: StateEntry<D>, part: Part<D>): StateEntry<D> {
  if (entry.part === undefined) return entry;
  const { of, index } = entry.part;
  const indices = of === 'parameter' ? part.parameters : part.layers;
  return { ...entry, part: { ...entry.part, index: indices[index] } };
}
