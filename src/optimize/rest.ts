// What trains the parameters that are not preconditioned.

import type { DType } from '../core/dtype.js';
import { choice, guarded, nonNegative, optionList, type SettingsOf } from '../core/options.js';
import { scaleByAdam } from './adam.js';
import { descend } from './descend.js';
import { momentumDirection, type SGD_OPTIONS } from './momentum-steps.js';
import { filterWords, namesOrFunction, parametersOf, taken } from './parameter-filter.js';
import { apart } from './partition.js';
import { scaleBy } from './scale.js';
import { rate } from './schedules.js';
import {
  chain,
  isTransform,
  type Parameter,
  type Transform,
  type TransformContext,
} from './transform.js';
import { addWeightDecay } from './weight-decay.js';

/** Adam's learning rate over that of the preconditioned layers: 0.001 where theirs is 0.1. */
const ADAM_SHARE = 1 / 100;

/** Options for the parameters that are not preconditioned. */
export const REST_OPTIONS = optionList({
  /**
   * What trains the parameters that belong to no layer, or to one that `skip` takes: 'adam'; 'sgd', which
   * is what trains the layers without the preconditioner; or a transform (default 'adam').
   */
  rest: choice('adam', 'sgd').or(guarded('a transform', isTransform)).default('adam'),
  /**
   * The learning rate of 'adam' or 'sgd', a number or a schedule, which setting `learningRate` leaves
   * alone (default: `learningRate`, and a hundredth of it for 'adam').
   */
  restLearningRate: rate,
  /** The weight decay λ ≥ 0 there (default: `weightDecay` for 'sgd'; 0 for 'adam', where it is decoupled). */
  restWeightDecay: nonNegative,
  /** Layers that are not preconditioned: names, or a function of their parameters (default: none). */
  skip: namesOrFunction,
});

/** The settings that decide how parameters move, and which. */
type Settings = SettingsOf<typeof REST_OPTIONS> & SettingsOf<typeof SGD_OPTIONS>;

/** Which parameters are for the direction that is not that of the rest, unless they are skipped. */
type Reach = (parameter: Parameter, isMatrix: boolean) => boolean;

/** The weights and biases of layers. */
const LAYERS: Reach = ({ layer }) => layer !== undefined;

/** The weights of layers, and all other matrices. */
export const MATRICES: Reach = (_, isMatrix) => isMatrix;

/** The weights and biases of layers, and all other matrices. */
export const MATRICES_AND_LAYERS: Reach = ({ layer }, isMatrix) => layer !== undefined || isMatrix;

/**
 * Steps along the direction `layered` for the weights and biases of layers, or what else is within `reach`, and
 * along that of the rest for all other parameters.
 *
 * @throws RangeError where `rest` is a transform, and a learning rate or a decay is given for it too.
 */
export function withRest(
  where: string,
  layered: Transform,
  settings: Settings,
  reach: Reach = LAYERS,
): Transform {
  const { learningRate, skip } = settings;
  const moved = (transform: Transform): Transform => chain(transform, descend(learningRate));
  const rest = restOf(where, settings);
  const transform = moves(rest)
    ? apart([moved(layered), rest], (context) => memberships(where, skip, reach, context))
    : moved(apart([layered, rest], (context) => memberships(where, skip, reach, context)));
  if (skip === undefined) return transform;
  return { ...transform, description: { ...transform.description, skip: filterWords(skip) } };
}

/** Whether a transform ends with `descend`. */
function moves(transform: Transform): boolean {
  return transform.schedule !== undefined;
}

function restOf(where: string, settings: Settings): Transform {
  const { rest, restLearningRate, restWeightDecay, weightDecay, decays } = settings;
  if (typeof rest !== 'string') {
    for (const [name, value] of Object.entries({ restLearningRate, restWeightDecay })) {
      if (value === undefined) continue;
      throw new RangeError(
        `${where}: ${name} is given beside a transform as rest, expected it in the transform alone`,
      );
    }
    return rest;
  }
  const direction =
    rest === 'sgd'
      ? momentumDirection({ ...settings, weightDecay: restWeightDecay ?? weightDecay })
      : chain(scaleByAdam(), addWeightDecay(restWeightDecay ?? 0, { decays }));
  if (restLearningRate !== undefined) return chain(direction, descend(restLearningRate));
  return rest === 'sgd' ? direction : chain(direction, scaleBy(ADAM_SHARE));
}

/** 0 for the parameters within reach that are not skipped, 1 for the rest. */
function memberships<D extends DType>(
  where: string,
  skip: Settings['skip'],
  reach: Reach,
  context: TransformContext<D>,
): readonly number[] {
  const parameters = parametersOf(context);
  const skipped = skip === undefined ? [] : taken(where, 'skip', skip, context);
  const isMatrix = taken(where, 'matrices', 'weights', context);
  // A layer is skipped where its weight or its bias is taken.
  const left = new Set(parameters.filter((_, i) => skipped[i]).map(({ layer }) => layer));
  return parameters.map((parameter, i) => {
    const { layer } = parameter;
    const isLeft = layer === undefined ? skipped[i] : left.has(layer);
    return isLeft || !reach(parameter, isMatrix[i]) ? 1 : 0;
  });
}
