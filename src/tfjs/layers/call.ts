// One computation of a layer that is looked at, and what it shows of the weights that take part.

import type { LayerVariable, Rank, Tensor } from '@tensorflow/tfjs';
import type { RowForm } from '../../precondition/method.js';
import type { Rows } from '../../rows/rows.js';
import type { WeightLayout } from '../content.js';
import type { RowsHost } from '../rows/host.js';
import type { Mask } from '../rows/masked.js';

/** What a layer gives. */
export type Output = Tensor | Tensor[];

/** A weight whose gradient is preconditioned, and the bias that goes with it. */
export interface Block {
  readonly weight: Pick<LayerVariable, 'name'>;
  /** Its column of ones is appended to the rows. */
  readonly bias: Pick<LayerVariable, 'name'> | undefined;
  /**
   * How the variable holds the weight, outputs × inputs: with the outputs as its last axis ('columns'), as
   * most layers do, with the inputs ('rows'), or with channels of one output or more each as its last two
   * ('depthwise').
   */
  readonly layout: WeightLayout;
  /** What enters, where the rows are not dense ones. */
  readonly rows?: RowForm;
  /** Whether it is the kernel of a convolution: its axes before the last two are positions (default false). */
  readonly convolves?: boolean;
}

/** One use of a weight: rows are made of what it kept once a step asks for them. */
export interface Use {
  /** The rows that entered, m×p with the bias column; undefined where all positions are masked. */
  rows(host: RowsHost, bias: boolean): Rows<'float32'> | undefined;
  /** The gradients of the pre-activations beside them, m×q; undefined where nobody asked for them, or all are masked. */
  gradientRows(host: RowsHost): Rows<'float32'> | undefined;
}

/** A place that gradients come back to. */
export interface Tap {
  /** `x` itself, looked at on the way back. */
  through<R extends Rank>(x: Tensor<R>): Tensor<R>;
  /** What has come back; undefined where nothing has, or nobody asks. */
  readonly gradient: Tensor | undefined;
}

/** One computation of a layer. What it keeps lives as long as its uses. */
export interface Call {
  readonly inputs: readonly Tensor[];
  /** Which positions count, as TensorFlow.js tells the layer; of several time steps, the one that it is. */
  readonly mask: Mask | undefined;
  /** Whether anybody asks for the gradients of pre-activations. */
  readonly wantsGradients: boolean;
  /** Computes as the layer does. */
  compute(this: void): Output;
  /** A handle that outlives the pass. Reshaping waits, as the tape would keep what it reshapes. */
  keep(x: Tensor): Tensor;
  /** A tap. The call counts where a gradient of the loss comes back to one. */
  tap(): Tap;
  /** Tells a use of a weight. */
  show(this: void, block: Block, use: Use): void;
}
