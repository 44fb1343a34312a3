// AdaHessian's direction as a link: moments of the gradient over moments of the diagonal of the Hessian.

import type { Backend, Slot } from '../backend/backend.js';
import { Cell, ofParameters, type StateEntry } from '../backend/state.js';
import { checkInteger, checkNonNegative } from '../core/check.js';
import { type DType, SMALLEST_NORMAL } from '../core/dtype.js';
import { power } from '../core/elementary.js';
import { zeros } from '../core/matrix.js';
import {
  flag,
  fraction,
  guarded,
  integer,
  type OptionsOf,
  optionList,
  positive,
} from '../core/options.js';
import { fillUniform, foldIn, randomKey } from '../core/random.js';
import { checkRange } from '../core/range.js';
import { checkNoNegative } from '../precondition/options.js';
import { HeldBounds } from './held-bounds.js';
import { nonFiniteProduct, productOf } from './hessian-product.js';
import {
  gradientName,
  type ParameterShape,
  type Stage,
  type Step,
  type Transform,
  type TransformContext,
} from './transform.js';

/** The options of {@link scaleByAdahessian}. */
export const SCALE_BY_ADAHESSIAN = /* @__PURE__ */ optionList({
  /** The decay β₁ of the mean gradient, in [0, 1) (default 0.9). */
  beta1: /* @__PURE__ */ fraction.default(0.9),
  /** The decay β₂ of the mean squared diagonal, in [0, 1) (default 0.999). */
  beta2: /* @__PURE__ */ fraction.default(0.999),
  /** The summand ε > 0 of the denominator (default 1e-4). */
  epsilon: /* @__PURE__ */ positive.default(1e-4),
  /** The Hessian power k: 1 (default), 0.5 or 0.25, those that square roots make. */
  power: /* @__PURE__ */ guarded('1, 0.5 or 0.25', isPower).default(1),
  /** The diagonal is estimated at steps k with k mod `hessianEvery` = 0 (default 1). */
  hessianEvery: /* @__PURE__ */ integer(1).default(1),
  /** Whether the diagonal is averaged in blocks: see {@link scaleByAdahessian} (default true). */
  averaged: /* @__PURE__ */ flag.default(true),
  /** The seed of the signs z (default 0). */
  seed: /* @__PURE__ */ integer().default(0),
});

/** Options of {@link scaleByAdahessian}. @interface */
export type ScaleByAdahessianOptions = OptionsOf<typeof SCALE_BY_ADAHESSIAN>;

function isPower(value: unknown): value is 1 | 0.5 | 0.25 {
  return value === 1 || value === 0.5 || value === 0.25;
}

/**
 * AdaHessian's direction: m ← β₁m + (1−β₁)u and, at steps that estimate the diagonal of the Hessian,
 * v ← β₂v + (1−β₂)d², with d = z∘Hz averaged in blocks; u ← m̂/(v̂^(k/2) + ε), m̂ and v̂ corrected for their
 * starts at 0. z is of signs that the seed, the step and the parameter determine, so E[z∘Hz] = diag(H).
 *
 * A block is a row of a matrix, all positions of one input and output in the kernel of a convolution (`positions`
 * of the parameter, of which one that is 1×1 has one), and one element of what has a single column, as biases, or meets one-hot rows (`oneHot`): of
 * the words that a batch does not have its curvature is 0, which would make that of the others too small. v has a
 * number a block.
 *
 * m is of the size of the parameters, v of the blocks; d of one step is beside the state. Cost: O(n) for n
 * parameters, a product with H at steps that estimate it, and two products with a constant matrix of zeros and
 * ones where blocks are averaged. A parameter waits where it has met no estimate yet. Needs `curvature`.
 *
 * Source: Yao, Gholami, Shen, Mustafa, Keutzer and Mahoney 2021, Algorithm 1.
 *
 * @throws RangeError or TypeError on a bad option; RangeError when it is given state, where β₁ or β₂ would
 *   become 0 in the dtype, or ε is below the square root of its smallest normal number. At a step, where
 *   memory is the host's, NonFiniteError where Hz is not finite and RangeError where its square leaves the
 *   range of the dtype; nothing has changed then.
 */
export function scaleByAdahessian(options: ScaleByAdahessianOptions = {}): Transform {
  const where = 'scaleByAdahessian';
  const settings = SCALE_BY_ADAHESSIAN.read(where, options);
  const { beta1, beta2, epsilon, power: k, hessianEvery, averaged, seed } = settings;
  const estimates = (step: number): boolean => step % hessianEvery === 0;
  return {
    description: { method: 'adahessian', ...SCALE_BY_ADAHESSIAN.saved(settings).values },
    curvature: estimates,
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const { backend, parameters } = context;
      const { dtype } = backend;
      checkNonNegative(where, 'beta1', beta1, dtype);
      checkNonNegative(where, 'beta2', beta2, dtype);
      const least = Math.sqrt(SMALLEST_NORMAL[dtype]);
      if (epsilon < least) {
        throw new RangeError(
          `${where}: epsilon is ${epsilon}, expected at least ${least}: below, a square in ${dtype} underflows and nothing is left to divide by`,
        );
      }
      const blocks = parameters.map(
        (shape) =>
          new Blocks(backend, shape.rows, shape.cols, averaged ? widthOf(shape) : shape.cols),
      );
      const like = () => parameters.map(({ rows, cols }) => backend.allocate(rows, cols));
      const means = like();
      const products = like();
      const squares = blocks.map(({ rows, width }) => backend.allocate(rows, width));
      const t = new Cell(0, checkInteger);
      /** Estimates that each v is a mean of. */
      const estimated = parameters.map(() => new Cell(0, checkInteger));
      const held = new HeldBounds(parameters.length, (index) => backend.bound?.(means[index]));
      return {
        state: [
          ...ofParameters('m', means),
          ...ofParameters('v', squares, checkNoNegative),
          ...estimated.map(
            (holds, index): StateEntry<D> => ({
              name: `estimates${index}`,
              part: { of: 'parameter', index, key: 'estimates' },
              holds,
            }),
          ),
          { name: 't', holds: t },
        ],
        workspace: [...products, ...blocks.flatMap(({ pattern }) => pattern ?? [])],
        check(step) {
          if (!estimates(step.index)) return;
          multiplySigns(backend, products, step, seed);
          if (backend.bound === undefined) return;
          for (const [index, d] of products.entries()) {
            const size = backend.bound(d);
            if (!Number.isFinite(size))
              throw nonFiniteProduct(parameters[index].name ?? String(index));
            const name = `the square of the curvature of ${gradientName(context, index)}`;
            checkRange(where, name, size ** 2, dtype);
          }
        },
        bound: (updates) =>
          updates.map((size, index) => {
            const mean = beta1 * held.at(index) + (1 - beta1) * size;
            held.propose(index, mean);
            return mean / (1 - power(beta1, t.value + 1)) / epsilon;
          }),
        update(updates, step) {
          held.accept();
          t.value += 1;
          const first = 1 / (1 - power(beta1, t.value));
          return updates.map((u, index) => {
            const [m, v] = [means[index], squares[index]];
            backend.axpby(1 - beta1, u, beta1, m);
            if (estimates(step.index)) {
              blocks[index].average(products[index], (d) => {
                backend.multiply(1 - beta2, d, d, beta2, v);
              });
              estimated[index].value += 1;
            }
            const next = step.gradients[index];
            const count = estimated[index].value;
            if (count === 0) backend.write(next, zeros(dtype, next.rows, next.cols));
            else {
              const second = 1 / (1 - power(beta2, count));
              blocks[index].spread(v, (V) => {
                divideByPower(backend, first, m, second, V, { power: k, shift: epsilon }, next);
              });
            }
            return next;
          });
        },
        restored: () => held.forget(),
      };
    },
  };
}

/** Blocks in a row: column j is of block j mod this. */
function widthOf({ cols, positions, oneHot = false }: ParameterShape): number {
  if (oneHot) return cols;
  return positions === undefined ? 1 : cols / positions;
}

/** products ← z∘Hz, with signs z of the step. */
function multiplySigns<D extends DType>(
  backend: Backend<D>,
  products: readonly Slot<D>[],
  step: Step<D>,
  seed: number,
): void {
  const key = foldIn(randomKey(seed), step.index);
  backend.borrow((take) => {
    const signs = products.map(({ rows, cols }, index) => {
      const value = zeros(backend.dtype, rows, cols);
      fillUniform(foldIn(key, index), value.data);
      value.data.forEach((x, i) => {
        value.data[i] = x < 0.5 ? -1 : 1;
      });
      const z = take(rows, cols);
      backend.write(z, value);
      return z;
    });
    productOf(step)(signs, products);
    for (const [index, z] of signs.entries()) {
      const zHz = take(z.rows, z.cols);
      backend.multiply(1, z, products[index], 0, zHz);
      backend.axpby(1, zHz, 0, products[index]);
    }
  });
}

/** C ← αA ⊘ (√(βB)^k + shift). */
function divideByPower<D extends DType>(
  backend: Backend<D>,
  alpha: number,
  A: Slot<D>,
  beta: number,
  B: Slot<D>,
  { power: k, shift }: { readonly power: number; readonly shift: number },
  C: Slot<D>,
): void {
  if (k === 1) {
    backend.divideByRoot(alpha, A, beta, B, shift, C);
    return;
  }
  backend.borrow((take) => {
    const root = take(B.rows, B.cols);
    // √x as x/√x, which is less than it by the summand that keeps 0 at 0.
    backend.divideByRoot(1, B, 1, B, Math.sqrt(SMALLEST_NORMAL[backend.dtype]), root);
    divideByPower(backend, alpha, A, Math.sqrt(beta), root, { power: 2 * k, shift }, C);
  });
}

/** Blocks of columns of a matrix: column j is of block j mod `width` of its row. */
class Blocks<D extends DType> {
  readonly rows: number;
  readonly width: number;
  /** width×cols, of ones where a column is of a block: undefined where every element is a block. */
  readonly pattern: Slot<D> | undefined;
  readonly #backend: Backend<D>;
  readonly #cols: number;

  constructor(backend: Backend<D>, rows: number, cols: number, width: number) {
    this.rows = rows;
    this.width = width;
    this.#backend = backend;
    this.#cols = cols;
    if (width === cols) return;
    const pattern = zeros(backend.dtype, width, cols);
    for (let j = 0; j < cols; j++) pattern.set(j % width, j, 1);
    this.pattern = backend.allocate(width, cols);
    backend.write(this.pattern, pattern);
  }

  /** Hands the averages of A over blocks to `use`. */
  average(A: Slot<D>, use: (average: Slot<D>) => void): void {
    const { pattern } = this;
    if (pattern === undefined) {
      use(A);
      return;
    }
    this.#backend.borrow((take) => {
      const average = take(this.rows, this.width);
      this.#backend.gemm(this.width / this.#cols, A, 'N', pattern, 'T', 0, average);
      use(average);
    });
  }

  /** Hands `use` the matrix that has in every column the number of its block. */
  spread(average: Slot<D>, use: (A: Slot<D>) => void): void {
    const { pattern } = this;
    if (pattern === undefined) {
      use(average);
      return;
    }
    this.#backend.borrow((take) => {
      const A = take(this.rows, this.#cols);
      this.#backend.gemm(1, average, 'N', pattern, 'N', 0, A);
      use(A);
    });
  }
}
