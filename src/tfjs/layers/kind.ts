// A kind of layer: how a block of its weights meets what enters and leaves it.

import type { LayerVariable, layers, Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { TensorFlow } from '../tensorflow.js';

/** A layer of TensorFlow.js. */
export type Layer = layers.Layer;

/** The part of a layer's activation that a layer uses. */
interface Activation {
  getClassName(): string;
  apply(x: Tensor): Tensor;
}

/** A layer whose pre-activations can be tapped. */
export interface ActivatedLayer extends Layer {
  activation: Activation;
}

/** A weight whose gradient is preconditioned, and the bias that goes with it. */
export interface Block {
  readonly weight: LayerVariable;
  readonly bias: LayerVariable | undefined;
}

/** One kind of layer. A new one is a file beside this one and a line in the table. */
export interface LayerKind {
  readonly name: string;
  /** A layer of the class that the kind is about: it is told by the class itself, never by a name. */
  sample(tf: TensorFlow): Layer;
  /** Whether a layer of that class has all that is used of it. */
  fits(layer: Layer): layer is ActivatedLayer;
  /** The weights that are preconditioned. */
  block(layer: ActivatedLayer): Block | undefined;
  /** The rows that entered, m×p without a bias column, from the layer's input. */
  rows(tf: TensorFlow, layer: ActivatedLayer, input: Tensor): Tensor2D;
  /** The gradients of the pre-activations beside them, m×q. */
  gradientRows(tf: TensorFlow, layer: ActivatedLayer, dy: Tensor): Tensor2D;
}
