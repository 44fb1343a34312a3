// Recurrent cells: a row of the kernel is an input at one time step, one of the recurrent kernel a state.

import type { LayerVariable, Tensor } from '@tensorflow/tfjs';
import { joinedRows } from '../../rows/joined.js';
import type { Rows } from '../../rows/rows.js';
import type { RowsHost } from '../rows/host.js';
import { type Mask, positionRows } from '../rows/masked.js';
import type { TensorFlow } from '../tensorflow.js';
import type { Call, Output, Tap } from './call.js';
import type { Activation, KnownLayer, Layer } from './kind.js';

/** What cells have in common; masks of dropout are there once a cell has computed. */
interface Cell extends Layer {
  readonly kernel: LayerVariable;
  readonly recurrentKernel: LayerVariable;
  /** Missing where a convolutional cell has none. */
  readonly bias?: LayerVariable | null;
  readonly dropoutMask: Tensor | Tensor[] | null;
  readonly recurrentDropoutMask: Tensor | Tensor[] | null;
  activation: Activation;
  recurrentActivation?: Activation;
}

const FIELDS = ['kernel', 'recurrentKernel', 'dropoutMask', 'recurrentDropoutMask', 'activation'];

/** A kind of cell: which gates its activations are applied to, one call after the other. */
export interface CellKind {
  readonly name: string;
  sample(tf: TensorFlow): Layer;
  /** The gates, in the order in which the kernels hold them; a state that is activated is none. */
  readonly activation: readonly (number | 'state')[];
  readonly recurrentActivation: readonly number[];
  /** The gate that the state is multiplied by before the last gate sees it, if one is. */
  readonly reset?: number;
  /** Whether each gate has a mask of dropout of its own; else all have the first. */
  readonly masksGates?: boolean;
  /** Whether its kernels are moved over images. */
  readonly convolves?: boolean;
  /** How rows are made of what the cell's kernels meet; undefined where it lacks what that takes. */
  rows(cell: Layer): CellRows | undefined;
}

/** How rows are made of what the kernels of a cell meet. */
export interface CellRows {
  /** Of what enters its kernel. */
  input(
    host: RowsHost,
    x: Tensor,
    bias: boolean,
    mask: Mask | undefined,
  ): Rows<'float32'> | undefined;
  /** Of what enters its recurrent kernel. */
  state(host: RowsHost, h: Tensor, mask: Mask | undefined): Rows<'float32'> | undefined;
  /** Of what came back to its gates, joined along `axis`. */
  gates(host: RowsHost, dy: Tensor, mask: Mask | undefined): Rows<'float32'> | undefined;
  readonly axis: number;
}

/** Every position is a row. */
const POSITIONS: CellRows = {
  input: positionRows,
  state: (host, h, mask) => positionRows(host, h, false, mask),
  gates: (host, dy, mask) => positionRows(host, dy, false, mask),
  axis: -1,
};

const rows = (): CellRows => POSITIONS;

/** tf.layers.simpleRNNCell: h = φ(xW + b + hU). */
export const simpleRNN: CellKind = {
  name: 'simpleRNN',
  sample: (tf) => tf.layers.simpleRNNCell({ units: 1, name: 'nysact' }),
  activation: [0],
  recurrentActivation: [],
  rows,
};

/** tf.layers.lstmCell: the gates i, f, c, o, each of xW + hU + b. */
export const lstm: CellKind = {
  name: 'lstm',
  sample: (tf) => tf.layers.lstmCell({ units: 1, name: 'nysact' }),
  activation: [2, 'state'],
  recurrentActivation: [0, 1, 3],
  rows,
};

/**
 * tf.layers.gruCell: the gates z and r of xW + b + hU, and the candidate of xW + b + (r∘h)U.
 *
 * The recurrent kernel is used twice, then: h meets its columns of z and r, and r∘h those of the candidate.
 * As of any weight that is used several times, the rows of both are one below the other, beside gradients
 * that are 0 for the columns that a use does not meet. Its A is the mean of the two moments.
 */
export const gru: CellKind = {
  name: 'gru',
  sample: (tf) => tf.layers.gruCell({ units: 1, name: 'nysact' }),
  activation: [2],
  recurrentActivation: [0, 1],
  reset: 1,
  rows,
};

/** `layer` as a cell of `kind`, if it is one. */
export function ofCellKind(kind: CellKind, layer: Layer): KnownLayer | undefined {
  const made = kind.rows(layer);
  if (!isCell(layer) || made === undefined) return undefined;
  const { kernel, recurrentKernel, bias } = layer;
  const { convolves = false } = kind;
  const form = { layout: 'columns', convolves } as const;
  const input = { weight: kernel, bias: bias ?? undefined, ...form };
  const recurrent = { weight: recurrentKernel, bias: undefined, ...form };
  return {
    kind: kind.name,
    blocks: [input, recurrent],
    watch(call) {
      const step = new CellStep(kind, layer, made, call);
      call.show(input, {
        rows: (host, withBias) => step.inputRows(host, withBias),
        gradientRows: (host) => step.gradientRows(host),
      });
      call.show(recurrent, {
        rows: (host) => step.stateRows(host),
        gradientRows: (host) => step.stateGradientRows(host),
      });
      return step.compute();
    },
  };
}

function isCell(layer: Layer): layer is Cell {
  return FIELDS.every((field) => field in layer);
}

/** One product of a kernel: what multiplies its input or state before, and the gates that see it. */
interface KernelUse {
  readonly factors: readonly Tensor[];
  meets(this: void, gate: number): boolean;
}

/** A cell at one time step: what entered each product, and what came back to the gates. */
class CellStep {
  readonly #kind: CellKind;
  readonly #cell: Cell;
  readonly #made: CellRows;
  readonly #call: Call;
  readonly #x: Tensor;
  readonly #h: Tensor;
  readonly #gates: readonly Tap[];
  #dropout: readonly Tensor[] = [];
  #recurrentDropout: readonly Tensor[] = [];
  #reset: Tensor | undefined;

  constructor(kind: CellKind, cell: Cell, made: CellRows, call: Call) {
    const [x, h] = call.inputs;
    this.#kind = kind;
    this.#cell = cell;
    this.#made = made;
    this.#call = call;
    this.#x = call.keep(x);
    this.#h = call.keep(h);
    const gates = [...kind.activation, ...kind.recurrentActivation];
    this.#gates = gates.flatMap((gate) => (gate === 'state' ? [] : [call.tap()]));
  }

  /** Computes the cell with a tap in front of every gate. */
  compute(): Output {
    const cell = this.#cell;
    const { activation, recurrentActivation } = cell;
    cell.activation = this.#tapped(activation, this.#kind.activation);
    if (recurrentActivation !== undefined) {
      cell.recurrentActivation = this.#tapped(recurrentActivation, this.#kind.recurrentActivation);
    }
    try {
      return this.#call.compute();
    } finally {
      cell.activation = activation;
      if (recurrentActivation !== undefined) cell.recurrentActivation = recurrentActivation;
      this.#dropout = this.#kept(cell.dropoutMask);
      this.#recurrentDropout = this.#kept(cell.recurrentDropoutMask);
    }
  }

  /** x, as it enters the kernel. */
  inputRows(host: RowsHost, bias: boolean): Rows<'float32'> | undefined {
    return joined(this.#inputUses, ({ factors }) =>
      this.#rows(
        host,
        () => times(host, this.#x, factors),
        (x, mask) => this.#made.input(host, x, bias, mask),
      ),
    );
  }

  /** h, as it enters the recurrent kernel, and r∘h where that enters too. */
  stateRows(host: RowsHost): Rows<'float32'> | undefined {
    return joined(this.#stateUses, ({ factors }) =>
      this.#rows(
        host,
        () => times(host, this.#h, factors),
        (h, mask) => this.#made.state(host, h, mask),
      ),
    );
  }

  gradientRows(host: RowsHost): Rows<'float32'> | undefined {
    return joined(this.#inputUses, (use) => this.#gradientsOf(host, use));
  }

  stateGradientRows(host: RowsHost): Rows<'float32'> | undefined {
    return joined(this.#stateUses, (use) => this.#gradientsOf(host, use));
  }

  get #inputUses(): readonly KernelUse[] {
    return usesOf(this.#dropout);
  }

  get #stateUses(): readonly KernelUse[] {
    const uses = usesOf(this.#recurrentDropout);
    const reset = this.#reset;
    if (reset === undefined) return uses;
    const candidate = this.#gates.length - 1;
    return uses.flatMap(({ factors }) => [
      { factors, meets: (gate) => gate !== candidate },
      { factors: [...factors, reset], meets: (gate) => gate === candidate },
    ]);
  }

  /** What came back to the gates of a use, beside zeros for the others: of those nothing need have come. */
  #gradientsOf(host: RowsHost, { meets }: KernelUse): Rows<'float32'> | undefined {
    const gradients = this.#gates.map(({ gradient }) => gradient);
    const some = gradients.find((gradient) => gradient !== undefined);
    if (some === undefined) return undefined;
    const { tf } = host;
    const made = this.#made;
    return this.#rows(
      host,
      () => {
        const zeros = tf.zeros<Tensor['rankType']>(some.shape);
        const parts = gradients.map((dy = zeros, gate) => (meets(gate) ? dy : zeros));
        return tf.concat(parts, made.axis);
      },
      (dy, mask) => made.gates(host, dy, mask),
    );
  }

  /** The rows of what is computed only for them; a sequence that is masked at this step may have none. */
  #rows(
    host: RowsHost,
    compute: () => Tensor,
    make: (tensor: Tensor, mask: Mask | undefined) => Rows<'float32'> | undefined,
  ): Rows<'float32'> | undefined {
    const tensor = host.tf.tidy(compute);
    try {
      return make(tensor, this.#call.mask);
    } finally {
      tensor.dispose();
    }
  }

  /** An activation whose calls are of these gates, one after the other. */
  #tapped(activation: Activation, gates: readonly (number | 'state')[]): Activation {
    let calls = 0;
    return {
      getClassName: () => 'tapped',
      apply: (x) => {
        const gate = gates[calls++];
        if (typeof gate !== 'number') return activation.apply(x);
        const value = activation.apply(this.#gates[gate].through(x));
        if (gate === this.#kind.reset) this.#reset = this.#call.keep(value);
        return value;
      },
    };
  }

  /** The masks of dropout that count. */
  #kept(masks: Tensor | Tensor[] | null): readonly Tensor[] {
    const all = [masks ?? []].flat();
    const used = this.#kind.masksGates === true ? all : all.slice(0, 1);
    return used.map((mask) => this.#call.keep(mask));
  }
}

/** The uses of a kernel under masks of dropout: one a gate where there are several. */
function usesOf(masks: readonly Tensor[]): readonly KernelUse[] {
  if (masks.length <= 1) return [{ factors: masks, meets: () => true }];
  return masks.map((mask, own) => ({ factors: [mask], meets: (gate) => gate === own }));
}

/** The rows of all uses one below the other, where there are any: all are of the same examples. */
function joined(
  uses: readonly KernelUse[],
  make: (use: KernelUse) => Rows<'float32'> | undefined,
): Rows<'float32'> | undefined {
  const parts = uses.map(make).filter((part) => part !== undefined);
  if (parts.length === 0) return undefined;
  return joinedRows(parts, { batches: parts.map(() => 'same') });
}

function times({ tf }: RowsHost, x: Tensor, factors: readonly Tensor[]): Tensor {
  return factors.reduce((product, factor) => tf.mul(product, factor), tf.clone(x));
}
