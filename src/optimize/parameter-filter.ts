// Which parameters something concerns: by role, by name or by a function.

import { checkCalled, isCalled } from '../core/called.js';
import { describe } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { choice, guarded, type Option } from '../core/options.js';
import { layerShapes } from '../precondition/network.js';
import type { Parameter, TransformContext } from './transform.js';

/**
 * Which parameters something concerns:
 * - 'all' of them;
 * - 'weights': those of layers, and of all others what has more than one column, hence no biases and no
 *   scales of normalisations;
 * - names, each of a parameter, of its layer, or what stands before a slash in them (`'head'` is
 *   `head/kernel` and `head/bias`);
 * - a function of the parameter.
 */
export type ParameterFilter =
  | 'all'
  | 'weights'
  | readonly string[]
  | ((parameter: Parameter) => boolean);

/** A filter that has no word. @inline */
type NamesOrFunction = Exclude<ParameterFilter, string>;

/** An option that says which parameters something concerns, by name or by a function. */
export const namesOrFunction: Option<NamesOrFunction> = /* @__PURE__ */ guarded(
  'an array of names or a function of a parameter',
  (value): value is NamesOrFunction => typeof value === 'function' || isNames(value),
);

/** An option that says which parameters something concerns. */
export const parameterFilter: Option<ParameterFilter> = /* @__PURE__ */ choice('all', 'weights').or(
  namesOrFunction,
);

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

/** A filter as the state of a run names it. */
export function filterWords(filter: ParameterFilter): string {
  if (typeof filter === 'string') return filter;
  return typeof filter === 'function' ? 'a function' : filter.join(', ');
}

/**
 * The parameters of a transform, each with its place in the network.
 *
 * @throws RangeError or TypeError where layers do not fit the parameters.
 */
export function parametersOf<D extends DType>({
  parameters,
  layers,
  network,
}: TransformContext<D>): readonly Parameter[] {
  // A part of the network is handed on with the places that its parameters have in the whole.
  if (network !== undefined) return network.part;
  const shapes = layerShapes(parameters, layers);
  const owners = new Map<number, number>();
  layers.forEach(({ weight, bias }, l) => {
    owners.set(weight, l);
    if (bias !== undefined) owners.set(bias, l);
  });
  return parameters.map(({ rows, cols, name }, index) => {
    const owner = owners.get(index);
    const own = { rows, cols, name, index };
    if (owner === undefined)
      return { ...own, layer: undefined, role: undefined, names: named(name) };
    return {
      ...own,
      layer: shapes[owner].name,
      role: layers[owner].weight === index ? 'weight' : 'bias',
      names: named(name, layers[owner].name),
    };
  });
}

function named(...names: readonly (string | undefined)[]): readonly string[] {
  return names.filter((name) => name !== undefined);
}

/**
 * Whether `filter` takes each parameter of `context`.
 *
 * @throws RangeError where it names what is no parameter of the network, or what its function gives is
 *   neither true nor false.
 */
export function taken<D extends DType>(
  where: string,
  name: string,
  filter: ParameterFilter,
  context: TransformContext<D>,
): readonly boolean[] {
  const parameters = parametersOf(context);
  if (isNames(filter)) {
    const whole = context.network?.whole ?? parameters;
    checkCalled(
      where,
      name,
      filter,
      whole.flatMap(({ names }) => names),
    );
  }
  return parameters.map((parameter) => takes(where, name, filter, parameter));
}

function takes(
  where: string,
  name: string,
  filter: ParameterFilter,
  parameter: Parameter,
): boolean {
  if (filter === 'all') return true;
  if (filter === 'weights') {
    return parameter.role === 'weight' || (parameter.role === undefined && parameter.cols > 1);
  }
  if (typeof filter !== 'function')
    return parameter.names.some((own) => filter.some((one) => isCalled(one, own)));
  const answer: unknown = filter(parameter);
  if (typeof answer === 'boolean') return answer;
  throw new RangeError(
    `${where}: ${name} gives ${describe(answer)} for parameter ${parameter.index}, expected true or false`,
  );
}
