// Grafting as a link: the direction of one transform at the size of another.

import type { Slot } from '../backend/backend.js';
import { rescale } from '../backend/rescale.js';
import { scoped } from '../backend/state.js';
import type { DType } from '../core/dtype.js';
import { checkRange } from '../core/range.js';
import {
  chain,
  checkTransform,
  type Stage,
  type Transform,
  type TransformContext,
  writable,
} from './transform.js';

/** Roundings of norms: what an update may exceed the one by whose size it goes. */
const SLACK = 1 + 2 ** -10;

/**
 * u ← d·‖s‖F/‖d‖F, layer by layer (weight and bias together, and every other parameter alone), with d what
 * `direction` and s what `size` makes of u; by default s = u, so that steps are as long as those of SGD. Where d
 * is 0, so is u; the factor is at most 2³⁰. A norm whose square underflows, 1e-19 in float32, counts as that one.
 *
 * Memory beside that of the two: a copy of the gradients. Source: Agarwal et al. 2020 (arXiv:2002.11803).
 *
 * @throws TypeError where an argument is no transform; when it is given state, where one of them moves the
 *   parameters; under `refuseOverflow` the step throws a RangeError where ‖d‖²F or ‖s‖²F could overflow.
 */
export function graft(direction: Transform, size: Transform = chain()): Transform {
  checkTransform('graft', 'direction', direction);
  checkTransform('graft', 'size', size);
  // What the two need together, whichever of them does.
  const both = chain(direction, size);
  const sizes = Object.entries(size.description);
  return {
    ...both,
    description: {
      ...direction.description,
      grafted: true,
      ...Object.fromEntries(sizes.map(([name, value]) => [`size: ${name}`, value])),
    },
    init: (context) => grafted(direction, size, context),
  };
}

function grafted<D extends DType>(
  direction: Transform,
  size: Transform,
  context: TransformContext<D>,
): Stage<D> {
  const { backend, parameters } = context;
  const [towards, long] = [direction.init(context), size.init(context)];
  const stages = [towards, long];
  if (stages.some(({ learningRate }) => learningRate !== undefined)) {
    throw new TypeError('graft: a transform moves the parameters, expected a link behind to do so');
  }
  const units = unitsOf(context);
  // What either transform makes may lie where the gradients were.
  const copies = parameters.map(({ rows, cols }) => backend.allocate(rows, cols));
  const targets = units.map(() => backend.allocate(1, 1));
  const square = backend.allocate(1, 1);
  const sumSquares = (updates: readonly Slot<D>[], unit: readonly number[], sum: Slot<D>) => {
    unit.forEach((i, k) => {
      backend.dot(1, updates[i], updates[i], Math.min(k, 1), sum);
    });
  };
  const squaredNorm = (bounds: readonly number[], unit: readonly number[]) => {
    const sum = unit.reduce((total, i) => {
      const { rows, cols } = parameters[i];
      return total + rows * cols * bounds[i] ** 2;
    }, 0);
    checkRange('graft', 'the squared norm of the gradients', sum, backend.dtype);
    return sum;
  };
  const isBounded = stages.every((stage) => stage.bound !== undefined);
  return {
    state: [...scoped('direction', towards.state), ...scoped('size', long.state)],
    workspace: [
      ...copies,
      ...targets,
      square,
      ...stages.flatMap(({ workspace = [] }) => workspace),
    ],
    check(step) {
      for (const stage of stages) stage.check?.(step);
    },
    ...(isBounded
      ? {
          bound(updates, step) {
            const directions = towards.bound?.(updates, step) ?? updates;
            const next = [...(long.bound?.(updates, step) ?? updates)];
            for (const unit of units) {
              squaredNorm(directions, unit);
              const norm = Math.sqrt(squaredNorm(next, unit)) * SLACK;
              for (const i of unit) next[i] = norm;
            }
            return next;
          },
        }
      : {}),
    update(updates, step) {
      updates.forEach((u, i) => {
        backend.axpby(1, u, 0, copies[i]);
      });
      const sizes = long.update(copies, { ...step, gradients: copies });
      units.forEach((unit, k) => {
        sumSquares(sizes, unit, targets[k]);
      });
      const next = writable(backend, towards.update(updates, step), step);
      units.forEach((unit, k) => {
        sumSquares(next, unit, square);
        for (const i of unit) rescale(backend, square, targets[k], next[i]);
      });
      return next;
    },
    async flush() {
      await Promise.all(stages.map(async (stage) => stage.flush?.()));
    },
    restored() {
      for (const stage of stages) stage.restored?.();
    },
    diagnostics: () => stages.flatMap((stage) => stage.diagnostics?.() ?? []),
  };
}

/** The parameters that have one norm. */
function unitsOf<D extends DType>({
  parameters,
  layers,
}: TransformContext<D>): readonly (readonly number[])[] {
  const layered = layers.map(({ weight, bias }) =>
    bias === undefined ? [weight] : [weight, bias],
  );
  const known = new Set(layered.flat());
  const others = [...parameters.keys()].filter((index) => !known.has(index));
  return [...layered, ...others.map((index) => [index])];
}
