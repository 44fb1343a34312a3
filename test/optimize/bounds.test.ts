// What stages say that their updates can be, which is what an overflow is told from: never too little,
// and no more than some gradients make of it.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { Cell } from '../../src/backend/state.js';
import { EPSILON, LARGEST } from '../../src/core/dtype.js';
import { largestMagnitude } from '../../src/core/matrix.js';
import { scaleByAdam } from '../../src/optimize/adam.js';
import { clipByGlobalNorm } from '../../src/optimize/clip.js';
import { descend } from '../../src/optimize/descend.js';
import { momentum } from '../../src/optimize/momentum.js';
import { scaleBy } from '../../src/optimize/scale.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { addWeightDecay } from '../../src/optimize/weight-decay.js';
import { build } from '../support/matrices.js';

/** The roundings of a step, in units of eps times what it makes. */
const ROUNDINGS = 16 * EPSILON.float64;

/** The elements of each parameter. */
type Columns = readonly (readonly number[])[];

/** What a stage said of a step, and the largest elements that it made. */
interface Taken {
  readonly bounds: readonly number[];
  readonly made: readonly number[];
}

const backend = cpuBackend('float64');

const slotOf = (column: readonly number[]): Slot<'float64'> =>
  upload(
    backend,
    build(column.length, 1, (i) => column[i]),
  );

const largestOf = (slot: Slot<'float64'>) => largestMagnitude(backend.readSync(slot));

/** A transform at work on columns, at the rate η. */
class Run {
  readonly #stage;
  readonly #parameters: readonly Slot<'float64'>[];
  readonly #rate: number;
  #index = 0;

  constructor(transform: Transform, parameters: Columns = [[0]], rate = 1) {
    this.#parameters = parameters.map(slotOf);
    this.#rate = rate;
    this.#stage = transform.init({ backend, parameters: this.#parameters, layers: [] });
  }

  /** A step that is only asked for. */
  bounds(gradients: Columns): readonly number[] {
    const slots = gradients.map(slotOf);
    const bounds = this.#stage.bound?.(slots.map(largestOf), this.#step(slots));
    return bounds ?? expect.unreachable();
  }

  step(gradients: Columns): Taken {
    const bounds = this.bounds(gradients);
    const slots = gradients.map(slotOf);
    const updates = this.#stage.update(slots, this.#step(slots));
    this.#index++;
    return { bounds, made: updates.map(largestOf) };
  }

  /** Puts a state in place, as a restore does. */
  restore(values: Readonly<Record<string, number>>): void {
    for (const { name, holds } of this.#stage.state) {
      const value = values[name];
      if (holds instanceof Cell) holds.value = value;
      else if ('slot' in holds)
        backend.write(
          holds.slot,
          build(1, 1, () => value),
        );
      else expect.unreachable();
    }
    this.#stage.restored?.();
  }

  #step(gradients: readonly Slot<'float64'>[]) {
    const [learningRate, parameters, index] = [this.#rate, this.#parameters, this.#index];
    return { index, learningRate, parameters, gradients, observations: [] };
  }
}

/** Makes of what is given whatever the bound allows. */
function expectReached({ bounds, made }: Taken, roundings = ROUNDINGS): void {
  made.forEach((size, index) => {
    expect(Math.abs(bounds[index] - size)).toBeLessThanOrEqual(roundings * size);
  });
}

const element = fc.oneof(
  fc.constantFrom(0, 1, -1, 1e-30, 1e30),
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
);
const columns = fc.tuple(fc.tuple(element), fc.tuple(element, element, element));

const STAGES: readonly (readonly [string, () => Transform])[] = [
  ['momentum', () => momentum(0.9)],
  ['Nesterov’s momentum', () => momentum(0.9, { nesterov: true })],
  ['weight decay', () => addWeightDecay(0.3)],
  ['a factor', () => scaleBy(0.25)],
  ['the step', () => descend(1)],
  ['the global norm', () => clipByGlobalNorm(3)],
  ['a chain', () => chain(addWeightDecay(3), clipByGlobalNorm(100), momentum(0.5), scaleBy(7))],
  ['Adam', () => scaleByAdam()],
  ['Adam, β₁ = 0', () => scaleByAdam({ beta1: 0 })],
  ['Adam whose squares outlast its means', () => scaleByAdam({ beta1: 0.5, beta2: 0.251 })],
  ['Adam that forgets its squares first', () => scaleByAdam({ beta1: 0.9, beta2: 0.5 })],
];

test.each(STAGES)('%s makes nothing larger than its bound', (_, make) => {
  fc.assert(
    fc.property(columns, fc.array(columns, { minLength: 1, maxLength: 12 }), (theta, steps) => {
      const run = new Run(make(), theta);
      for (const gradients of steps) {
        const { bounds, made } = run.step(gradients);
        made.forEach((size, index) => {
          expect(size).toBeLessThanOrEqual(bounds[index] * (1 + ROUNDINGS));
        });
      }
    }),
    { numRuns: 100 },
  );
});

describe('is reached', () => {
  const ones: Columns = [[2], [2, 2, 2]];

  test.each([
    ['momentum', () => momentum(0.9)],
    ['Nesterov’s momentum', () => momentum(0.9, { nesterov: true })],
    ['weight decay', () => addWeightDecay(0.3)],
    ['a factor', () => scaleBy(0.25)],
    ['a chain', () => chain(addWeightDecay(3), momentum(0.5), momentum(0.75), scaleBy(7))],
  ])('by gradients that agree: %s', (_, make) => {
    const run = new Run(make(), [[5], [7, 7, 7]]);
    for (let k = 0; k < 5; k++) {
      expectReached(run.step(ones));
      // A step that is not taken counts for nothing.
      run.bounds([[1e9], [1e9, 0, 0]]);
    }
    expectReached(run.step([[0], [0, 0, 0]]));
  });

  test('by a step at its rate', () => {
    const theta: Columns = [[0], [0, 0, 0]];
    const run = new Run(descend(1), theta, 0.125);
    const { bounds } = run.step(ones);
    expect(bounds).toEqual([0.25, 0.25]);
  });

  test('by one element, clipped or not', () => {
    const run = new Run(clipByGlobalNorm(3), [[0], [0, 0, 0]]);
    for (const size of [2, 3, 50]) {
      const { bounds, made } = run.step([[0], [0, size, 0]]);
      expectReached({ bounds: bounds.slice(1), made: made.slice(1) });
    }
  });

  // ε so large that √v̂ does not count beside it.
  const epsilon = 1e18;

  test('by gradients that agree: Adam that forgets its squares before its means', () => {
    const run = new Run(scaleByAdam({ beta1: 0.9, beta2: 0.5, epsilon }));
    for (const size of [2, 3, 0, 1e-3, 50, 1]) {
      expectReached(run.step([[size]]));
      run.bounds([[1e9]]);
    }
  });

  test('by a restored mean beside squares that are not of its gradients', () => {
    const run = new Run(scaleByAdam({ epsilon }));
    run.step([[1]]);
    run.restore({ m0: 3, v0: 0, t: 4 });
    expectReached(run.step([[2]]));
    expectReached(run.step([[0]]));
  });
});

describe('Adam', () => {
  test.each([
    [0.9, 0.999],
    [0.5, 0.26],
    [0, 0.9],
    [0, 0],
  ])('β₁ = %d, β₂ = %d: 1/√((1−β₂)(1−β₁²/β₂)) bounds every direction', (beta1, beta2) => {
    const ratio = beta1 === 0 ? 0 : beta1 ** 2 / beta2;
    const expected = 1 / Math.sqrt((1 - beta2) * (1 - ratio));
    const run = new Run(scaleByAdam({ beta1, beta2 }));
    for (const size of [1e-9, 1, 1e9]) {
      const [bound] = run.step([[size]]).bounds;
      expect(Math.abs(bound - expected)).toBeLessThanOrEqual(ROUNDINGS * expected);
    }
  });

  test('comes within 1 − β₁ of it, where gradients are in the proportion of equality', () => {
    const [beta1, beta2, steps] = [0.5, 0.26, 400];
    const epsilon = 1e-8;
    const run = new Run(scaleByAdam({ beta1, beta2, epsilon }));
    for (let k = 1; k < steps; k++) run.step([[(beta1 / beta2) ** (steps - k)]]);
    const { bounds, made } = run.step([[1]]);
    // What is left of the series, and what ε adds to √v̂ ≥ √(1 − β₂).
    const missing = (beta1 ** 2 / beta2) ** steps + 2 * epsilon;
    expect(made[0]).toBeGreaterThanOrEqual((1 - beta1) * bounds[0] * (1 - missing));
  });
});

test('the global norm counts the elements of matrices', () => {
  const shape = { rows: 2, cols: 3 };
  const stage = clipByGlobalNorm(1).init({ backend, parameters: [shape], layers: [] });
  const [size, parameters] = [Math.sqrt(LARGEST.float64), [backend.allocate(2, 3)]];
  const step = { index: 0, learningRate: 1, parameters, gradients: parameters, observations: [] };
  expect(() => stage.bound?.([size / 3], step)).toThrow(`could reach ${6 * (size / 3) ** 2}, `);
  expect(stage.bound?.([size / 5], step)).toEqual([1]);
});

test('what the global norm could be is summed over all elements of all parameters', () => {
  const size = Math.sqrt(LARGEST.float64) / 4;
  const run = new Run(clipByGlobalNorm(1), [[0], [0, 0, 0]]);
  run.step([[size], [size, 0, 0]]);
  const large = 2 * size;
  expect(() => run.bounds([[large], [size, 0, 0]])).toThrow(
    `the squared norm of the gradients could reach ${large ** 2 + 3 * size ** 2}, expected <= `,
  );
});
