// The table of layer kinds.

import { checkFunction, checkType, isObject } from '../../core/check.js';
import { checkLayers, checkTensorFlow, type TensorFlow } from '../tensorflow.js';
import { conv1d, conv2d } from './convolution.js';
import { convolutionalLstm } from './convolutional-lstm.js';
import { dense } from './dense.js';
import { depthwise } from './depthwise.js';
import { embedding } from './embedding.js';
import {
  type KnownLayer,
  type Layer,
  type LayerKind,
  type LayerPart,
  ofKind,
  type TappedLayer,
} from './kind.js';
import { sampleLoops } from './loops.js';
import { type CellKind, gru, lstm, ofCellKind, simpleRNN } from './recurrent.js';
import { depthwiseHalf, separable } from './separable.js';
import { transposedConvolution } from './transposed-convolution.js';

/** Every kind that is preconditioned: adding one is a file beside this and a line here. */
const KINDS: readonly Entry[] = [
  entry(dense),
  entry(conv1d),
  entry(conv2d),
  entry(transposedConvolution),
  entry(depthwise),
  entry(separable, [depthwiseHalf, separable]),
  entry(embedding),
  ...[simpleRNN, lstm, gru, convolutionalLstm].map(cellEntry),
];

/** A kind that has forgotten what its layers are like. */
interface Entry {
  readonly name: string;
  readonly sample: (tf: TensorFlow) => Layer;
  readonly known: (layer: Layer) => KnownLayer | undefined;
}

function entry<Known extends TappedLayer>(
  kind: LayerKind<Known>,
  parts: readonly LayerPart<Known>[] = [kind],
): Entry {
  return {
    name: kind.name,
    sample: (tf) => kind.sample(tf),
    known: (layer) => ofKind(kind, parts, layer),
  };
}

function cellEntry(kind: CellKind): Entry {
  return {
    name: kind.name,
    sample: (tf) => kind.sample(tf),
    known: (layer) => ofCellKind(kind, layer),
  };
}

/** Tells the kind of layers of one copy of TensorFlow.js. */
export class LayerTable {
  readonly #entries: { readonly entry: Entry; readonly sample: Layer }[];
  readonly #loops: readonly Layer[];

  constructor(tf: TensorFlow) {
    this.#entries = KINDS.map((one) => ({ entry: one, sample: one.sample(tf) }));
    this.#loops = sampleLoops(tf);
  }

  /**
   * A layer with its kind, if it has one. A class of one's own that extends a known class is of its kind as
   * long as it computes as that class does.
   */
  find(layer: Layer): KnownLayer | undefined {
    for (const { entry: one, sample } of this.#entries) {
      if (!(layer instanceof sample.constructor) || layer.call !== sample.call) continue;
      const found = one.known(layer);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The names of its kinds. */
  get names(): readonly string[] {
    return this.#entries.map(({ entry: { name } }) => name);
  }

  /** Takes in a kind, which is asked after those that are there. */
  add(one: Entry, sample: Layer): void {
    this.#entries.push({ entry: one, sample });
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

const METHODS = ['sample', 'fits', 'block', 'rows', 'gradientRows'] as const;

/**
 * Has layers of a kind of one's own preconditioned by every optimiser of this copy of TensorFlow.js, from
 * the next computation of gradients on. A kind tells its layers by their class, so that it is for a class
 * that computes in a way of its own; one that computes as a known class does is of that kind already.
 *
 * @throws TypeError where `tf` is not TensorFlow.js with layers, `kind` lacks a part, or its `sample` gives
 *   no layer with a method `call` of its class; RangeError where a kind of that name is there. Nothing has
 *   changed then.
 */
export function registerKind<Known extends TappedLayer>(
  tf: TensorFlow,
  kind: LayerKind<Known>,
): void {
  const where = 'registerKind';
  checkTensorFlow(where, tf);
  checkLayers(where, tf);
  checkType(where, 'kind', kind, isObject(kind), 'a kind of layer');
  const { name } = kind;
  checkType(where, 'name', name, typeof name === 'string' && name !== '', 'a name');
  for (const method of METHODS) checkFunction(where, method, kind[method]);
  const table = layerTable(tf);
  if (table.names.includes(name)) {
    throw new RangeError(
      `${where}: there is a kind '${name}', expected another name than ${table.names.join(', ')}`,
    );
  }
  const sample = sampleOf(where, tf, kind);
  const computes = sample instanceof tf.layers.Layer && !Object.hasOwn(sample, 'call');
  checkType(where, 'what sample gives', sample, computes, 'a layer whose class has a method call');
  table.add(entry(kind), sample);
}

function sampleOf(where: string, tf: TensorFlow, kind: Pick<LayerKind, 'sample'>): Layer {
  try {
    return kind.sample(tf);
  } catch (cause) {
    throw new TypeError(`${where}: sample failed, expected a layer`, { cause });
  }
}

/** The prototype that a layer has its `call` from. */
function ownerOfCall(layer: Layer): Layer {
  let owner: Layer = Object.getPrototypeOf(layer);
  while (!Object.hasOwn(owner, 'call')) owner = Object.getPrototypeOf(owner);
  return owner;
}
