// The backend on TensorFlow.js: slots on tensors, wherever they live.

import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Backend, Slot } from '../backend/backend.js';
import { SlotBackend } from '../backend/slot-backend.js';
import { checkChoice, checkType } from '../core/check.js';
import { choice, type OptionsOf, optionList } from '../core/options.js';
import {
  type Layout,
  matrixLayout,
  shapeIn,
  type TensorContent,
  TensorContents,
  type WeightLayout,
  zeroContent,
} from './content.js';
import { checkPrecision } from './precision.js';
import { inHostMemory, tensorPrimitives } from './primitives.js';
import { checkTensorFlow, type TensorFlowCore } from './tensorflow.js';

type F32 = 'float32';

/** A backend whose slots hold tensors. */
export interface TfjsBackend extends Backend<F32> {
  /**
   * A new slot on the data of `tensor`, which is not copied; the handle itself stays the caller's.
   * A vector is a column. Of a tensor of higher rank the last axis counts, and the others are one:
   * a kernel [in, out], or [height, width, in, out], makes in 'columns' a slot of `out` rows. In 'depthwise'
   * the last two axes count: [height, width, channels, multiplier] makes channels·multiplier rows.
   *
   * @throws TypeError where `tensor` is no tensor, or not of float32; RangeError for an unknown layout.
   */
  adopt(tensor: Tensor, layout: WeightLayout): Slot<F32>;
  /**
   * The content in `layout`, [rows, cols] or [cols, rows]; the caller disposes of it.
   *
   * @throws TypeError where `A` is freed or of another backend, RangeError for an unknown layout.
   */
  tensorOf(A: Slot<F32>, layout: Layout): Tensor2D;
  /** Frees every slot, those that `borrow` keeps included. Use the backend no more afterwards. */
  dispose(): void;
}

/** The options of {@link tfjsBackend}. */
export const BACKEND_OPTIONS = /* @__PURE__ */ optionList({
  /**
   * Whether the backend has `readSync`: 'sync' by default, except on the webgpu backend, which can
   * only be read asynchronously.
   */
  reading: /* @__PURE__ */ choice('sync', 'async'),
});

/** Options of {@link tfjsBackend}. @interface */
export type TfjsBackendOptions = OptionsOf<typeof BACKEND_OPTIONS>;

/**
 * The backend that computes in float32 on TensorFlow.js's current backend.
 *
 * TensorFlow.js keeps a weight matrix as [inputs, outputs], the transpose of our G, so a slot may
 * hold its matrix transposed. Operations work in the layout in which the fewest elements have to be
 * transposed; what was written keeps its transposed copy until it changes. A matrix product is never given
 * transposition flags: on the wasm backend they cost more than a transposed copy.
 *
 * Half floats are refused: what does not lie in the host's memory, and can be read at once, is measured
 * before it is used for the first time.
 *
 * @param tf TensorFlow.js itself, its backend set and ready; `@tensorflow/tfjs-core` is enough.
 * @throws TypeError where `tf` is missing or computes in half floats, RangeError for an unknown reading.
 */
export function tfjsBackend(tf: TensorFlowCore, options: TfjsBackendOptions = {}): TfjsBackend {
  checkTensorFlow('tfjsBackend', tf);
  const variant = tf.getBackend();
  const { reading = variant === 'webgpu' ? 'async' : 'sync' } = BACKEND_OPTIONS.read(
    'tfjsBackend',
    options,
  );
  const backend = new TensorBackend(tf, variant, reading === 'sync');
  if (!inHostMemory(variant)) {
    // WebGL can always be read at once.
    checkPrecision(
      tf,
      variant,
      variant === 'webgl' ? new TensorBackend(tf, variant, true) : backend,
    );
  }
  return backend;
}

class TensorBackend extends SlotBackend<F32, TensorContent> implements TfjsBackend {
  readonly #tf: TensorFlowCore;
  readonly #contents: TensorContents;
  readonly #slots = new Set<Slot<F32>>();

  constructor(tf: TensorFlowCore, variant: string, readable: boolean) {
    super(tensorPrimitives(tf, variant, readable));
    this.#tf = tf;
    this.#contents = new TensorContents(tf);
  }

  adopt(tensor: Tensor, layout: WeightLayout): Slot<F32> {
    const fits = tensor instanceof this.#tf.Tensor;
    checkType('adopt', 'tensor', tensor, fits, 'a tensor');
    checkChoice('adopt', 'layout', layout, ['rows', 'columns', 'depthwise']);
    if (tensor.dtype !== 'float32') {
      throw new TypeError(`adopt: tensor holds ${tensor.dtype}, expected float32`);
    }
    const content = zeroContent(...shapeOf(tensor, layout));
    const held = matrixLayout(layout);
    const shape = shapeIn(held, content);
    this.#contents.set(content, held, () => this.#tf.reshape<Tensor2D['rankType']>(tensor, shape));
    return this.hold(content.rows, content.cols, content);
  }

  tensorOf(A: Slot<F32>, layout: Layout): Tensor2D {
    const content = this.contentOf('tensorOf', 'A', A);
    checkChoice('tensorOf', 'layout', layout, ['rows', 'columns']);
    return this.#tf.tidy(() => this.#tf.clone(this.#contents.view(content, layout)));
  }

  override free(A: Slot<F32>): void {
    super.free(A);
    this.#slots.delete(A);
  }

  dispose(): void {
    for (const A of this.#slots) this.free(A);
  }

  protected override hold(rows: number, cols: number, content: TensorContent): Slot<F32> {
    const A = super.hold(rows, cols, content);
    this.#slots.add(A);
    return A;
  }
}

/** Rows and columns of the matrix that a tensor of any rank holds. */
function shapeOf(
  { rank, size, shape }: Tensor,
  layout: WeightLayout,
): [rows: number, cols: number] {
  if (rank < 2) return [size, 1];
  const own = layout === 'depthwise' ? 2 : 1;
  const [others, last] = [shape.slice(0, -own), shape.slice(-own)].map((axes) =>
    axes.reduce((product, length) => product * length, 1),
  );
  return layout === 'rows' ? [others, last] : [last, others];
}
