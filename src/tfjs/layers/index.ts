// The table of layer kinds.

import type { TensorFlow } from '../tensorflow.js';
import { conv1d, conv2d } from './convolution.js';
import { dense } from './dense.js';
import { embedding } from './embedding.js';
import { type KnownLayer, type Layer, type LayerKind, ofKind, type TappedLayer } from './kind.js';
import { sampleLoops } from './loops.js';
import { type CellKind, gru, lstm, ofCellKind, simpleRNN } from './recurrent.js';
import { separable } from './separable.js';
import { transposedConvolution } from './transposed-convolution.js';

/** Every kind that is preconditioned: adding one is a file beside this and a line here. */
const KINDS: readonly Entry[] = [
  entry(dense),
  entry(conv1d),
  entry(conv2d),
  entry(transposedConvolution),
  entry(separable),
  entry(embedding),
  ...[simpleRNN, lstm, gru].map(cellEntry),
];

/** A kind that has forgotten what its layers are like. */
interface Entry {
  readonly sample: (tf: TensorFlow) => Layer;
  readonly known: (layer: Layer) => KnownLayer | undefined;
}

function entry<Known extends TappedLayer>(kind: LayerKind<Known>): Entry {
  return { sample: (tf) => kind.sample(tf), known: (layer) => ofKind(kind, layer) };
}

function cellEntry(kind: CellKind): Entry {
  return { sample: (tf) => kind.sample(tf), known: (layer) => ofCellKind(kind, layer) };
}

/** Tells the kind of layers of one copy of TensorFlow.js. */
export class LayerTable {
  readonly #entries: readonly { readonly sample: Layer; readonly known: Entry['known'] }[];
  readonly #loops: readonly Layer[];

  constructor(tf: TensorFlow) {
    this.#entries = KINDS.map(({ sample, known }) => ({ sample: sample(tf), known }));
    this.#loops = sampleLoops(tf);
  }

  /**
   * A layer with its kind, if it has one. A class of one's own that extends a known class is of its kind as
   * long as it computes as that class does.
   */
  find(layer: Layer): KnownLayer | undefined {
    for (const { known, sample } of this.#entries) {
      if (!(layer instanceof sample.constructor) || layer.call !== sample.call) continue;
      const found = known(layer);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The prototypes whose `call` is a loop over time. */
  get loops(): ReadonlySet<Layer> {
    return new Set(this.#loops.map(ownerOfCall));
  }

  /** The prototypes whose `call` computes known layers: whoever applies a layer comes past one. */
  get prototypes(): ReadonlySet<Layer> {
    return new Set(this.#entries.map(({ sample }) => ownerOfCall(sample)));
  }
}

const tables = new WeakMap<TensorFlow, LayerTable>();

/** The table of a copy of TensorFlow.js, made once: its samples are layers too. */
export function layerTable(tf: TensorFlow): LayerTable {
  const table = tables.get(tf) ?? new LayerTable(tf);
  tables.set(tf, table);
  return table;
}

/** The prototype that a layer has its `call` from. */
function ownerOfCall(layer: Layer): Layer {
  let owner: Layer = Object.getPrototypeOf(layer);
  while (!Object.hasOwn(owner, 'call')) owner = Object.getPrototypeOf(owner);
  return owner;
}
