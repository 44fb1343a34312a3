// Recurrent cells: a row of the kernel is an input at one time step, one of the recurrent kernel a state.

import type { LayerVariable, Tensor } from '@tensorflow/tfjs';
import { joinedRows } from '../../rows/joined.js';
import type { Rows } from '../../rows/rows.js';
import type { RowsHost } from '../rows/host.js';
import { positionRows } from '../rows/masked.js';
import type { TensorFlow } from '../tensorflow.js';
import type { Call, Output, Tap } from './call.js';
import type { Activation, KnownLayer, Layer } from './kind.js';

/** What cells have in common; masks of dropout are there once a cell has computed. */
interface Cell extends Layer {
  readonly kernel: LayerVariable;
  readonly recurrentKernel: LayerVariable;
  readonly bias: LayerVariable | null;
  readonly dropoutMask: Tensor | Tensor[] | null;
  readonly recurrentDropoutMask: Tensor | Tensor[] | null;
  activation: Activation;
  recurrentActivation?: Activation;
}

const FIELDS = [
  'kernel',
  'recurrentKernel',
  'bias',
  'dropoutMask',
  'recurrentDropoutMask',
  'activation',
];

/** A kind of cell: which gates its activations are applied to, one call after the other. */
export interface CellKind {
  readonly name: string;
  sample(tf: TensorFlow): Layer;
  /** The gates, in the order in which the kernels hold them; a state that is activated is none. */
  readonly activation: readonly (number | 'state')[];
  readonly recurrentActivation: readonly number[];
  /** The gate that the state is multiplied by before the last gate sees it, if one is. */
  readonly reset?: number;
}

/** tf.layers.simpleRNNCell: h = φ(xW + b + hU). */
export const simpleRNN: CellKind = {
  name: 'simpleRNN',
  sample: (tf) => tf.layers.simpleRNNCell({ units: 1, name: 'nysact' }),
  activation: [0],
  recurrentActivation: [],
};

/** tf.layers.lstmCell: the gates i, f, c, o, each of xW + hU + b. */
export const lstm: CellKind = {
  name: 'lstm',
  sample: (tf) => tf.layers.lstmCell({ units: 1, name: 'nysact' }),
  activation: [2, 'state'],
  recurrentActivation: [0, 1, 3],
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
};

/** `layer` as a cell of `kind`, if it is one. */
export function ofCellKind(kind: CellKind, layer: Layer): KnownLayer | undefined {
  if (!isCell(layer)) return undefined;
  const { kernel, recurrentKernel, bias } = layer;
  const input = { weight: kernel, bias: bias ?? undefined, layout: 'columns' } as const;
  const recurrent = { weight: recurrentKernel, bias: undefined, layout: 'columns' } as const;
  return {
    kind: kind.name,
    blocks: [input, recurrent],
    watch(call) {
      const step = new CellStep(kind, layer, call);
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

/** A cell at one time step: what entered each product, and what came back to the gates. */
class CellStep {
  readonly #kind: CellKind;
  readonly #cell: Cell;
  readonly #call: Call;
  readonly #x: Tensor;
  readonly #h: Tensor;
  readonly #gates: readonly Tap[];
  #dropout: Tensor | undefined;
  #recurrentDropout: Tensor | undefined;
  #reset: Tensor | undefined;

  constructor(kind: CellKind, cell: Cell, call: Call) {
    const [x, h] = call.inputs;
    this.#kind = kind;
    this.#cell = cell;
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
    return this.#rows(host, bias, () => times(host, this.#x, this.#dropout));
  }

  /** h, as it enters the recurrent kernel, and r∘h where that enters too. */
  stateRows(host: RowsHost): Rows<'float32'> | undefined {
    const state = () => times(host, this.#h, this.#recurrentDropout);
    if (this.#reset === undefined) return this.#rows(host, false, state);
    return joined([
      this.#rows(host, false, state),
      this.#rows(host, false, () => times(host, state(), this.#reset)),
    ]);
  }

  gradientRows(host: RowsHost): Rows<'float32'> | undefined {
    return this.#gradientsOf(host, () => true);
  }

  stateGradientRows(host: RowsHost): Rows<'float32'> | undefined {
    if (this.#reset === undefined) return this.gradientRows(host);
    const candidate = this.#gates.length - 1;
    return joined([
      this.#gradientsOf(host, (gate) => gate !== candidate),
      this.#gradientsOf(host, (gate) => gate === candidate),
    ]);
  }

  /** What came back to some gates, beside zeros for the others: of those nothing need have come. */
  #gradientsOf(host: RowsHost, counts: (gate: number) => boolean): Rows<'float32'> | undefined {
    const gradients = this.#gates.map(({ gradient }) => gradient);
    const some = gradients.find((gradient) => gradient !== undefined);
    if (some === undefined) return undefined;
    const { tf } = host;
    return this.#rows(host, false, () => {
      const zeros = tf.zeros<Tensor['rankType']>(some.shape);
      const parts = gradients.map((dy = zeros, gate) => (counts(gate) ? dy : zeros));
      return tf.concat(parts, -1);
    });
  }

  /** The rows of what is computed only for them; a sequence that is masked at this step has none. */
  #rows(host: RowsHost, bias: boolean, compute: () => Tensor): Rows<'float32'> | undefined {
    const tensor = host.tf.tidy(compute);
    try {
      return positionRows(host, tensor, bias, this.#call.mask);
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

  /** All gates see the same mask of dropout, the first. */
  #kept(mask: Tensor | Tensor[] | null): Tensor | undefined {
    const [first] = Array.isArray(mask) ? mask : [mask];
    return first === null ? undefined : this.#call.keep(first);
  }
}

/** Rows one below the other, where there are any. */
function joined(parts: readonly (Rows<'float32'> | undefined)[]): Rows<'float32'> | undefined {
  const rows = parts.filter((part) => part !== undefined);
  return rows.length === 0 ? undefined : joinedRows(rows);
}

function times({ tf }: RowsHost, x: Tensor, factor: Tensor | undefined): Tensor {
  return factor === undefined ? tf.clone(x) : tf.mul(x, factor);
}
