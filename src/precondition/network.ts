// The preconditioners of all layers together: cadence, bias columns and KL clip.

import type { Backend, Slot } from '../backend/backend.js';
import { ofLayer, type StateEntry, type Stateful } from '../backend/state.js';
import { checkChoice, checkInteger, checkShape, checkType, isObject } from '../core/check.js';
import { type DType, LARGEST } from '../core/dtype.js';
import { choice, integer, type OptionsOf, optionList, text } from '../core/options.js';
import { checkRange } from '../core/range.js';
import { Workspace } from '../core/workspace.js';
import { type Diagnostics, LayerPreconditioner } from './layer.js';
import { type LayerShape, type Method, ROW_FORMS } from './method.js';
import { batchOf, checkCount, checkObservation, type Observation } from './observation.js';

/** The parts of a layer. */
export const LAYER_OPTIONS = /* @__PURE__ */ optionList({
  /** The name, by which options and reports call the layer (default: that of the weight, or its index). */
  name: text,
  /** The weight, q×(p−1) with a bias and q×p without. */
  weight: /* @__PURE__ */ integer(),
  /** The bias, q×1. */
  bias: /* @__PURE__ */ integer(),
  /**
   * What enters: 'dense' rows (default), or 'oneHot' ones, as an embedding's are. Their second moment is
   * taken to be diagonal, so there can be no bias, and no p×p matrix is formed.
   */
  rows: /* @__PURE__ */ choice(...ROW_FORMS),
});

/** Which parameters make up a layer, by index. @interface */
export type LayerParameters = OptionsOf<typeof LAYER_OPTIONS> & { readonly weight: number };

/** Shape of one parameter, and what messages call it. */
export interface ParameterShape {
  readonly rows: number;
  readonly cols: number;
  readonly name?: string | undefined;
  /**
   * Positions of a kernel that is moved over its input: the columns are those of one position after the other.
   * Absent where it is no such kernel.
   */
  readonly positions?: number | undefined;
  /** Whether it meets one-hot rows, as an embedding does: a batch says nothing of most columns (default false). */
  readonly oneHot?: boolean | undefined;
}

/** When to look and when to factorise: τ_cov and τ_inv of the paper's Table VI. */
export const CADENCE_OPTIONS = optionList({
  /** The interval τ_cov: observe at steps k with k mod τ_cov = 0 (default 5). */
  observeEvery: integer(1).default(5),
  /** The interval τ_inv: refresh at steps k with k mod τ_inv = 0, after observing (default 50). */
  refreshEvery: integer(1).default(50),
});

/** When layers are observed, and their inverses refreshed. @interface */
export type CadenceOptions = OptionsOf<typeof CADENCE_OPTIONS>;

/** What a network sees of one step. */
export interface NetworkStep<D extends DType> {
  /** k = 0, 1, 2, … */
  readonly index: number;
  /** By layer; undefined where the batch showed nothing of it. */
  readonly observations: readonly (Observation<D> | undefined)[];
  /** Σ⟨P, G⟩ may be at most this: κ/η² of the KL clip; undefined where nothing is clipped. */
  readonly clip: number | undefined;
}

/** A layer's preconditioner and where its matrices are. */
interface Layer<D extends DType> {
  readonly shape: LayerShape;
  readonly parameters: LayerParameters;
  readonly preconditioner: LayerPreconditioner<D>;
  /** Workspace, q×p: the joined gradient and its preconditioned form. */
  readonly G: Slot<D>;
  readonly P: Slot<D>;
}

/**
 * Preconditions the gradients of a whole network: at step k it observes where k mod τ_cov = 0, then
 * refreshes where k mod τ_inv = 0 (both at k = 0), then replaces every layer's gradients by the
 * preconditioned ones. Parameters that belong to no layer are left alone. A layer of relative damping that was
 * dead at its refreshes so far is refreshed at every step that observes, until it has an inverse.
 *
 * The KL clip multiplies all layers by min(1, √(κ/(η²Σ⟨P, G⟩))).
 */
export class NetworkPreconditioner<D extends DType> implements Stateful<D> {
  readonly #backend: Backend<D>;
  readonly #method: Method;
  readonly #layers: readonly Layer<D>[];
  readonly #observeEvery: number;
  readonly #refreshEvery: number;
  readonly #sum: Slot<D>;

  /**
   * @throws RangeError on a cadence out of range, where a layer's weight and bias do not fit together,
   *   and where two layers share a parameter; TypeError where a layer is no object.
   */
  constructor(
    backend: Backend<D>,
    method: Method,
    parameters: readonly ParameterShape[],
    layers: readonly LayerParameters[],
    options: CadenceOptions = {},
  ) {
    const { observeEvery, refreshEvery } = CADENCE_OPTIONS.read('precondition', options);
    const shapes = layerShapes(parameters, layers);
    const curvatures = method.layers(shapes, backend.dtype);
    // One refresh computes at a time, of whatever layer: they share what they need on their way.
    const workspace = new Workspace();
    const slots = sharedSlots(backend);
    this.#backend = backend;
    this.#method = method;
    this.#observeEvery = observeEvery;
    this.#refreshEvery = refreshEvery;
    this.#sum = backend.allocate(1, 1);
    this.#layers = layers.map((layer, index) => ({
      shape: shapes[index],
      parameters: layer,
      preconditioner: new LayerPreconditioner(
        backend,
        shapes[index],
        method,
        curvatures[index],
        workspace,
      ),
      ...slots(shapes[index]),
    }));
  }

  /**
   * Whether a step can be taken; changes nothing either way.
   *
   * @throws RangeError or TypeError where an observation does not fit its layer.
   */
  check({ index, observations }: NetworkStep<D>): void {
    const layers = this.#layers;
    checkCount(observations, layers.length);
    if (index % this.#observeEvery !== 0) return;
    layers.forEach(({ shape }, i) => {
      const observation = observations[i];
      if (observation === undefined) return;
      checkObservation(this.#backend, shape, this.#method.needs, observation);
    });
  }

  /**
   * Bounds of the elements of the preconditioned gradients, by parameter, from those of the
   * gradients: an element of P is at most ‖P‖F ≤ gain·‖G‖F.
   *
   * @throws RangeError where a preconditioned gradient, the clip's Σ⟨P, G⟩ ≤ gain·Σ‖G‖²F, or a moment
   *   of the gradients where such are averaged, could leave the range of the dtype.
   */
  bound(gradients: readonly number[], { index: step, clip }: NetworkStep<D>): readonly number[] {
    const { dtype } = this.#backend;
    const averaged = this.#method.needs.gradients === true && step % this.#observeEvery === 0;
    const bounds = [...gradients];
    let sum = 0;
    for (const { shape, parameters, preconditioner } of this.#layers) {
      const { inputs, outputs } = shape;
      const { gain } = preconditioner;
      const indices = indicesOf(parameters);
      const norm = Math.sqrt(inputs * outputs) * Math.max(...indices.map((i) => gradients[i]));
      const where = `precondition: layer '${shape.name}'`;
      // With a gain below 1, products on the way to P may still be as large as G.
      checkRange(where, 'what becomes of its gradients', Math.max(1, gain) * norm, dtype);
      if (averaged) checkRange(where, 'the squares of its gradients', norm ** 2, dtype);
      for (const index of indices) bounds[index] = gain * norm;
      sum += gain * norm ** 2;
    }
    if (clip !== undefined) {
      checkRange('precondition', "the KL clip's sum over the gradients", sum, dtype);
    }
    return bounds;
  }

  /**
   * A step that {@link check} let pass: observes, refreshes, and writes the preconditioned `gradients`
   * into `updates`, which may be the same slots. A layer without an observation keeps its averages.
   * Observations at steps that do not observe are ignored.
   */
  update(step: NetworkStep<D>, gradients: readonly Slot<D>[], updates: readonly Slot<D>[]): void {
    const observes = step.index % this.#observeEvery === 0;
    const refreshes = step.index % this.#refreshEvery === 0;
    if (observes) this.#observe(step.observations, gradients);
    for (const { preconditioner } of this.#layers) {
      // What stands still does not wait for a whole interval to be looked at again.
      if (refreshes || (observes && preconditioner.standsStill)) preconditioner.refresh();
    }
    // A limit beyond the range clips nothing that lies within it.
    const { clip = Infinity } = step;
    const clips = clip <= LARGEST[this.#backend.dtype];
    this.#layers.forEach((layer, index) => {
      this.#precondition(layer, gradients, updates, clips ? Math.min(index, 1) : undefined);
    });
    if (!clips) return;
    for (const { parameters } of this.#layers) {
      for (const index of indicesOf(parameters)) {
        this.#backend.clip(this.#sum, clip, updates[index]);
      }
    }
  }

  /** Resolves when no refresh is in flight. */
  async flush(): Promise<void> {
    await Promise.all(this.#layers.map(({ preconditioner }) => preconditioner.flush()));
  }

  /** To be called when the state was restored: what is in flight belongs to the run that is left. */
  restored(): void {
    for (const { preconditioner } of this.#layers) preconditioner.abandon();
  }

  /** How each layer is preconditioned, and what its refreshes have found. */
  get diagnostics(): readonly Diagnostics[] {
    return this.#layers.map(({ preconditioner }) => preconditioner.diagnostics);
  }

  get state(): readonly StateEntry<D>[] {
    return this.#layers.flatMap(({ preconditioner }, index) =>
      ofLayer(index, preconditioner.state),
    );
  }

  /** The joined gradients of each shape of layer, and the clip's sum. */
  get workspace(): readonly Slot<D>[] {
    return [this.#sum, ...new Set(this.#layers.flatMap(({ G, P }) => [G, P]))];
  }

  #observe(
    observations: readonly (Observation<D> | undefined)[],
    gradients: readonly Slot<D>[],
  ): void {
    const { needs } = this.#method;
    const needsRows = needs.inputs === true || needs.outputGradients === true;
    this.#layers.forEach((layer, index) => {
      const observation = observations[index];
      if (observation === undefined && needsRows) return;
      const batch = observation === undefined ? { examples: 1 } : batchOf(observation);
      const G = needs.gradients === true ? this.#joined(layer, gradients) : undefined;
      layer.preconditioner.observe({ ...batch, G });
    });
  }

  /** The gradient of a layer as one matrix q×p. */
  #joined({ parameters, G }: Layer<D>, gradients: readonly Slot<D>[]): Slot<D> {
    const weight = gradients[parameters.weight];
    if (parameters.bias === undefined) return weight;
    this.#backend.joinColumns(weight, gradients[parameters.bias], G);
    return G;
  }

  /** G → P for one layer; where there is a `keep`, for the clip, sum ← keep·sum + ⟨P, G⟩. */
  #precondition(
    layer: Layer<D>,
    gradients: readonly Slot<D>[],
    updates: readonly Slot<D>[],
    keep: number | undefined,
  ): void {
    const { preconditioner, parameters, P } = layer;
    const backend = this.#backend;
    const G = this.#joined(layer, gradients);
    preconditioner.precondition(G, P);
    if (keep !== undefined) backend.dot(1, P, G, keep, this.#sum);
    const weight = updates[parameters.weight];
    if (parameters.bias === undefined) backend.axpby(1, P, 0, weight);
    else {
      backend.sliceColumns(P, 0, weight);
      backend.sliceColumns(P, P.cols - 1, updates[parameters.bias]);
    }
  }
}

function indicesOf({ weight, bias }: LayerParameters): number[] {
  return bias === undefined ? [weight] : [weight, bias];
}

/**
 * What each layer is like. Its name is its own, or that of its weight, or its index.
 *
 * @throws RangeError where a layer's weight and bias are no parameters or do not fit together, and where
 *   two layers share a parameter; TypeError where a layer is no object.
 */
export function layerShapes(
  parameters: readonly ParameterShape[],
  layers: readonly LayerParameters[],
): readonly LayerShape[] {
  const shapes = layers.map((layer, index) => layerShape(layer, index, parameters));
  checkDistinct(shapes, layers);
  return shapes;
}

function layerShape(
  layer: LayerParameters,
  index: number,
  parameters: readonly ParameterShape[],
): LayerShape {
  const where = `precondition: layer ${index}`;
  checkType(where, 'the layer', layer, isObject(layer), 'an object with a weight');
  const { name, weight, bias, rows } = layer;
  checkInteger(where, 'weight', weight, 0, parameters.length - 1);
  const W = parameters[weight];
  if (rows !== undefined) checkChoice(where, 'rows', rows, ROW_FORMS);
  const shape = { name: name ?? W.name ?? String(index), outputs: W.rows, rows };
  if (bias === undefined) return { ...shape, inputs: W.cols };
  if (rows === 'oneHot') {
    throw new RangeError(
      `${where}: bias is ${bias}, expected none: one-hot rows have no column of ones`,
    );
  }
  checkInteger(where, 'bias', bias, 0, parameters.length - 1);
  checkShape(where, 'bias', parameters[bias], W.rows, 1);
  return { ...shape, inputs: W.cols + 1 };
}

/** No parameter may belong to two layers, nor be weight and bias of one. */
function checkDistinct(shapes: readonly LayerShape[], layers: readonly LayerParameters[]): void {
  const owners = new Map<number, string>();
  layers.forEach((layer, i) => {
    for (const index of indicesOf(layer)) {
      const owner = owners.get(index);
      if (owner !== undefined) {
        throw new RangeError(
          `precondition: parameter ${index} is in two places, layers '${owner}' and '${shapes[i].name}', expected one layer each: give the layers a kernel each, or leave one of them out`,
        );
      }
      owners.set(index, shapes[i].name);
    }
  });
}

/** Layers of the same shape take turns with the same two slots. */
function sharedSlots<D extends DType>(
  backend: Backend<D>,
): (shape: LayerShape) => { G: Slot<D>; P: Slot<D> } {
  const pool = new Map<string, { G: Slot<D>; P: Slot<D> }>();
  return ({ inputs, outputs }) => {
    const key = `${outputs}×${inputs}`;
    const found = pool.get(key) ?? {
      G: backend.allocate(outputs, inputs),
      P: backend.allocate(outputs, inputs),
    };
    pool.set(key, found);
    return found;
  };
}
