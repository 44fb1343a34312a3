// Products of the Hessian of the loss with vectors: what a host gives a step that uses curvature.

import type { Backend, Slot } from '../backend/backend.js';
import type { DType } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import { zeros } from '../core/matrix.js';
import { isPromiseLike } from '../core/promise.js';
import type { ParameterShape } from '../precondition/network.js';

/**
 * products ← H·vectors, one slot a parameter in both, with H the Hessian of the loss that the gradients of
 * the step are of: of the same batch, at the parameters as they are. It writes to `products` alone, and all
 * of them, by operations of the backend that are enqueued when it returns. They hold NaN when it is called, and
 * a product that is not finite is a breakdown, or is refused.
 */
export type HessianProduct<D extends DType> = (
  vectors: readonly Slot<D>[],
  products: readonly Slot<D>[],
) => void;

/** Whether `value` may be a {@link HessianProduct}: a function. */
export function isHessianProduct(value: unknown): value is HessianProduct<DType> {
  return typeof value === 'function';
}

/**
 * The product that a step has to be given.
 *
 * @throws TypeError where it was not.
 */
export function productOf<D extends DType>({
  index,
  hessianProduct,
}: {
  readonly index: number;
  readonly hessianProduct?: HessianProduct<D> | undefined;
}): HessianProduct<D> {
  if (hessianProduct !== undefined) return hessianProduct;
  throw new TypeError(
    `step: hessianProduct is missing, expected a function, as step ${index} uses curvature (see needs.curvature)`,
  );
}

/**
 * The same, which must be done when it returns: what is written after that would come too late. NaN is in
 * every product before, so that what is not written is no number that memory happened to hold.
 */
export function writing<D extends DType>(
  backend: Backend<D>,
  product: HessianProduct<D>,
): HessianProduct<D> {
  return (vectors, products) => {
    for (const slot of products) {
      const value = zeros(backend.dtype, slot.rows, slot.cols);
      value.data.fill(Number.NaN);
      backend.write(slot, value);
    }
    const given: unknown = product(vectors, products);
    if (!isPromiseLike(given)) return;
    throw new TypeError(
      'step: hessianProduct returned a Promise, expected operations that are enqueued when it returns',
    );
  };
}

/** What is wrong where the product for a parameter is not finite; messages call it `name`. */
export function nonFiniteProduct(name: string): NonFiniteError {
  return new NonFiniteError(
    `the product of the Hessian for parameter ${name}`,
    'hessianProduct to write every product, in finite numbers',
  );
}

/** The block of H of the parameters `among` these: all others neither move nor are looked at. */
export function productAmong<D extends DType>(
  backend: Backend<D>,
  product: HessianProduct<D>,
  parameters: readonly ParameterShape[],
  among: readonly number[],
): HessianProduct<D> {
  if (among.length === parameters.length) return product;
  const places = new Map(among.map((index, i) => [index, i]));
  return (vectors, products) => {
    backend.borrow((take) => {
      const all = parameters.map(({ rows, cols }, index) => {
        const i = places.get(index);
        if (i !== undefined) return { vector: vectors[i], product: products[i] };
        const vector = take(rows, cols);
        backend.write(vector, zeros(backend.dtype, rows, cols));
        return { vector, product: take(rows, cols) };
      });
      product(
        all.map(({ vector }) => vector),
        all.map((one) => one.product),
      );
    });
  };
}
