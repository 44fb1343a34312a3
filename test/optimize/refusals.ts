// Ways to spoil a step and a saved state, each of which must be refused with nothing changed.

import { cpuBackend } from '../../src/backend/cpu.js';
import { type Engine, upload } from '../../src/backend/backend.js';
import type { Slot } from '../../src/backend/slot.js';
import type { PlainMatrix, PlainState } from '../../src/backend/state.js';
import { type DType, LARGEST } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import type { Observation } from '../../src/precondition/preconditioner.js';
import type { StepInput } from './training.js';

/** Everything that `Optimizer.step` takes. */
export interface StepArguments<D extends DType> extends StepInput<D> {
  readonly parameters: readonly Slot<D>[];
}

/** A name for the fault, and the step with it in place of the good one. */
export type Fault<Good> = readonly [name: string, bad: Good];

/** Every fault that a step may have: those of observations where there are any, of D where one has it. */
export function faultySteps<D extends DType>(
  good: StepArguments<D>,
  backend: Backend<D>,
): Fault<StepArguments<D>>[] {
  const { gradients, parameters, observations } = good;
  return [
    ['a gradient at the end of the range', { ...good, gradients: largest(gradients, backend) }],
    ['a gradient too few', { ...good, gradients: gradients.slice(1) }],
    ['no gradient', { ...good, gradients: [] }],
    ['gradients in another order', { ...good, gradients: gradients.toReversed() }],
    ['a parameter too many', { ...good, parameters: [...parameters, parameters[0]] }],
    ...faultyLast(gradients, (slot) => faultySlots('a gradient', slot, backend)).map(
      ([name, bad]): Fault<StepArguments<D>> => [name, { ...good, gradients: bad }],
    ),
    ...faultyLast(parameters, (slot) => faultySlots('a parameter', slot, backend)).map(
      ([name, bad]): Fault<StepArguments<D>> => [name, { ...good, parameters: bad }],
    ),
    ...(observations.length === 0 ? [] : faultyObservations(observations, backend)).map(
      ([name, bad]): Fault<StepArguments<D>> => [name, { ...good, observations: bad }],
    ),
  ];
}

/** The last gradient as large as numbers go: finite, but not what momentum or a step makes of it. */
function largest<D extends DType>(good: readonly Slot<D>[], backend: Backend<D>): Slot<D>[] {
  const { rows, cols } = good[good.length - 1];
  const A = zeros(backend.dtype, rows, cols);
  A.data.fill(LARGEST[backend.dtype]);
  return [...good.slice(0, -1), upload(backend, A)];
}

function faultyObservations<D extends DType>(
  good: readonly Observation<D>[],
  backend: Backend<D>,
): Fault<readonly Observation<D>[]>[] {
  const ofOne = (seen: Observation<D>): Fault<Observation<D>>[] => {
    const { X, D: gradients, rootWeights, ...counts } = seen;
    const ofX = faultySlots('X', X, backend);
    const ofWeights = faultySlots('rootWeights', rootWeights, backend);
    const ofD = gradients === undefined ? [] : faultySlots('D', gradients, backend);
    return [
      ['rows of 0', { ...seen, rows: 0 }],
      ['examples of NaN', { ...seen, examples: Number.NaN }],
      ...ofX.map(([name, bad]): Fault<Observation<D>> => [name, { ...seen, X: bad }]),
      ...ofWeights.map(
        ([name, bad]): Fault<Observation<D>> => [name, { ...seen, rootWeights: bad }],
      ),
      ...ofD.map(([name, bad]): Fault<Observation<D>> => [name, { ...seen, D: bad }]),
      ...(gradients === undefined
        ? []
        : [['no D', { X, rootWeights, ...counts }] satisfies Fault<Observation<D>>]),
    ];
  };
  return [['an observation too many', [...good, good[0]]], ...faultyLast(good, ofOne)];
}

function faultySlots<D extends DType>(
  name: string,
  { rows, cols }: Slot<D>,
  backend: Backend<D>,
): Fault<Slot<D>>[] {
  const ending = (value: number): Slot<D> => {
    const A = zeros(backend.dtype, rows, cols);
    A.data[A.data.length - 1] = value;
    const slot = backend.allocate(rows, cols);
    backend.write(slot, A);
    return slot;
  };
  const freed = backend.allocate(rows, cols);
  backend.free(freed);
  return [
    [`${name} of another shape`, backend.allocate(rows, cols + 1)],
    [`${name} with NaN`, ending(Number.NaN)],
    [`${name} with -Infinity`, ending(Number.NEGATIVE_INFINITY)],
    [`${name} of another backend`, cpuBackend(backend.dtype).allocate(rows, cols)],
    [`${name} that was freed`, freed],
  ];
}

/** The faults of the last item, which is looked at when all others have passed. */
function faultyLast<Item>(
  items: readonly Item[],
  faults: (last: Item) => Fault<Item>[],
): Fault<readonly Item[]>[] {
  return faults(items[items.length - 1]).map(([name, bad]) => [name, [...items.slice(0, -1), bad]]);
}

/** Every fault that one entry of a saved state may have, entry by entry. */
export function faultyStates(good: PlainState): Fault<PlainState>[] {
  const ofEntries = Object.entries(good).flatMap(([name, value]): Fault<PlainState>[] => {
    const { [name]: _, ...without } = good;
    const faults = typeof value === 'number' ? faultyNumbers() : faultyMatrices(value);
    return [
      [`no ${name}`, without],
      ...faults.map(
        ([what, bad]): Fault<PlainState> => [`${name}: ${what}`, { ...good, [name]: bad }],
      ),
    ];
  });
  return [['an unknown entry', { ...good, unknown: 1 }], ...ofEntries];
}

function faultyNumbers(): Fault<number | PlainMatrix>[] {
  return [
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['negative', -1],
    ['a matrix', { rows: 1, cols: 1, data: Float64Array.of(1) }],
  ];
}

function faultyMatrices({ rows, cols, data }: PlainMatrix): Fault<number | PlainMatrix>[] {
  return [
    ['a number', 1],
    ['another shape', { rows: rows + 1, cols, data }],
    ['too short', { rows, cols, data: data.slice(1) }],
    [
      'another dtype',
      {
        rows,
        cols,
        data: data instanceof Float32Array ? new Float64Array(data) : new Float32Array(data),
      },
    ],
    ['NaN', { rows, cols, data: data.with(data.length - 1, Number.NaN) }],
  ];
}
