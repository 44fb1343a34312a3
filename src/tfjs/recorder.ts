// Looks at computations of layers, and tells those that reach the loss.

import type { NamedTensorMap, Rank, Tensor } from '@tensorflow/tfjs';
import type { LayerNeeds } from '../optimize/transform.js';
import type { CapturedBlock, CapturedUse } from './captured.js';
import type { Block, Call, Output, Tap, Use } from './layers/call.js';
import type { Mask } from './rows/masked.js';
import type { TensorFlowCore } from './tensorflow.js';

/** A use of a weight, and the computation that it is part of. */
interface Shown {
  readonly kind: string;
  readonly block: Block;
  readonly use: Use;
  readonly call: RecordedCall;
}

/** What one computation of gradients shows. */
export class Recorder {
  readonly #tf: TensorFlowCore;
  readonly #needs: LayerNeeds;
  readonly #calls = new Set<RecordedCall>();
  readonly #shown: Shown[] = [];
  /** A batch for each number of examples: computations of as many look at the same ones. */
  readonly #batches = new Map<number, object>();
  #isForward = true;

  constructor(tf: TensorFlowCore, needs: LayerNeeds) {
    this.#tf = tf;
    this.#needs = needs;
  }

  /** How many computations it has watched. */
  get watched(): number {
    return this.#calls.size;
  }

  /** Whether the loss is being computed, and no gradients of it. */
  get isForward(): boolean {
    return this.#isForward;
  }

  /** From now on gradients are those of the loss: before, they are of something that it computes. */
  forwardIsDone(): void {
    this.#isForward = false;
  }

  /** Has a computation watched, from its start to its end. */
  watch<Result extends Output>(
    known: { readonly kind: string; watch(call: Call): Result },
    { inputs, mask }: { readonly inputs: readonly Tensor[]; readonly mask: Mask | undefined },
    compute: () => Output,
  ): Result {
    const { kind } = known;
    const call: RecordedCall = new RecordedCall(this.#tf, {
      inputs,
      mask,
      compute,
      wantsGradients: this.#needs.outputGradients,
      isBackward: () => !this.#isForward,
      show: (block, use) => this.#shown.push({ kind, block, use, call }),
    });
    this.#calls.add(call);
    return known.watch(call);
  }

  /** The blocks that have a gradient; what they saw is no longer the recorder's. */
  blocks(grads: NamedTensorMap): CapturedBlock[] {
    const byWeight = new Map<string, Shown[]>();
    for (const shown of this.#shown) {
      const { block, call } = shown;
      // A use without rows shows nothing; one that failed may have left its layer without a weight.
      if (!call.reached || call.isEmpty || !this.#isTrained(grads, block.weight.name)) continue;
      const others = byWeight.get(block.weight.name);
      if (others === undefined) byWeight.set(block.weight.name, [shown]);
      else others.push(shown);
    }
    return [...byWeight.values()].map((shown) => this.#block(shown, grads));
  }

  /** Lets go of what no block has taken. */
  dispose(): void {
    for (const call of this.#calls) call.dispose();
  }

  #block(shown: readonly Shown[], grads: NamedTensorMap): CapturedBlock {
    const [{ kind, block, call }] = shown;
    const biases = new Set(shown.map((one) => one.block.bias?.name));
    const [bias] = biases;
    // Where layers share a weight but not the bias, no column of ones stands for all their rows.
    const shared = biases.size === 1 && bias !== undefined && this.#isTrained(grads, bias);
    return {
      kind,
      weight: block.weight.name,
      bias: shared ? bias : undefined,
      layout: block.layout,
      // Dense rows beside one-hot ones make no diagonal.
      rows: shown.every((one) => one.block.rows === block.rows) ? block.rows : undefined,
      convolves: block.convolves === true,
      examples: call.inputs[0].shape[0],
      uses: this.#needs.inputs ? shown.map((one) => this.#taken(one)) : [],
    };
  }

  /** A use that is the block's from now on. */
  #taken({ use, call }: Shown): CapturedUse {
    this.#calls.delete(call);
    const [examples] = call.inputs[0].shape;
    const batch = this.#batches.get(examples) ?? {};
    this.#batches.set(examples, batch);
    return {
      batch,
      rows: (host, bias) => use.rows(host, bias),
      gradientRows: (host) => use.gradientRows(host),
      dispose: () => call.dispose(),
    };
  }

  #isTrained(grads: NamedTensorMap, name: string): boolean {
    return grads[name] instanceof this.#tf.Tensor;
  }
}

/** What a call is made of, beside TensorFlow.js. */
interface CallParts extends Pick<Call, 'inputs' | 'mask' | 'compute' | 'wantsGradients' | 'show'> {
  /** Whether gradients are those of the loss. */
  readonly isBackward: () => boolean;
}

class RecordedCall implements Call {
  readonly inputs: Call['inputs'];
  readonly mask: Mask | undefined;
  readonly wantsGradients: boolean;
  readonly compute: Call['compute'];
  readonly show: Call['show'];
  /** Whether what is computed reaches the loss. */
  reached = false;
  readonly #tf: TensorFlowCore;
  readonly #isBackward: () => boolean;
  readonly #kept: Tensor[] = [];

  constructor(
    tf: TensorFlowCore,
    { inputs, mask, compute, wantsGradients, show, isBackward }: CallParts,
  ) {
    this.#tf = tf;
    this.inputs = inputs;
    this.mask = mask && { ...mask, marks: this.keep(mask.marks) };
    this.compute = compute;
    this.wantsGradients = wantsGradients;
    this.show = show;
    this.#isBackward = isBackward;
  }

  /** Whether nothing entered. */
  get isEmpty(): boolean {
    return this.inputs.some(({ size }) => size === 0);
  }

  keep(x: Tensor): Tensor {
    const kept = this.#tf.keep(this.#tf.clone(x));
    this.#kept.push(kept);
    return kept;
  }

  tap(): Tap {
    const tf = this.#tf;
    let gradient: Tensor | undefined;
    const comeBack = (dy: Tensor): void => {
      if (!this.#isBackward()) return;
      this.reached = true;
      if (this.wantsGradients) gradient ??= this.keep(dy);
    };
    return {
      /** The identity, with a gradient that is looked at. */
      through: <R extends Rank>(x: Tensor<R>) =>
        tf.customGrad(() => ({
          value: tf.clone(x),
          gradFunc: (dy: Tensor<R>) => {
            comeBack(dy);
            return tf.clone(dy);
          },
        }))(x),
      get gradient() {
        return gradient;
      },
    };
  }

  dispose(): void {
    this.#tf.dispose(this.#kept);
  }
}
