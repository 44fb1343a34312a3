// The preconditioners of all layers together: cadence, bias columns and KL clip.

import type { Engine } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import { type StateEntry, type Stateful, scoped } from '../backend/state.js';
import { checkInteger, checkNonNegative, checkPositive, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkRange } from '../core/range.js';
import {
  checkObservation,
  type Diagnostics,
  gradientsOf,
  type LayerPreconditioner,
  type LayerShape,
  type Observation,
  type Preconditioner,
} from './preconditioner.js';

/** Which parameters make up a layer, by index. */
export interface LayerParameters {
  readonly name?: string;
  /** The weight, q×(p−1) with a bias and q×p without. */
  readonly weight: number;
  /** The bias, q×1. */
  readonly bias?: number;
}

/** When to look and when to factorise. */
export interface CadenceOptions {
  /** τ_cov: observe at steps k with k mod τ_cov = 0 (default 5). */
  readonly observeEvery?: number;
  /** τ_inv: refresh at steps k with k mod τ_inv = 0, after observing (default 50). */
  readonly refreshEvery?: number;
}

/**
 * The KL clip: all layers times min(1, √(κ/(η²Σ⟨P, G⟩))). A sum that could overflow, and so make the
 * factor 0, is refused beforehand: see {@link NetworkPreconditioner.bound}.
 */
export interface KlClip {
  /** κ > 0. */
  readonly limit: number;
  /** η at step k. */
  learningRate(step: number): number;
}

/** Options of {@link NetworkPreconditioner}. */
export interface NetworkOptions extends CadenceOptions {
  readonly klClip?: KlClip;
}

/** τ_cov and τ_inv of the paper's Table VI. */
export const DEFAULT_CADENCE = { observeEvery: 5, refreshEvery: 50 };

/**
 * The options of a network must be in range.
 *
 * @throws RangeError where one is not.
 */
export function checkNetworkOptions({ observeEvery, refreshEvery, klClip }: NetworkOptions): void {
  if (observeEvery !== undefined) checkInteger('precondition', 'observeEvery', observeEvery, 1);
  if (refreshEvery !== undefined) checkInteger('precondition', 'refreshEvery', refreshEvery, 1);
  if (klClip !== undefined) checkPositive('precondition', 'klClip.limit', klClip.limit);
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
 * preconditioned ones. Parameters that belong to no layer are left alone.
 */
export class NetworkPreconditioner<D extends DType> implements Stateful<D> {
  readonly #engine: Engine<D>;
  readonly #layers: readonly Layer<D>[];
  readonly #observesGradients: boolean;
  readonly #gain: number;
  readonly #observeEvery: number;
  readonly #refreshEvery: number;
  readonly #klClip: KlClip | undefined;
  readonly #sum: Slot<D>;

  /**
   * @throws RangeError on a cadence or clip out of range, where a layer's weight and bias do not fit
   *   together, and where two layers share a parameter.
   */
  constructor(
    engine: Engine<D>,
    preconditioner: Preconditioner,
    parameters: readonly { readonly rows: number; readonly cols: number }[],
    layers: readonly LayerParameters[],
    options: NetworkOptions = {},
  ) {
    checkNetworkOptions(options);
    const { observeEvery = DEFAULT_CADENCE.observeEvery, klClip } = options;
    const { refreshEvery = DEFAULT_CADENCE.refreshEvery } = options;
    const shapes = layers.map((layer, index) => layerShape(layer, index, parameters));
    checkDistinct(layers.flatMap(indicesOf));
    const preconditioners = preconditioner.init(engine, shapes);
    const workspace = sharedWorkspace(engine);
    this.#engine = engine;
    this.#observesGradients = preconditioner.observesGradients;
    this.#gain = preconditioner.gain;
    this.#observeEvery = observeEvery;
    this.#refreshEvery = refreshEvery;
    this.#klClip = klClip;
    this.#sum = engine.allocate(1, 1);
    this.#layers = layers.map((layer, index) => ({
      shape: shapes[index],
      parameters: layer,
      preconditioner: preconditioners[index],
      ...workspace(shapes[index]),
    }));
  }

  /** What step k has to be given. */
  needs(step: number): { readonly inputs: boolean; readonly outputGradients: boolean } {
    const inputs = this.#layers.length > 0 && step % this.#observeEvery === 0;
    return { inputs, outputGradients: inputs && this.#observesGradients };
  }

  /**
   * Whether step k can be taken; changes nothing either way.
   *
   * @throws RangeError or TypeError where an observation does not fit its layer, or the clip's
   *   learning rate is no number ≥ 0.
   */
  check(step: number, observations: readonly (Observation<D> | undefined)[]): void {
    const clip = this.#klClip;
    if (clip !== undefined) {
      const eta = clip.learningRate(step);
      checkNonNegative('precondition', `klClip.learningRate of step ${step}`, eta);
    }
    if (step % this.#observeEvery === 0) this.#checkObservations(observations);
  }

  /**
   * Bounds of the elements of the preconditioned gradients, by parameter, from those of the
   * gradients: an element of P is at most ‖P‖F ≤ gain·‖G‖F.
   *
   * @throws RangeError where a preconditioned gradient, or the clip's Σ⟨P, G⟩ ≤ gain·Σ‖G‖²F, could
   *   leave the range of the dtype.
   */
  bound(gradients: readonly number[]): readonly number[] {
    const { dtype } = this.#engine;
    const bounds = [...gradients];
    let sum = 0;
    for (const { shape, parameters } of this.#layers) {
      const { inputs, outputs } = shape;
      const indices = indicesOf(parameters);
      const norm = Math.sqrt(inputs * outputs) * Math.max(...indices.map((i) => gradients[i]));
      const name = `layer '${shape.name}': what becomes of gradients[${parameters.weight}]`;
      // With a gain below 1, products on the way to P may still be as large as G.
      checkRange('precondition', name, Math.max(1, this.#gain) * norm, dtype);
      for (const index of indices) bounds[index] = this.#gain * norm;
      sum += this.#gain * norm ** 2;
    }
    if (this.#klClip !== undefined) {
      checkRange('precondition', "the KL clip's sum over the gradients", sum, dtype);
    }
    return bounds;
  }

  /**
   * Step k, which {@link check} let pass: observes, refreshes, and preconditions `gradients` in
   * place. A layer without an observation keeps its averages. Observations at steps that do not
   * observe are ignored.
   */
  update(
    step: number,
    gradients: readonly Slot<D>[],
    observations: readonly (Observation<D> | undefined)[],
  ): void {
    if (step % this.#observeEvery === 0) this.#observe(observations);
    if (step % this.#refreshEvery === 0) {
      for (const { preconditioner } of this.#layers) preconditioner.refresh();
    }
    this.#layers.forEach((layer, index) => {
      this.#precondition(layer, gradients, index === 0 ? 0 : 1);
    });
    const clip = this.#klClip;
    if (clip === undefined) return;
    const limit = clip.limit / clip.learningRate(step) ** 2;
    // A rate of 0 moves nothing: there is nothing to clip.
    if (limit === Number.POSITIVE_INFINITY) return;
    for (const { parameters } of this.#layers) {
      for (const index of indicesOf(parameters)) {
        this.#engine.clip(this.#sum, limit, gradients[index]);
      }
    }
  }

  /** Resolves when no refresh is in flight. */
  async flush(): Promise<void> {
    await Promise.all(this.#layers.map(({ preconditioner }) => preconditioner.flush()));
  }

  /** What the refreshes have found, by layer. */
  get diagnostics(): readonly (Diagnostics & { readonly layer: string })[] {
    return this.#layers.map(({ shape, preconditioner }) => ({
      layer: shape.name,
      ...preconditioner.diagnostics,
    }));
  }

  get state(): readonly StateEntry<D>[] {
    return this.#layers.flatMap(({ preconditioner }, index) =>
      scoped(String(index), preconditioner.state),
    );
  }

  /** The joined gradients of each shape of layer, and the clip's sum. */
  get workspace(): readonly Slot<D>[] {
    return [this.#sum, ...new Set(this.#layers.flatMap(({ G, P }) => [G, P]))];
  }

  #checkObservations(observations: readonly (Observation<D> | undefined)[]): void {
    const layers = this.#layers;
    if (observations.length > layers.length) {
      throw new RangeError(
        `observe: ${observations.length} observations, expected one for each of ${layers.length} layers`,
      );
    }
    layers.forEach(({ shape }, index) => {
      const observation = observations[index];
      if (observation === undefined) return;
      checkObservation(shape, observation);
      const where = `observe: layer '${shape.name}'`;
      this.#engine.checkFinite(where, 'X', observation.X);
      this.#engine.checkFinite(where, 'rootWeights', observation.rootWeights);
      if (observation.D !== undefined) this.#engine.checkFinite(where, 'D', observation.D);
      if (this.#observesGradients) gradientsOf(shape, observation);
    });
  }

  #observe(observations: readonly (Observation<D> | undefined)[]): void {
    this.#layers.forEach(({ preconditioner }, index) => {
      const observation = observations[index];
      if (observation !== undefined) preconditioner.observe(observation);
    });
  }

  /** G → P for one layer; for the clip, sum ← keep·sum + ⟨P, G⟩. */
  #precondition(layer: Layer<D>, gradients: readonly Slot<D>[], keep: number): void {
    const { preconditioner, parameters, G, P } = layer;
    const engine = this.#engine;
    const weight = gradients[parameters.weight];
    const bias = parameters.bias === undefined ? undefined : gradients[parameters.bias];
    if (bias === undefined) engine.axpby(1, weight, 0, G);
    else engine.joinColumns(weight, bias, G);
    preconditioner.precondition(G, P);
    if (this.#klClip !== undefined) engine.innerProduct(1, P, G, keep, this.#sum);
    if (bias === undefined) engine.axpby(1, P, 0, weight);
    else engine.splitColumns(P, weight, bias);
  }
}

function indicesOf({ weight, bias }: LayerParameters): number[] {
  return bias === undefined ? [weight] : [weight, bias];
}

function layerShape(
  { name, weight, bias }: LayerParameters,
  index: number,
  parameters: readonly { readonly rows: number; readonly cols: number }[],
): LayerShape {
  const where = `precondition: layer ${index}`;
  checkInteger(where, 'weight', weight, 0, parameters.length - 1);
  const W = parameters[weight];
  const shape = { name: name ?? String(index), outputs: W.rows };
  if (bias === undefined) return { ...shape, inputs: W.cols };
  checkInteger(where, 'bias', bias, 0, parameters.length - 1);
  checkShape(where, 'bias', parameters[bias], W.rows, 1);
  return { ...shape, inputs: W.cols + 1 };
}

function checkDistinct(indices: readonly number[]): void {
  const twice = indices.find((index, i) => indices.indexOf(index) !== i);
  if (twice === undefined) return;
  throw new RangeError(
    `precondition: parameter ${twice} is in two places, expected one layer each`,
  );
}

/** Layers of the same shape take turns with the same two slots. */
function sharedWorkspace<D extends DType>(
  engine: Engine<D>,
): (shape: LayerShape) => { G: Slot<D>; P: Slot<D> } {
  const pool = new Map<string, { G: Slot<D>; P: Slot<D> }>();
  return ({ inputs, outputs }) => {
    const key = `${outputs}×${inputs}`;
    const found = pool.get(key) ?? {
      G: engine.allocate(outputs, inputs),
      P: engine.allocate(outputs, inputs),
    };
    pool.set(key, found);
    return found;
  };
}
