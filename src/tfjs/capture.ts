// What layers took in, and what came back to them, during one computation of gradients.

import type { NamedTensorMap, Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import type { StepNeeds } from '../optimize/transform.js';
import type { RowForm } from '../precondition/method.js';
import { joinedRows } from '../rows/joined.js';
import type { Rows } from '../rows/rows.js';
import type { Layout } from './content.js';
import { type LayerTable, layerTable } from './layers/index.js';
import type { KnownLayer, Layer, TappedLayer } from './layers/kind.js';
import type { RowsHost } from './rows/host.js';
import { checkLayers, type TensorFlow, type TensorFlowCore } from './tensorflow.js';

/** One block of weights that took part, known by the names of its variables. */
export interface CapturedBlock {
  /** The name of its kind of layer. */
  readonly kind: string;
  readonly weight: string;
  /** Undefined where the layer has no bias, or none that is trained. */
  readonly bias: string | undefined;
  /** How the variable holds the weight. */
  readonly layout: Layout;
  /** What enters, where the rows are not dense ones. */
  readonly rows: RowForm | undefined;
  /** What every use of the weight saw; none where nobody asks. */
  readonly uses: readonly CapturedUse[];
  /** Examples in the batch: of the first use, where uses have batches of their own. */
  readonly examples: number;
}

/** One application of a layer. */
export interface CapturedUse {
  readonly known: KnownLayer;
  /** What entered the layer. */
  readonly X: Tensor;
  /** The gradient of the mean loss with respect to its pre-activations; undefined where nobody asks. */
  readonly D: Tensor | undefined;
}

/** Gradients, and the blocks whose weight is among them in the order of their first use. */
export interface CapturedGradients {
  readonly value: Scalar;
  readonly grads: NamedTensorMap;
  readonly blocks: readonly CapturedBlock[];
  /** Layers that were applied, known or not. */
  readonly applied: number;
}

/**
 * `tf.variableGrads(f, variables)`, with what the known layers of tf.layers saw on the way.
 *
 * For its duration every layer is applied through a recorder, which taps the output by an identity with a
 * gradient of its own, in front of the activation where D is asked for. The tap tells which uses reach the
 * loss: only these count, and only the outermost backward pass. What a loss computes beside (the
 * prediction of a target, the gradient of something else) leaves no trace. For each block XᵀD is the
 * gradient of its weight, or DᵀX where that is how the weight lies. A weight that is used several times has the rows of all its uses one below the
 * other, as its gradient is the sum over them; layers that share it are one block. Frozen weights are
 * left out, and layers that are called by other means than `apply` (inside a TimeDistributed or a
 * recurrent layer) are not seen.
 *
 * What was captured is the caller's to dispose of. If `f` throws, nothing stays patched or captured.
 *
 * @throws TypeError where `tf` has no layers, or they have no method `apply`; what `f` or
 *   `tf.variableGrads` throws.
 */
export function captureGradients(
  tf: TensorFlowCore,
  f: () => Scalar,
  variables: Variable[] | undefined,
  needs: StepNeeds,
): CapturedGradients {
  checkLayers('captureGradients', tf);
  const recorder = new Recorder(tf, needs);
  const { prototype } = tf.layers.Layer;
  const { apply } = Object.getOwnPropertyDescriptors(prototype);
  const original = apply.value;
  if (original === undefined) throw new TypeError('captureGradients: tf.layers.Layer has no apply');
  prototype.apply = function (this: Layer, ...args: Parameters<Layer['apply']>) {
    return recorder.record(this, args[0], () => original.apply(this, args));
  };
  try {
    const forward = (): Scalar => {
      const value = f();
      recorder.forwardIsDone();
      return value;
    };
    const { value, grads } = tf.variableGrads(forward, variables);
    return { value, grads, blocks: recorder.blocks(grads), applied: recorder.applied };
  } finally {
    Object.defineProperty(prototype, 'apply', apply);
    recorder.dispose();
  }
}

/** Disposes of what {@link captureGradients} captured, not of the gradients. */
export function disposeCaptured(captured: readonly CapturedBlock[]): void {
  for (const { uses } of captured) disposeUses(uses);
}

/**
 * The rows that entered a block, and the gradients beside them, of all its uses. Everything that is made
 * for them is put into `made`, to be disposed of, also where it throws.
 */
export function rowsOf(
  host: RowsHost,
  { uses, bias }: CapturedBlock,
  made: { dispose(): void }[],
): { readonly X: Rows<'float32'>; readonly D: Rows<'float32'> | undefined } | undefined {
  if (uses.length === 0) return undefined;
  const own = (rows: Rows<'float32'>): Rows<'float32'> => {
    made.push(rows);
    return rows;
  };
  const inputs = uses.map(({ known, X }) => own(known.rows(host, X, bias !== undefined)));
  const gradients = uses.flatMap(({ known, D }) =>
    D === undefined ? [] : [own(known.gradientRows(host, D))],
  );
  return {
    X: joinedRows(inputs),
    D: gradients.length === 0 ? undefined : joinedRows(gradients),
  };
}

function disposeUses(uses: Iterable<CapturedUse>): void {
  for (const { X, D } of uses) {
    X.dispose();
    D?.dispose();
  }
}

/** What a layer gives. */
type Output = ReturnType<Layer['apply']>;

/** An application that is being watched. */
interface Use extends CapturedUse {
  /** Whether its output reaches the loss. */
  reached: boolean;
  D: Tensor | undefined;
}

class Recorder {
  /** How many layers were applied, known or not. */
  applied = 0;
  readonly #tf: TensorFlow;
  readonly #needs: StepNeeds;
  readonly #table: LayerTable;
  readonly #uses = new Set<Use>();
  #isForward = true;

  constructor(tf: TensorFlow, needs: StepNeeds) {
    this.#tf = tf;
    this.#needs = needs;
    this.#table = layerTable(tf);
  }

  /** From now on gradients are those of the loss: before, they are of something that it computes. */
  forwardIsDone(): void {
    this.#isForward = false;
  }

  record(layer: Layer, inputs: Parameters<Layer['apply']>[0], apply: () => Output): Output {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    if (!this.#isForward || !(input instanceof this.#tf.Tensor)) return apply();
    this.applied += 1;
    const known = this.#table.find(layer);
    if (known === undefined) return apply();
    const use: Use = { known, X: this.#keep(input), reached: false, D: undefined };
    this.#uses.add(use);
    return this.#tapped(known.layer, use, apply);
  }

  /** The blocks that have a gradient; what they saw is no longer the recorder's. */
  blocks(grads: NamedTensorMap): CapturedBlock[] {
    const uses = new Map<string, Use[]>();
    for (const use of this.#uses) {
      // A use without rows shows nothing; one that failed may have left its layer without a weight.
      if (!use.reached || use.X.size === 0) continue;
      const weight = use.known.block?.weight.name;
      if (weight === undefined || !this.#isTrained(grads, weight)) continue;
      uses.set(weight, [...(uses.get(weight) ?? []), use]);
    }
    return [...uses].map(([weight, ofWeight]) => this.#block(weight, ofWeight, grads));
  }

  /** Lets go of what no block has taken. */
  dispose(): void {
    disposeUses(this.#uses);
  }

  #block(weight: string, uses: readonly Use[], grads: NamedTensorMap): CapturedBlock {
    const [{ known, X }] = uses;
    const biases = new Set(uses.map((use) => use.known.block?.bias?.name));
    const [bias] = biases;
    // Where layers share a weight but not the bias, no column of ones stands for all their rows.
    const shared = biases.size === 1 && bias !== undefined && this.#isTrained(grads, bias);
    return {
      kind: known.kind,
      weight,
      bias: shared ? bias : undefined,
      layout: known.block?.layout ?? 'columns',
      rows: known.block?.rows,
      examples: X.shape[0],
      uses: this.#needs.inputs ? uses.map((use) => this.#taken(use)) : [],
    };
  }

  /** A use that is the block's from now on. */
  #taken(use: Use): CapturedUse {
    this.#uses.delete(use);
    return use;
  }

  #isTrained(grads: NamedTensorMap, name: string): boolean {
    return grads[name] instanceof this.#tf.Tensor;
  }

  /**
   * Applies the layer with a tap on it. Only D needs the tap in front of the activation, which then is
   * none that the fused kernels know: that costs time, and a sum and its bias round differently apart.
   * Elsewhere, and behind a linear activation or none, the output is tapped.
   */
  #tapped(layer: TappedLayer, use: Use, apply: () => Output): Output {
    const { activation } = layer;
    const isOutput = activation === undefined || activation.getClassName() === 'linear';
    if (!this.#needs.outputGradients || isOutput) {
      const output = apply();
      return output instanceof this.#tf.Tensor ? this.#tap(use, output) : output;
    }
    layer.activation = {
      getClassName: () => 'tapped',
      apply: (x) => activation.apply(this.#tap(use, x)),
    };
    try {
      return apply();
    } finally {
      layer.activation = activation;
    }
  }

  /** The identity, with a gradient that is looked at. */
  #tap(use: Use, x: Tensor): Tensor {
    return this.#tf.customGrad(() => ({
      value: this.#tf.clone(x),
      gradFunc: (dy: Tensor) => {
        this.#comeBack(use, dy);
        return this.#tf.clone(dy);
      },
    }))(x);
  }

  #comeBack(use: Use, dy: Tensor): void {
    if (this.#isForward) return;
    use.reached = true;
    if (this.#needs.outputGradients) use.D ??= this.#keep(dy);
  }

  /** A handle that outlives the pass. Reshaping waits, as the tape would keep what it reshapes. */
  #keep(tensor: Tensor): Tensor {
    return this.#tf.keep(this.#tf.clone(tensor));
  }
}
