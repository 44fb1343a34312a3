// Operations on weights that are looked at, for models without layers.

import type { Rank, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs';
import { checkType, isObject } from '../core/check.js';
import {
  choice,
  guarded,
  integer,
  type Option,
  type OptionsOf,
  optionList,
} from '../core/options.js';
import type { Rows } from '../rows/rows.js';
import type { Block } from './layers/call.js';
import { asImages, patchesOf, type Sweep } from './layers/convolution.js';
import { channelPatchesOf } from './layers/depthwise.js';
import type { Recorder } from './recorder.js';
import { tensorChannelRows } from './rows/channels.js';
import type { RowsHost } from './rows/host.js';
import { tensorOneHotRows } from './rows/one-hot.js';
import { positions } from './rows/positions.js';
import type { TensorFlowCore } from './tensorflow.js';

const perAxis: Option<readonly [number, number]> = /* @__PURE__ */ guarded(
  'an integer > 0 or two',
  isPair,
);

const CONVOLUTION_OPTIONS = /* @__PURE__ */ optionList({
  /** Pixels from one position to the next (default 1). */
  strides: /* @__PURE__ */ integer(1).or(perAxis).default(1),
  /** Zeros around the images, or none (default 'valid'). */
  pad: /* @__PURE__ */ choice('valid', 'same').default('valid'),
  /** Pixels between the elements of the kernel (default 1). TensorFlow.js has no gradient of others. */
  dilations: /* @__PURE__ */ integer(1).or(perAxis).default(1),
  /** The bias, [outputs], which is added to every pixel. */
  bias: /* @__PURE__ */ guarded('a variable', isVector),
});

/** How {@link Taps.conv2d} and {@link Taps.depthwiseConv2d} move their filter. */
export interface TapConvolutionOptions extends OptionsOf<typeof CONVOLUTION_OPTIONS> {}

/**
 * Operations that an optimiser looks at where they are part of a loss that it differentiates: their weights
 * are preconditioned as those of layers are. Elsewhere they only compute. Nothing is patched.
 *
 * Weights are variables of the copy of TensorFlow.js that was handed in. Each throws TypeError where an
 * argument is of another type, and RangeError where shapes do not fit.
 */
export interface Taps {
  /** xW + b over the last axis of x: W is [inputs, outputs], b [outputs]. */
  dense(x: Tensor, W: Variable, b?: Variable): Tensor;
  /** A convolution of images [batch, height, width, channels] by [height, width, channels, outputs]. */
  conv2d(x: Tensor, filter: Variable, options?: TapConvolutionOptions): Tensor4D;
  /**
   * A convolution of each channel of images [batch, height, width, channels] by filters of its own,
   * [height, width, channels, multiplier], to channels·multiplier outputs.
   */
  depthwiseConv2d(x: Tensor, filter: Variable, options?: TapConvolutionOptions): Tensor4D;
  /** The rows of W, [words, outputs], at the indices, which are of any shape. */
  embedding(W: Variable, indices: Tensor): Tensor;
}

/** How rows are made of what entered an operation, and of what came back. */
interface Operation<Result extends Tensor> {
  readonly kind: string;
  readonly block: Block;
  readonly input: Tensor;
  compute(this: void): Result;
  rows(this: void, host: RowsHost, input: Tensor, bias: boolean): Rows<'float32'>;
  gradientRows(this: void, host: RowsHost, dy: Tensor): Rows<'float32'>;
}

/** How a tap moves a kernel over images. */
interface TapSweep {
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly pad: 'valid' | 'same';
  readonly bias: Variable | undefined;
  /** The same as layers have it. */
  readonly sweep: Sweep;
}

/** The gradients of all positions, as those of most operations are. */
const plainly = (host: RowsHost, dy: Tensor): Rows<'float32'> => positions(host, dy, false);

/** The taps of an optimiser. */
export class OptimizerTaps implements Taps {
  /** What looks on while gradients are computed. */
  recorder: Recorder | undefined;
  readonly #tf: TensorFlowCore;

  constructor(tf: TensorFlowCore) {
    this.#tf = tf;
  }

  dense(x: Tensor, W: Variable, b?: Variable): Tensor {
    const tf = this.#tf;
    const where = 'tap.dense';
    this.#checkTensor(where, 'x', x);
    this.#checkVariable(where, 'W', W, 2);
    const [inputs, outputs] = W.shape;
    checkFits(where, 'x', x, x.shape.at(-1) === inputs, `a last axis of ${inputs}, as W has`);
    this.#checkBias(where, 'b', b, outputs);
    return this.#watched({
      kind: 'dense',
      block: { weight: W, bias: b, layout: 'columns' },
      input: x,
      compute: () => {
        const XW = tf.matMul(
          tf.reshape<Rank.R2>(x, [x.size / inputs, inputs]),
          tf.reshape<Rank.R2>(W, [inputs, outputs]),
        );
        const output = b === undefined ? XW : tf.add(XW, b);
        return tf.reshape(output, [...x.shape.slice(0, -1), outputs]);
      },
      rows: positions,
      gradientRows: plainly,
    });
  }

  conv2d(x: Tensor, filter: Variable, options: TapConvolutionOptions = {}): Tensor4D {
    const tf = this.#tf;
    const where = 'tap.conv2d';
    const { strides, pad, dilations, bias, sweep } = this.#swept(where, x, filter, options);
    const [, , , outputs] = filter.shape;
    this.#checkBias(where, 'bias', bias, outputs);
    return this.#watched({
      kind: 'conv2d',
      block: { weight: filter, bias, layout: 'columns', convolves: true },
      input: x,
      compute: () => {
        const kernel = asImages(tf, filter);
        const swept = tf.conv2d(asImages(tf, x), kernel, strides, pad, 'NHWC', dilations);
        return bias === undefined ? swept : tf.add(swept, bias);
      },
      rows: (host, input, withBias) => patchesOf(host, sweep, input, withBias),
      gradientRows: plainly,
    });
  }

  depthwiseConv2d(x: Tensor, filter: Variable, options: TapConvolutionOptions = {}): Tensor4D {
    const tf = this.#tf;
    const where = 'tap.depthwiseConv2d';
    const { strides, pad, dilations, bias, sweep } = this.#swept(where, x, filter, options);
    const [, , channels, multiplier] = filter.shape;
    this.#checkBias(where, 'bias', bias, channels * multiplier);
    return this.#watched({
      kind: 'depthwiseConv2d',
      block: { weight: filter, bias, layout: 'depthwise', convolves: true },
      input: x,
      compute: () => {
        const kernel = asImages(tf, filter);
        const swept = tf.depthwiseConv2d(asImages(tf, x), kernel, strides, pad, 'NHWC', dilations);
        return bias === undefined ? swept : tf.add(swept, bias);
      },
      rows: (host, input, withBias) => channelPatchesOf(host, sweep, input, withBias),
      gradientRows: (host, dy) => tensorChannelRows(host, dy, channels),
    });
  }

  embedding(W: Variable, indices: Tensor): Tensor {
    const tf = this.#tf;
    const where = 'tap.embedding';
    this.#checkVariable(where, 'W', W, 2);
    this.#checkTensor(where, 'indices', indices);
    const [inputs, outputs] = W.shape;
    return this.#watched({
      kind: 'embedding',
      block: { weight: W, bias: undefined, layout: 'columns', rows: 'oneHot' },
      input: indices,
      compute: () => {
        const words = tf.reshape(tf.cast(indices, 'int32'), [indices.size]);
        return tf.reshape(tf.gather(W, words), [...indices.shape, outputs]);
      },
      rows: (host, input) => tensorOneHotRows(host, input, inputs),
      gradientRows: plainly,
    });
  }

  /** Computes the operation, looked at while the loss is computed. */
  #watched<R extends Rank>(operation: Operation<Tensor<R>>): Tensor<R> {
    const { kind, block, input, rows, gradientRows } = operation;
    const compute = (): Tensor<R> => this.#tf.tidy(operation.compute);
    const { recorder } = this;
    if (recorder === undefined || !recorder.isForward) return compute();
    return recorder.watch(
      {
        kind,
        watch(call) {
          const kept = call.keep(input);
          const tap = call.tap();
          call.show(block, {
            rows: (host, bias) => rows(host, kept, bias),
            gradientRows: (host) => tap.gradient && gradientRows(host, tap.gradient),
          });
          return tap.through(compute());
        },
      },
      { inputs: [input], mask: undefined },
      compute,
    );
  }

  /** Images, the filter that is moved over them, and how. */
  #swept(where: string, x: Tensor, filter: Variable, options: TapConvolutionOptions): TapSweep {
    this.#checkTensor(where, 'x', x);
    checkFits(where, 'x', x, x.rank === 4, '[batch, height, width, channels]');
    this.#checkVariable(where, 'filter', filter, 4);
    const [height, width, channels] = filter.shape;
    checkFits(where, 'x', x, x.shape[3] === channels, `${channels} channels, as filter has`);
    const { bias, pad, ...moves } = CONVOLUTION_OPTIONS.read(where, options);
    const [strides, dilations] = [pair(moves.strides), pair(moves.dilations)];
    const sweep: Sweep = {
      name: where,
      kernelSize: [height, width],
      strides,
      dilationRate: dilations,
      padding: pad,
      dataFormat: 'channelsLast',
    };
    return { strides, dilations, pad, bias, sweep };
  }

  #checkTensor(where: string, name: string, value: unknown): void {
    checkType(where, name, value, value instanceof this.#tf.Tensor, 'a tensor');
  }

  #checkVariable(where: string, name: string, value: Tensor, rank: number): void {
    checkType(where, name, value, value instanceof this.#tf.Variable, 'a variable');
    checkFits(where, name, value, value.rank === rank, `${rank} axes`);
  }

  #checkBias(where: string, name: string, b: Variable | undefined, outputs: number): void {
    if (b === undefined) return;
    this.#checkVariable(where, name, b, 1);
    checkFits(where, name, b, b.size === outputs, `[${outputs}]`);
  }
}

/** A tensor must have the shape that is expected. */
function checkFits(
  where: string,
  name: string,
  { shape }: Tensor,
  fits: boolean,
  expected: string,
): void {
  if (fits) return;
  throw new RangeError(`${where}: ${name} is of shape [${shape.join(', ')}], expected ${expected}`);
}

function pair(value: number | readonly [number, number]): [number, number] {
  return typeof value === 'number' ? [value, value] : [...value];
}

/** Of which copy of TensorFlow.js is checked where that is known. */
function isVector(value: unknown): value is Variable {
  return isObject(value) && 'assign' in value && 'rank' in value && value.rank === 1;
}

function isPair(value: unknown): value is readonly [number, number] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((one) => Number.isSafeInteger(one) && one > 0)
  );
}
