// A transform at work: it takes gradients and moves parameters.

import { type Backend, checkBackend, type Slot } from '../backend/backend.js';
import {
  type Description,
  exportState,
  type PlainState,
  type RestoreOptions,
  restoreState,
} from '../backend/saved-state.js';
import {
  Cell,
  copyState,
  freeState,
  type StateEntry,
  type StatePart,
  stateBytes,
} from '../backend/state.js';
import { checkArray, checkInteger, checkShape, checkType, isObject } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { array, guarded, type OptionsOf, optionList } from '../core/options.js';
import type { Diagnostics } from '../precondition/layer.js';
import { LAYER_OPTIONS, type LayerParameters } from '../precondition/network.js';
import type { Observation } from '../precondition/observation.js';
import { type HessianProduct, isHessianProduct, productOf, writing } from './hessian-product.js';
import type { LearningRate } from './learning-rate.js';
import {
  checkTransform,
  needsOf,
  type ParameterShape,
  type Stage,
  type StepNeeds,
  type Transform,
} from './transform.js';

/** What an optimiser is made from. */
export interface OptimizerOptions<D extends DType> {
  /** The backend that computes, and holds the state. */
  readonly backend: Backend<D>;
  /** A chain that ends with `descend`, as the optimisers by name do. */
  readonly transform: Transform;
  /** The shapes of all parameters, in the order of the steps. */
  readonly parameters: readonly ParameterShape[];
  /** The layers to precondition (default: none). */
  readonly layers?: readonly LayerParameters[] | undefined;
}

const OPTIMIZER_OPTIONS = /* @__PURE__ */ optionList({
  backend: /* @__PURE__ */ guarded('a backend, as cpuBackend makes it', isObject),
  transform: /* @__PURE__ */ guarded('a transform, as nysact makes it', isObject),
  parameters: array,
  layers: array,
});

const isPlaces = (value: unknown): value is readonly (number | undefined)[] =>
  Array.isArray(value) && value.every((place) => place === undefined || typeof place === 'number');

const PLACES = /* @__PURE__ */ optionList({
  /** For each parameter, its index in the earlier optimiser; undefined where it is new (default: its own). */
  parameters: /* @__PURE__ */ guarded('an array of indices', isPlaces),
  /** The same of each layer. */
  layers: /* @__PURE__ */ guarded('an array of indices', isPlaces),
});

/** Where the parts of an optimiser are in the one that it takes over from. @inline */
export type Places = OptionsOf<typeof PLACES>;

const STEP_OPTIONS = /* @__PURE__ */ optionList({
  /** Hv of the loss that the gradients are of, at the parameters as they are. */
  hessianProduct: /* @__PURE__ */ guarded('a function of vectors and products', isHessianProduct),
});

/** What a step may be given beside what layers saw. */
export interface StepOptions<D extends DType> {
  /**
   * Hv of the loss that the gradients are of, at the parameters as they are, for steps that
   * {@link Optimizer.needs} says use curvature. It is called before anything changes, perhaps several times.
   */
  readonly hessianProduct?: HessianProduct<D> | undefined;
}

/** Moves parameters by what a transform makes of their gradients. */
export class Optimizer<D extends DType> {
  readonly #backend: Backend<D>;
  readonly #transform: Transform;
  readonly #parameters: readonly ParameterShape[];
  readonly #layers: number;
  readonly #run: Description;
  readonly #stage: Stage<D>;
  readonly #learningRate: LearningRate;
  readonly #steps = new Cell(0, checkInteger);
  #disposed = false;

  /**
   * @throws TypeError where an option is missing or of another type, or the transform does not end with
   *   `descend`; RangeError where layers do not fit the parameters, or an option of the transform the
   *   dtype.
   */
  constructor(options: OptimizerOptions<D>) {
    const where = 'Optimizer';
    OPTIMIZER_OPTIONS.read(where, options);
    const { backend, transform, parameters, layers = [] } = options;
    checkBackend(where, backend);
    checkTransform(where, 'transform', transform);
    checkArray(where, 'parameters', parameters);
    parameters.forEach((parameter, index) => {
      const name = `parameters[${index}]`;
      checkType(where, name, parameter, isObject(parameter), 'a shape, with rows and cols');
      checkInteger(where, `${name}.rows`, parameter.rows);
      checkInteger(where, `${name}.cols`, parameter.cols);
      const named = parameter.name === undefined || typeof parameter.name === 'string';
      checkType(where, `${name}.name`, parameter.name, named, 'a string');
      checkPositions(where, `${name}.positions`, parameter);
      const told = parameter.oneHot === undefined || typeof parameter.oneHot === 'boolean';
      checkType(where, `${name}.oneHot`, parameter.oneHot, told, 'a boolean');
    });
    layers.forEach((layer, index) => {
      LAYER_OPTIONS.read(where, layer, `layers[${index}]`);
    });
    const stage = transform.init({ backend, parameters, layers });
    const { learningRate } = stage;
    if (learningRate === undefined) {
      throw new TypeError(
        'Optimizer: transform moves nothing, expected one that ends with descend',
      );
    }
    this.#backend = backend;
    this.#transform = transform;
    this.#parameters = parameters.map(({ rows, cols, name }) => ({ rows, cols, name }));
    this.#layers = layers.length;
    this.#stage = stage;
    this.#learningRate = learningRate;
    this.#run = describeRun(options);
  }

  /** Steps taken. */
  get steps(): number {
    return this.#steps.value;
  }

  /** η of the coming step. */
  get learningRate(): number {
    return this.#learningRate.at(this.steps);
  }

  /**
   * η from now on, in place of the schedule. It is part of the state.
   *
   * @throws RangeError unless it is a finite number ≥ 0 of the dtype.
   */
  set learningRate(eta: number) {
    this.#learningRate.fix(eta);
  }

  /** What the coming step has to be given. */
  get needs(): StepNeeds {
    return needsOf(this.#transform, this.steps);
  }

  /** Bytes of state on the backend. */
  get stateBytes(): number {
    return stateBytes(this.#entries());
  }

  /** How each layer is preconditioned, and what its refreshes have found. */
  get diagnostics(): readonly Diagnostics[] {
    return this.#stage.diagnostics?.() ?? [];
  }

  /**
   * One step: moves `parameters`. The slots of `gradients` may hold anything afterwards. `observations`
   * are by layer; see {@link needs}. Cost of the checks: linear in the number of parameters.
   *
   * @throws RangeError or TypeError where counts, shapes, owners, observations or the learning rate do
   *   not fit, two operands share memory, or curvature is needed and `hessianProduct` is missing; what
   *   that function throws. Nothing has changed then.
   * @throws DivergenceError or RangeError where the transform refuses overflow (see `refuseOverflow`) and
   *   a gradient is not finite or too large. Nothing has changed then.
   * @throws PreconditionerError where a layer's refresh has broken down too many times in a row. The
   *   batch has been observed by then; parameters, gradients and the count of steps are as they were.
   */
  step(
    gradients: readonly Slot<D>[],
    parameters: readonly Slot<D>[],
    observations: readonly (Observation<D> | undefined)[] = [],
    options: StepOptions<D> = {},
  ): void {
    this.#checkInUse('step');
    this.#check('gradients', gradients);
    this.#check('parameters', parameters);
    checkArray('step', 'observations', observations);
    this.#checkDistinct([...gradients, ...parameters]);
    STEP_OPTIONS.read('step', options);
    const { learningRate } = this;
    const hessianProduct = options.hessianProduct && writing(this.#backend, options.hessianProduct);
    const index = this.steps;
    const step = { index, learningRate, parameters, gradients, observations, hessianProduct };
    if (this.needs.curvature) productOf(step);
    this.#stage.check?.(step);
    this.#stage.update(gradients, step);
    this.#steps.value += 1;
  }

  /** Resolves when no read is in flight: after it, a run with asynchronous reads is repeatable. */
  async flush(): Promise<void> {
    await this.#stage.flush?.();
  }

  /** The whole state as plain data, as it is at the moment of the call. */
  async exportState(): Promise<PlainState> {
    this.#checkInUse('exportState');
    return exportState(this.#backend, this.#run, this.#entries());
  }

  /**
   * Continues bit for bit where {@link exportState} was called. The run that is left is forgotten.
   *
   * @throws RangeError or TypeError where `saved` does not fit, or is of another run: of another method,
   *   option, seed, layer or dtype, unless `accept` names what may differ. Nothing has changed then.
   */
  restoreState(saved: PlainState, options: RestoreOptions = {}): void {
    this.#checkInUse('restoreState');
    restoreState(this.#backend, this.#run, this.#entries(), saved, options);
    this.#stage.restored?.();
  }

  /**
   * Goes on where `earlier` stands, an optimiser of the same transform and backend for fewer parameters
   * or layers, or for the same in another order. What only this one has starts anew.
   *
   * @throws TypeError where `earlier` is no optimiser; RangeError where `places` are not one for each
   *   parameter or layer, or beyond those of `earlier`. Nothing has changed then.
   */
  takeOver(earlier: Optimizer<D>, places: Places = {}): void {
    checkType('takeOver', 'earlier', earlier, earlier instanceof Optimizer, 'an Optimizer');
    const { parameters, layers } = PLACES.read('takeOver', places, 'places');
    checkPlaces('parameters', parameters, this.#parameters.length, earlier.#parameters.length);
    checkPlaces('layers', layers, this.#layers, earlier.#layers);
    const theirs = new Map(
      earlier
        .#entries()
        .map(({ name, part, holds }) => [
          part === undefined ? name : placeName(part, part.index),
          holds,
        ]),
    );
    const place = { parameter: parameters, layer: layers };
    const nameThere = ({ name, part }: StateEntry<D>): string => {
      if (part === undefined) return name;
      const known = place[part.of];
      return placeName(part, known === undefined ? part.index : known[part.index]);
    };
    for (const entry of this.#entries()) {
      const { holds } = entry;
      const given = theirs.get(nameThere(entry));
      if (given !== undefined) copyState(this.#backend, given, holds);
    }
    this.#stage.restored?.();
  }

  /**
   * Frees every slot that was allocated for it. To step, export or restore afterwards is a TypeError; to
   * dispose twice is none.
   */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#stage.restored?.();
    freeState(this.#backend, this.#stage.state);
    for (const slot of this.#stage.workspace ?? []) this.#backend.free(slot);
  }

  #checkInUse(where: string): void {
    if (!this.#disposed) return;
    throw new TypeError(`${where}: the optimizer was disposed of, expected one in use`);
  }

  #entries(): readonly StateEntry<D>[] {
    return [{ name: 'steps', holds: this.#steps }, ...this.#stage.state];
  }

  /** There must be one slot for each parameter, of its shape. */
  #check(name: string, slots: readonly Slot<D>[]): void {
    const expected = this.#parameters;
    checkArray('step', name, slots);
    if (slots.length !== expected.length) {
      throw new RangeError(`step: ${slots.length} ${name}, expected ${expected.length}`);
    }
    slots.forEach((slot, index) => {
      const { rows, cols } = expected[index];
      checkType('step', `${name}[${index}]`, slot, isObject(slot), 'a slot');
      checkShape('step', `${name}[${index}]`, slot, rows, cols);
    });
  }

  /** Memory of two operands at once would be changed under the feet of one of them. */
  #checkDistinct(slots: readonly Slot<D>[]): void {
    if (new Set(slots).size < slots.length) {
      throw new RangeError(
        'step: a slot stands for two gradients or parameters, expected one slot each',
      );
    }
    if (this.#backend.firstOverlap(slots) === undefined) return;
    throw new RangeError(
      'step: two gradients or parameters share memory, expected memory of its own for each',
    );
  }
}

/** Every position of a kernel must have as many columns. */
function checkPositions(
  where: string,
  name: string,
  { cols, positions = 1 }: ParameterShape,
): void {
  checkInteger(where, name, positions, 1);
  if (cols % positions === 0) return;
  throw new RangeError(`${where}: ${name} is ${positions}, expected a divisor of cols, ${cols}`);
}

/** There must be one place for each of `here`, among those `there`. */
function checkPlaces(
  name: string,
  places: readonly (number | undefined)[] | undefined,
  here: number,
  there: number,
): void {
  if (places === undefined) return;
  if (places.length !== here) {
    throw new RangeError(`takeOver: places.${name} are ${places.length}, expected ${here}`);
  }
  places.forEach((place, index) => {
    if (place === undefined) return;
    checkInteger('takeOver', `places.${name}[${index}]`, place, 0, there - 1);
  });
}

/** A name of a part that holds in both optimisers, once its index is one of the earlier. */
function placeName({ of, key }: StatePart, index: number | undefined): string {
  return `${of} ${index}: ${key}`;
}

/** What a run is of: the transform and its options, the layers, the parameters and the dtype. */
function describeRun<D extends DType>(options: OptimizerOptions<D>): Description {
  const { backend, transform, parameters, layers = [] } = options;
  const shapes = parameters.map(({ rows, cols }) => `${rows}×${cols}`);
  const named = layers.map(({ name, weight, bias, rows = 'dense' }, index) => {
    const parts = bias === undefined ? `${weight}` : `${weight} and ${bias}`;
    return `${name ?? index}: ${parts}${rows === 'dense' ? '' : ` (${rows})`}`;
  });
  return {
    ...transform.description,
    dtype: backend.dtype,
    parameters: shapes.join(', '),
    layers: named.join(', '),
  };
}
