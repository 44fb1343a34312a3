// Scaling by a norm that lies on a device, by primitives alone, so that nothing has to be read.

import { type DType, SMALLEST_NORMAL } from '../core/dtype.js';
import type { Backend, Slot } from './backend.js';

/** The largest factor: its square is far from the ends of float32. */
const MOST = 2 ** 30;

/**
 * C ← √(target/square)·C in place, for 1×1 slots ≥ 0: where `square` is ‖C‖²F, `target` is ‖C‖²F afterwards.
 *
 * The factor is 2³⁰ at most, so 0 stays 0. A target that is no normal number counts as the smallest that is one.
 */
export function rescale<D extends DType>(
  backend: Backend<D>,
  square: Slot<D>,
  target: Slot<D>,
  C: Slot<D>,
): void {
  backend.borrow((take) => {
    const ratio = take(1, 1);
    backend.divide(square, target, SMALLEST_NORMAL[backend.dtype], ratio);
    backend.clip(ratio, MOST ** -2, C);
    backend.axpby(MOST, C, 0, C);
  });
}
