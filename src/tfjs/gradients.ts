// What TensorFlow.js or a caller hands in to compute gradients and to apply them.

import type { NamedTensorMap, Tensor, Variable } from '@tensorflow/tfjs';
import { checkFunction, checkType, isObject } from '../core/check.js';
import { type NamedGradient, variableOf } from './session.js';
import type { NamedTensor, TensorFlowCore } from './tensorflow.js';
import { checkNamedTensors } from './weights.js';

/**
 * Both forms of gradients, without those that are missing.
 *
 * @throws TypeError or RangeError where one is not as its variable is, or comes twice.
 */
export function namedGradients(
  tf: TensorFlowCore,
  gradients: NamedTensorMap | NamedTensor[],
): NamedGradient[] {
  const where = 'applyGradients';
  checkType(where, 'gradients', gradients, isObject(gradients), 'gradients by name');
  if (Array.isArray(gradients)) checkNamedTensors(where, 'gradients', gradients);
  const entries: readonly NamedGradient[] = Array.isArray(gradients)
    ? gradients.map(({ name, tensor }) => [name, tensor])
    : Object.entries(gradients);
  // TensorFlow.js gives null or undefined for a variable that the loss does not depend on.
  const given = entries.filter(([, gradient]) => gradient != null);
  const names = new Set<string>();
  for (const [name, gradient] of given) {
    checkType(where, `gradient '${name}'`, gradient, gradient instanceof tf.Tensor, 'a tensor');
    if (names.has(name)) {
      throw new RangeError(
        `${where}: gradient '${name}' is given twice, expected one of each variable`,
      );
    }
    names.add(name);
    checkFits(variableOf(tf, name), gradient);
  }
  return given;
}

/** A gradient must be as its variable is: what a first step takes settles what later ones take. */
function checkFits(variable: Variable, gradient: Tensor): void {
  const { name, shape } = variable;
  for (const [what, { dtype }] of [
    ['variable', variable],
    ['gradient', gradient],
  ] as const) {
    if (dtype === 'float32') continue;
    throw new TypeError(`applyGradients: ${what} '${name}' holds ${dtype}, expected float32`);
  }
  if (String(gradient.shape) === String(shape)) return;
  throw new RangeError(
    `applyGradients: gradient '${name}' is of shape [${gradient.shape.join(', ')}], expected [${shape.join(', ')}]`,
  );
}

/**
 * The loss must be a function, and the variables some of the copy that was handed in.
 *
 * @throws TypeError where they are not.
 */
export function checkLoss(tf: TensorFlowCore, f: unknown, varList: unknown): void {
  const where = 'computeGradients';
  checkFunction(where, 'f', f);
  // As TensorFlow.js has it, null stands for all variables too.
  if (varList === undefined || varList === null) return;
  const fits =
    Array.isArray(varList) &&
    varList.length > 0 &&
    varList.every((variable) => variable instanceof tf.Tensor && 'assign' in variable);
  checkType(where, 'varList', varList, fits, 'an array of variables');
}
