// A kind of layer: how a block of its weights meets what enters and leaves it.

import type { layers, Tensor } from '@tensorflow/tfjs';
import type { Rows } from '../../rows/rows.js';
import type { RowsHost } from '../rows/host.js';
import type { Mask } from '../rows/masked.js';
import type { TensorFlow } from '../tensorflow.js';
import type { Block, Call, Output, Tap } from './call.js';

/** A layer of TensorFlow.js. */
export type Layer = layers.Layer;

/** The part of a layer's activation that a layer uses. @inline */
export interface Activation {
  getClassName(): string;
  apply(x: Tensor): Tensor;
}

/** A layer whose pre-activations can be tapped. Of one without an activation they are the output. */
export interface TappedLayer extends Layer {
  activation?: Activation;
}

/** One kind of layer. A new one is a file beside this one and a line in the table. */
export interface LayerKind<Known extends TappedLayer = TappedLayer> {
  readonly name: string;
  /** A layer of the class that the kind is about: it is told by the class itself, never by a name. */
  sample(tf: TensorFlow): Layer;
  /** Whether a layer of that class has all that is used of it. */
  fits(layer: Layer): layer is Known;
  /** The weights that are preconditioned. */
  block(layer: Known): Block | undefined;
  /** The mask that the layer makes of its input, where that counts and not the one it is given. */
  ownMask?(layer: Known, input: Tensor): Tensor | undefined;
  /**
   * The rows that entered, m×p with the bias column, from the layer's input, which stays until then. A kind
   * whose rows are the mask's positions leaves out those that are masked: undefined where all are.
   */
  rows(
    host: RowsHost,
    layer: Known,
    input: Tensor,
    bias: boolean,
    mask: Mask | undefined,
  ): Rows<'float32'> | undefined;
  /** The gradients of the pre-activations beside them, m×q. */
  gradientRows(
    host: RowsHost,
    layer: Known,
    dy: Tensor,
    mask: Mask | undefined,
  ): Rows<'float32'> | undefined;
}

/** How one weight of a layer meets what enters and leaves the layer. */
export type LayerPart<Known extends TappedLayer> = Pick<
  LayerKind<Known>,
  'block' | 'ownMask' | 'rows' | 'gradientRows'
>;

/** A layer of a kind: all that the rest needs to know of it. */
export interface KnownLayer {
  readonly kind: string;
  /** Its weights that are preconditioned. */
  readonly blocks: readonly Block[];
  /** Computes the layer, and tells the call what its weights see. */
  watch(call: Call): Output;
}

/** `layer` as one of `kind`, whose weights are those of `parts`, if it is. */
export function ofKind<Known extends TappedLayer>(
  kind: LayerKind<Known>,
  parts: readonly LayerPart<Known>[],
  layer: Layer,
): KnownLayer | undefined {
  if (!kind.fits(layer)) return undefined;
  const weights = () =>
    parts.flatMap((part) => {
      const block = part.block(layer);
      return block === undefined ? [] : [{ part, block }];
    });
  return {
    kind: kind.name,
    get blocks() {
      return weights().map(({ block }) => block);
    },
    watch(call) {
      const shown = weights();
      if (shown.length === 0) return call.compute();
      const input = call.keep(call.inputs[0]);
      const tap = call.tap();
      for (const { part, block } of shown) {
        const own = part.ownMask?.(layer, input);
        const mask = own === undefined ? call.mask : { marks: own, step: undefined };
        call.show(block, {
          rows: (host, bias) => part.rows(host, layer, input, bias, mask),
          gradientRows: (host) =>
            tap.gradient && part.gradientRows(host, layer, tap.gradient, mask),
        });
      }
      return tapped(layer, call, tap);
    },
  };
}

/**
 * Computes the layer with a tap on it. Only D needs the tap in front of the activation, which then is
 * none that the fused kernels know: that costs time, and a sum and its bias round differently apart.
 * Elsewhere, and behind a linear activation or none, the output is tapped.
 */
function tapped(layer: TappedLayer, call: Call, tap: Tap): Output {
  const { activation } = layer;
  const isOutput = activation === undefined || activation.getClassName() === 'linear';
  if (!call.wantsGradients || isOutput) {
    const output = call.compute();
    return Array.isArray(output) ? output : tap.through(output);
  }
  layer.activation = {
    getClassName: () => 'tapped',
    apply: (x) => activation.apply(tap.through(x)),
  };
  try {
    return call.compute();
  } finally {
    layer.activation = activation;
  }
}
