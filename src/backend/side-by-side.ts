// Many matrices as one.

import type { DType } from '../core/dtype.js';
import type { Backend, Slot, Take } from './backend.js';

/**
 * The columns of all `parts` in their order, in a slot that is taken, or the only part itself. They are joined
 * two by two: of n parts every number is copied log₂n times.
 */
export function sideBySide<D extends DType>(
  backend: Backend<D>,
  take: Take<D>,
  parts: readonly Slot<D>[],
): Slot<D> {
  if (parts.length === 1) return parts[0];
  const half = Math.ceil(parts.length / 2);
  const left = sideBySide(backend, take, parts.slice(0, half));
  const right = sideBySide(backend, take, parts.slice(half));
  const all = take(left.rows, left.cols + right.cols);
  backend.joinColumns(left, right, all);
  return all;
}
