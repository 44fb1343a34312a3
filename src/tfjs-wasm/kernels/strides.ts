// Copies between patterns of strides, in as few dimensions as they need.

import type { Host } from '../host.js';

/** An axis of a copy: its length, and by how many elements its steps move in the source and in the target. */
export interface Axis {
  readonly length: number;
  readonly from: number;
  readonly to: number;
}

/** How many axes copyStrided takes. */
const RANK = 6;

/** The strides of a tensor of this shape, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const length of shape.toReversed()) {
    strides.unshift(stride);
    stride *= length;
  }
  return strides;
}

/** The axes of a copy in the order of the target; undefined where there are more than the kernel takes. */
export function planCopy(axes: readonly Axis[]): readonly Axis[] | undefined {
  const merged: Axis[] = [];
  for (const axis of axes) {
    if (axis.length === 1) continue;
    const outer = merged.at(-1);
    if (outer?.from === axis.from * axis.length && outer.to === axis.to * axis.length) {
      merged[merged.length - 1] = { ...axis, length: outer.length * axis.length };
    } else {
      merged.push(axis);
    }
  }
  if (merged.length > RANK) return undefined;
  const last = merged.pop() ?? { length: 1, from: 1, to: 1 };
  // Source and target run through memory along the two innermost axes, where they do not along one.
  const unit = merged.findIndex(({ from }) => from === 1);
  if (unit >= 0) merged.push(...merged.splice(unit, 1));
  const missing = Array.from({ length: RANK - 1 - merged.length }, () => ({
    length: 1,
    from: 0,
    to: 0,
  }));
  return [...missing, ...merged, last];
}

/** Copies elements of four bytes, by the axes of {@link planCopy}, between two addresses. */
export function copy(host: Host, plan: readonly Axis[], from: number, to: number): void {
  host.exports.copyStrided(...plan.flatMap((axis) => [axis.length, axis.from, axis.to]), from, to);
}
