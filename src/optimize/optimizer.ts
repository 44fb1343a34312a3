// A transform at work: it takes gradients and moves parameters.

import type { Engine } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import {
  exportState,
  type PlainState,
  restoreState,
  type StateEntry,
  stateBytes,
} from '../backend/state.js';
import { checkInteger, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkRange } from '../core/range.js';
import type { LayerParameters } from '../precondition/network.js';
import type { Diagnostics, Observation } from '../precondition/preconditioner.js';
import type { Needs, ParameterShape, Stage, Transform } from './transform.js';

/** What an optimiser is made from. */
export interface OptimizerOptions<D extends DType> {
  readonly engine: Engine<D>;
  readonly transform: Transform;
  readonly parameters: readonly ParameterShape[];
  /** The layers to precondition (default: none). */
  readonly layers?: readonly LayerParameters[];
}

/** Moves parameters by what a transform makes of their gradients: θ ← θ + u. */
export class Optimizer<D extends DType> {
  readonly #engine: Engine<D>;
  readonly #parameters: readonly ParameterShape[];
  readonly #stage: Stage<D>;
  #steps = 0;

  constructor({ engine, transform, parameters, layers = [] }: OptimizerOptions<D>) {
    this.#engine = engine;
    this.#parameters = parameters;
    this.#stage = transform.init({ engine, parameters, layers });
  }

  /** Steps taken. */
  get steps(): number {
    return this.#steps;
  }

  /** What the coming step has to be given. */
  get needs(): Needs {
    return this.#stage.needs?.(this.#steps) ?? { inputs: false, outputGradients: false };
  }

  /** Bytes of state on the engine. */
  get stateBytes(): number {
    return stateBytes(this.#stage.state);
  }

  /** What the preconditioner's refreshes have found, by layer. */
  get diagnostics(): readonly (Diagnostics & { readonly layer: string })[] {
    return this.#stage.diagnostics?.() ?? [];
  }

  /**
   * One step: `gradients` become the updates, in place, and `parameters` ← parameters + updates.
   * `observations` are by layer; see {@link needs}.
   *
   * @throws RangeError or TypeError where counts, shapes, owners or the learning rate do not fit,
   *   two operands share memory, or
   *   (on an engine that can tell at once) something is not finite or could overflow: every stage
   *   bounds what it would make of the largest |gradient|, and no bound may pass a quarter of the
   *   dtype's range, nor may |parameter| + |update|. Nothing has changed then. So finite parameters
   *   stay finite where the engine can look (the host) and every stage keeps its bound; a product on
   *   the way to it may still overflow in KFAC's factored inverse, where one factor's inverse alone is
   *   huge. Where the engine cannot look (a device), a refresh finds what has overflowed in the
   *   averages, and nobody what has in the parameters.
   * @throws PreconditionerError where a layer's refresh has broken down too many times in a row. The
   *   batch has been observed by then; parameters and the count of steps are as they were.
   */
  step(
    gradients: readonly Slot<D>[],
    parameters: readonly Slot<D>[],
    observations: readonly (Observation<D> | undefined)[] = [],
  ): void {
    const sizes = {
      updates: this.#check('gradients', gradients),
      parameters: this.#check('parameters', parameters),
    };
    checkDistinct(this.#engine, [...gradients, ...parameters]);
    const step = { index: this.#steps, parameters, observations };
    const updates = this.#stage.check?.(step, sizes) ?? sizes.updates;
    updates.forEach((bound, index) => {
      const name = `parameters[${index}] with the update made of gradients[${index}]`;
      checkRange('step', name, sizes.parameters[index] + bound, this.#engine.dtype);
    });
    this.#stage.update(gradients, step);
    gradients.forEach((update, index) => {
      this.#engine.axpby(1, update, 1, parameters[index]);
    });
    this.#steps += 1;
  }

  /** Resolves when no read is in flight: after it, a run on an asynchronous engine is repeatable. */
  async flush(): Promise<void> {
    await this.#stage.flush?.();
  }

  /** The whole state as plain data. */
  async exportState(): Promise<PlainState> {
    await this.flush();
    return exportState(this.#engine, this.#entries());
  }

  /**
   * Continues bit for bit where {@link exportState} was called.
   *
   * @throws RangeError or TypeError where `saved` does not fit; nothing has changed then.
   */
  restoreState(saved: PlainState): void {
    restoreState(this.#engine, this.#entries(), saved);
  }

  /** Frees every slot that was allocated for it; the optimiser cannot be used afterwards. */
  dispose(): void {
    for (const entry of this.#stage.state) if ('slot' in entry) this.#engine.free(entry.slot);
    for (const slot of this.#stage.workspace ?? []) this.#engine.free(slot);
  }

  #entries(): readonly StateEntry<D>[] {
    const steps: StateEntry<D> = {
      name: 'steps',
      check: checkInteger,
      get: () => this.#steps,
      set: (value) => {
        this.#steps = value;
      },
    };
    return [steps, ...this.#stage.state];
  }

  /** The largest elements of slots that fit. */
  #check(name: string, slots: readonly Slot<D>[]): readonly number[] {
    const expected = this.#parameters;
    if (slots.length !== expected.length) {
      throw new RangeError(`step: ${slots.length} ${name}, expected ${expected.length}`);
    }
    return slots.map((slot, index) => {
      const { rows, cols } = expected[index];
      checkShape('step', `${name}[${index}]`, slot, rows, cols);
      return this.#engine.checkFinite('step', `${name}[${index}]`, slot) ?? 0;
    });
  }
}

/** Memory of two operands at once would be changed under the feet of one of them. */
function checkDistinct<D extends DType>(engine: Engine<D>, slots: readonly Slot<D>[]): void {
  slots.forEach((slot, index) => {
    const earlier = slots.slice(0, index);
    if (earlier.includes(slot)) {
      throw new RangeError(
        'step: a slot stands for two gradients or parameters, expected one slot each',
      );
    }
    if (earlier.some((other) => engine.overlaps?.(slot, other))) {
      throw new RangeError(
        'step: two gradients or parameters share memory, expected memory of its own for each',
      );
    }
  });
}
