// The table of layer kinds.

import type { TensorFlow } from '../tensorflow.js';
import { dense } from './dense.js';
import type { ActivatedLayer, Layer, LayerKind } from './kind.js';

/** Every kind that is preconditioned: adding one is a file beside this and a line here. */
const KINDS: readonly LayerKind[] = [dense];

/** A layer that is known, and its kind. */
export interface KnownLayer {
  readonly kind: LayerKind;
  readonly layer: ActivatedLayer;
}

/** Tells the kind of layers of one copy of TensorFlow.js. */
export class LayerTable {
  readonly #entries: readonly { readonly kind: LayerKind; readonly sample: Layer }[];

  constructor(tf: TensorFlow) {
    this.#entries = KINDS.map((kind) => ({ kind, sample: kind.sample(tf) }));
  }

  /**
   * The kind of a layer, if it has one. A class of one's own that extends a known class is of its kind as
   * long as it computes as that class does.
   */
  find(layer: Layer): KnownLayer | undefined {
    for (const { kind, sample } of this.#entries) {
      const sameClass = layer instanceof sample.constructor && layer.call === sample.call;
      if (sameClass && kind.fits(layer)) return { kind, layer };
    }
    return undefined;
  }
}

const tables = new WeakMap<TensorFlow, LayerTable>();

/** The table of a copy of TensorFlow.js, made once: its samples are layers too. */
export function layerTable(tf: TensorFlow): LayerTable {
  const table = tables.get(tf) ?? new LayerTable(tf);
  tables.set(tf, table);
  return table;
}
