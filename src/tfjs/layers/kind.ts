// A kind of layer: how a block of its weights meets what enters and leaves it.

import type { LayerVariable, layers, Tensor } from '@tensorflow/tfjs';
import type { RowForm } from '../../precondition/method.js';
import type { Rows } from '../../rows/rows.js';
import type { Layout } from '../content.js';
import type { RowsHost } from '../rows/host.js';
import type { TensorFlow } from '../tensorflow.js';

/** A layer of TensorFlow.js. */
export type Layer = layers.Layer;

/** The part of a layer's activation that a layer uses. */
interface Activation {
  getClassName(): string;
  apply(x: Tensor): Tensor;
}

/** A layer whose pre-activations can be tapped. Of one without an activation they are the output. */
export interface TappedLayer extends Layer {
  activation?: Activation;
}

/** A weight whose gradient is preconditioned, and the bias that goes with it. */
export interface Block {
  readonly weight: LayerVariable;
  /** Its column of ones is appended to the rows. */
  readonly bias: LayerVariable | undefined;
  /**
   * How the variable holds the weight, outputs × inputs: with the outputs as its last axis ('columns'), as
   * most layers do, or with the inputs ('rows').
   */
  readonly layout: Layout;
  /** What enters, where the rows are not dense ones. */
  readonly rows?: RowForm;
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
  /** The rows that entered, m×p with the bias column, from the layer's input, which stays until then. */
  rows(host: RowsHost, layer: Known, input: Tensor, bias: boolean): Rows<'float32'>;
  /** The gradients of the pre-activations beside them, m×q. */
  gradientRows(host: RowsHost, layer: Known, dy: Tensor): Rows<'float32'>;
}

/** A layer of a kind: all that the rest needs to know of it. */
export interface KnownLayer {
  readonly kind: string;
  readonly layer: TappedLayer;
  readonly block: Block | undefined;
  rows(host: RowsHost, input: Tensor, bias: boolean): Rows<'float32'>;
  gradientRows(host: RowsHost, dy: Tensor): Rows<'float32'>;
}

/** `layer` as one of `kind`, if it is. */
export function ofKind<Known extends TappedLayer>(
  kind: LayerKind<Known>,
  layer: Layer,
): KnownLayer | undefined {
  if (!kind.fits(layer)) return undefined;
  return {
    kind: kind.name,
    layer,
    get block() {
      return kind.block(layer);
    },
    rows: (host, input, bias) => kind.rows(host, layer, input, bias),
    gradientRows: (host, dy) => kind.gradientRows(host, layer, dy),
  };
}
