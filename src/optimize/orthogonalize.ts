// Orthogonalised matrices as a link: what Muon makes of its momentum.

import type { Slot } from '../backend/backend.js';
import { LARGEST_SINGULAR_VALUE, newtonSchulz } from '../backend/newton-schulz.js';
import type { DType } from '../core/dtype.js';
import { integer, type OptionsOf, optionList } from '../core/options.js';
import { checkRange } from '../core/range.js';
import { parametersOf, taken } from './parameter-filter.js';
import {
  gradientName,
  type Stage,
  type Transform,
  type TransformContext,
  writable,
} from './transform.js';

/** The options of {@link orthogonalize}. */
export const ORTHOGONALIZE = /* @__PURE__ */ optionList({
  /** The Newton–Schulz steps ≥ 1 (default 5): each brings the least singular values 3.4 times nearer to 1. */
  steps: /* @__PURE__ */ integer(1).default(5),
});

/** Options of {@link orthogonalize}. @interface */
export type OrthogonalizeOptions = OptionsOf<typeof ORTHOGONALIZE>;

/** A matrix q×p that is orthogonalised: a parameter, or weight and bias of a layer side by side. */
interface Matrix {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** √max(1, q/p). */
  readonly scale: number;
  /** The index of the parameter, or of the weight. */
  readonly index: number;
  /** That of the bias beside it. */
  readonly bias: number | undefined;
}

/**
 * u ← √max(1, q/p)·UVᵀ, nearly, for every matrix u = U·diag(σ)·Vᵀ (q×p): all singular values become about 1, by
 * Newton–Schulz steps X ← aX + bXXᵀX + c(XXᵀ)²X from X = u/‖u‖F, (a, b, c) = (3.4445, −4.7750, 2.0315). After
 * five of them they lie within 0.68 and 1.21 where σ ≥ 0.002‖u‖F.
 *
 * Matrices are the weights of layers, and all other parameters with more than one column. Of a layer whose bias
 * goes through the link too, weight and bias are one matrix. What is left over stays as it is.
 *
 * No state. Cost: with n = min(q, p) 2n²(2·max(q, p) + n) flops a step, and nothing is read.
 * Source: Jordan et al. 2024 (Muon: an optimizer for hidden layers in neural networks).
 *
 * @throws RangeError or TypeError on a bad option; under `refuseOverflow` the step throws where ‖u‖²F could
 *   overflow.
 */
export function orthogonalize(options: OrthogonalizeOptions = {}): Transform {
  const { steps } = ORTHOGONALIZE.read('orthogonalize', options);
  return {
    description: { newtonSchulzSteps: steps },
    matrices: true,
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const { backend, parameters } = context;
      const matrices = matricesOf(context);
      const orthogonalized = (X: Slot<D>, scale: number) => {
        newtonSchulz(backend, X, steps);
        if (scale !== 1) backend.axpby(scale, X, 0, X);
      };
      return {
        state: [],
        bound(updates) {
          const next = [...updates];
          for (const { index, bias, scale } of matrices) {
            const indices = bias === undefined ? [index] : [index, bias];
            const square = indices.reduce((sum, i) => {
              const { rows, cols } = parameters[i];
              return sum + rows * cols * updates[i] ** 2;
            }, 0);
            const name = `the squared norm of ${gradientName(context, index)}`;
            checkRange('orthogonalize', name, square, backend.dtype);
            for (const i of indices) next[i] = LARGEST_SINGULAR_VALUE * scale;
          }
          return next;
        },
        update(updates, step) {
          const next = writable(backend, updates, step);
          for (const { index, bias, rows, cols, scale } of matrices) {
            const u = next[index];
            if (bias === undefined) orthogonalized(u, scale);
            else {
              backend.borrow((take) => {
                const joined = take(rows, cols);
                backend.joinColumns(u, next[bias], joined);
                orthogonalized(joined, scale);
                backend.sliceColumns(joined, 0, u);
                backend.sliceColumns(joined, cols - 1, next[bias]);
              });
            }
          }
          return next;
        },
        diagnostics: () =>
          matrices.map(({ name, rows, cols }) => ({
            layer: name,
            inputs: cols,
            outputs: rows,
            rank: undefined,
            bytes: 0,
            failures: 0,
            refreshes: 0,
            found: {},
            warnings: [],
          })),
      };
    },
  };
}

/** The matrices among the parameters. */
function matricesOf<D extends DType>(context: TransformContext<D>): readonly Matrix[] {
  const biases = new Map(context.layers.map(({ weight, bias }) => [weight, bias]));
  const isMatrix = taken('orthogonalize', 'matrices', 'weights', context);
  return parametersOf(context).flatMap((parameter, index) => {
    if (!isMatrix[index]) return [];
    const { rows, layer, name = String(parameter.index) } = parameter;
    const bias = biases.get(index);
    const cols = bias === undefined ? parameter.cols : parameter.cols + 1;
    const scale = Math.sqrt(Math.max(1, rows / cols));
    return [{ name: layer ?? name, rows, cols, scale, index, bias }];
  });
}
