// Finite parameters stay finite: what could overflow is refused, by name, before anything has changed.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, LARGEST } from '../../src/core/dtype.js';
import { DivergenceError } from '../../src/core/errors.js';
import { convert } from '../../src/core/matrix.js';
import { HARMLESS } from '../../src/core/range.js';
import { scaleByAdam } from '../../src/optimize/adam.js';
import { clipByGlobalNorm } from '../../src/optimize/clip.js';
import { descend } from '../../src/optimize/descend.js';
import { momentum } from '../../src/optimize/momentum.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { adam, adamw, sgd } from '../../src/optimize/optimizers.js';
import { refuseOverflow } from '../../src/optimize/refuse-overflow.js';
import { chain, stateless, type Transform } from '../../src/optimize/transform.js';
import { asyncBackend } from '../support/backends.js';
import { build } from '../support/matrices.js';
import { provide, randomPass, start } from './training.js';
import { OPTIMIZERS } from './variants.js';

const DTYPES = ['float32', 'float64'] as const;

describe.each(DTYPES)('%s', (dtype) => {
  const round = (x: number) => (dtype === 'float32' ? Math.fround(x) : x);
  const below = (x: number) => round(x * (1 - 2 ** (dtype === 'float32' ? -24 : -53)));

  test('HARMLESS is exact: the largest number survives what is below, and not the number itself', () => {
    const largest = LARGEST[dtype];
    expect(round(largest + HARMLESS[dtype])).toBe(Number.POSITIVE_INFINITY);
    expect(below(HARMLESS[dtype])).toBeLessThan(HARMLESS[dtype]);
    expect(round(largest + below(HARMLESS[dtype]))).toBe(largest);
  });

  /** One parameter of one element. */
  const alone = (transform: Transform, theta: number) => {
    const backend = cpuBackend<DType>(dtype);
    const slot = (x: number) =>
      upload(
        backend,
        convert(
          build(1, 1, () => x),
          dtype,
        ),
      );
    const parameter = slot(theta);
    const optimizer = new Optimizer({ backend, transform, parameters: [parameter] });
    return {
      step: (g: number) => optimizer.step([slot(g)], [parameter]),
      value: () => backend.readSync(parameter).at(0, 0),
      optimizer,
    };
  };

  /** Magnitudes of the whole range, most of them near its end. */
  const size = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }).map((x) => x * LARGEST[dtype]),
    fc.double({ min: 0.2, max: 2, noNaN: true }).map((x) => x * HARMLESS[dtype]),
    fc.double({ min: -1, max: 1, noNaN: true }).map((x) => Math.sqrt(LARGEST[dtype]) * 10 ** x),
  );
  const signed = fc.tuple(size, fc.boolean()).map(([x, negative]) => round(negative ? -x : x));
  const transforms: readonly [string, () => Transform][] = [
    ['sgd', () => sgd({ learningRate: 1 })],
    ['a rate that rounds up', () => sgd({ learningRate: 1 - 2 ** -30 })],
    ['Nesterov', () => sgd({ learningRate: 0.7, momentum: 0.9, nesterov: true, weightDecay: 0.5 })],
    ['momentum', () => sgd({ learningRate: 3, momentum: 0.99, weightDecay: 2 })],
    ['adam', () => adam({ learningRate: 10 })],
    [
      'adam that forgets',
      () => adam({ beta1: 0.9, beta2: 0.1, epsilon: 1e-15, learningRate: 1e9 }),
    ],
    ['adamw', () => adamw({ learningRate: 1, weightDecay: 1 })],
    ['the global norm', () => refuseOverflow(chain(clipByGlobalNorm(1e15), descend(1)))],
  ];

  test.each(transforms)('%s: finite parameters stay finite', (_, make) => {
    fc.assert(
      fc.property(signed, fc.array(signed, { minLength: 1, maxLength: 6 }), (theta, gradients) => {
        const { step, value } = alone(make(), theta);
        for (const g of gradients) {
          const before = value();
          try {
            step(g);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
            expect(value()).toBe(before);
          }
          expect(value()).toSatisfy(Number.isFinite);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('the largest parameter is taken along by steps too small to move it, and by no others', () => {
    const { step, value, optimizer } = alone(sgd({ learningRate: 1 }), -LARGEST[dtype]);
    step(HARMLESS[dtype] / 4);
    expect(value()).toBe(-LARGEST[dtype]);
    for (const g of [(HARMLESS[dtype] / 4) * (1 + 2 ** -20), HARMLESS[dtype]]) {
      expect(() => step(g)).toThrow(
        /^step: parameters\[0\] with the update made of gradients\[0\] could reach .*, expected <= /,
      );
    }
    expect(optimizer.steps).toBe(1);
  });

  test('a parameter and its update, each within range, are refused where they are not together', () => {
    const part = LARGEST[dtype] / 8;
    const { step } = alone(sgd({ learningRate: 1 }), part);
    expect(() => step(part * (1 + 2 ** -20))).toThrow(/could reach .*, expected <= /);
    step(part);
  });
});

describe('a gradient that is not finite', () => {
  const parameters = [
    { rows: 2, cols: 2 },
    { rows: 1, cols: 2, name: 'kernel' },
  ];
  const begin = (backend = cpuBackend('float32')) => ({
    backend,
    optimizer: new Optimizer({ backend, transform: sgd(), parameters }),
    slots: (bad: readonly number[]) =>
      parameters.map(({ rows, cols }, i) =>
        upload(
          backend,
          convert(
            build(rows, cols, (r, c) => (r === 0 && c === 1 ? bad[i] : 1)),
            'float32',
          ),
        ),
      ),
  });

  test.each([
    [[Number.NaN, 1], 'gradients[0] holds NaN at row 0, column 1'],
    [[1, Number.NaN], "the gradient of 'kernel' holds NaN at row 0, column 1"],
    [[1, Number.NEGATIVE_INFINITY], "the gradient of 'kernel' holds -Infinity at row 0, column 1"],
  ])('%j names parameter and step', (bad, message) => {
    const { optimizer, slots } = begin();
    const theta = slots([1, 1]);
    for (let k = 0; k < 3; k++) optimizer.step(slots([1, 1]), theta);
    let caught: unknown;
    try {
      optimizer.step(slots(bad), theta);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(DivergenceError);
    expect(caught).toMatchObject({ step: 3, cause: expect.any(RangeError) });
    expect(String(caught)).toContain(`step: ${message}`);
    expect(String(caught)).toContain('training diverged at step 3; lower the learning rate');
    expect(optimizer.steps).toBe(3);
  });

  test('where it can be bounded and not read, it is named all the same', () => {
    const backend = asyncBackend('float32');
    const optimizer = new Optimizer({ backend, transform: sgd(), parameters: [parameters[1]] });
    const slot = (x: number) =>
      upload(
        backend,
        convert(
          build(1, 2, () => x),
          'float32',
        ),
      );
    expect(() => optimizer.step([slot(Number.NaN)], [slot(1)])).toThrow(
      "step: the gradient of 'kernel' is too large, or not finite: training diverged at step 0",
    );
  });
});

const built = (transform: Transform) => () =>
  new Optimizer({
    backend: cpuBackend('float32'),
    transform,
    parameters: [{ rows: 1, cols: 1 }],
  });

test('a transform without a bound is refused, and taken as it is without the promise', () => {
  const own = stateless({}, (_, updates) => updates);
  expect(built(refuseOverflow(chain(own, descend(1))))).toThrow(
    new TypeError('refuseOverflow: a stage of the transform has no bound, expected one in each'),
  );
  built(chain(own, descend(1)))();
  const bounded = stateless(
    {},
    (_, updates) => updates,
    (bounds) => bounds,
  );
  built(refuseOverflow(chain(bounded, descend(1))))();
});

const withEpsilon = (dtype: DType, epsilon: number) => () =>
  new Optimizer({
    backend: cpuBackend(dtype),
    transform: chain(scaleByAdam({ epsilon }), descend(1)),
    parameters: [{ rows: 1, cols: 1 }],
  });

test('an ε whose square underflows leaves nothing to divide by', () => {
  const least = Math.sqrt(2 ** -126);
  expect(withEpsilon('float32', least * (1 - 2 ** -50))).toThrow(
    /^scaleByAdam: epsilon is 1.08.*e-19, expected at least 1.08.*e-19: below, a square in float32 underflows/,
  );
  withEpsilon('float32', least)();
  withEpsilon('float64', 1e-30)();
  expect(withEpsilon('float64', 1e-160)).toThrow(RangeError);
});

test.each(OPTIMIZERS)(
  '$name: a step on a device that cannot look at its matrices is taken',
  ({ make }) => {
    const backend = asyncBackend('float32');
    Reflect.deleteProperty(backend, 'bound');
    const run = start(backend, make());
    const { gradients, observations, options } = provide(run, randomPass(run, 1, 1e30));
    run.optimizer.step(gradients, run.parameters, observations, options);
    expect(run.optimizer.steps).toBe(1);
  },
);

test('momentum is bounded by what its buffer holds, a restored one too', async () => {
  const backend = cpuBackend('float32');
  const parameters = [{ rows: 1, cols: 1 }];
  const begin = () =>
    new Optimizer({
      backend,
      transform: refuseOverflow(chain(momentum(0.5), descend(1))),
      parameters,
    });
  const slot = (x: number) =>
    upload(
      backend,
      convert(
        build(1, 1, () => x),
        'float32',
      ),
    );
  const first = begin();
  first.step([slot(6e37)], [slot(0)]);
  const second = begin();
  second.restoreState(await first.exportState());
  for (const optimizer of [first, second]) {
    expect(() => optimizer.step([slot(6e37)], [slot(0)])).toThrow(
      /could reach 9\S*e\+37, expected/,
    );
    optimizer.step([slot(4e37)], [slot(0)]);
  }
  begin().step([slot(6e37)], [slot(0)]);
});
