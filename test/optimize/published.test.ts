// The optimisers against the update rules as they are published, element by element.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { adam, adamw, eva, foof, kfac, nysact, sgd } from '../../src/optimize/optimizers.js';
import type { Transform } from '../../src/optimize/transform.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { deviation, type ElementRule, randomStart, ruled, trajectory } from './rules.js';

const STEPS = 12;
const TOLERANCE = 1e-12;

const fraction = fc.double({ min: 0, max: 0.99, noNaN: true });
const decay = fc.double({ min: 0, max: 0.1, noNaN: true });
const seed = fc.nat(1e6);
const logScale = fc.integer({ min: -3, max: 3 });
/** A rate of its own for every step: one inside the momentum would show. */
const rates = fc.array(fc.double({ min: 1e-3, max: 0.5, noNaN: true }), {
  minLength: STEPS,
  maxLength: STEPS,
});

function expectRule(
  transform: Transform,
  makeRule: () => ElementRule,
  seeded: number,
  scale = 1,
): void {
  const start = randomStart(seeded, STEPS, scale);
  const error = deviation(trajectory('float64', transform, start), ruled(makeRule, start));
  expect(error).toBeLessThanOrEqual(TOLERANCE);
}

test.each([false, true])('sgd is the SGD of PyTorch (nesterov: %s)', (nesterov) => {
  fc.assert(
    fc.property(fraction, decay, rates, seed, (momentum, weightDecay, eta, seeded) => {
      // torch.optim.SGD as documented, with a dampening of 0.
      const rule = (): ElementRule => {
        let b = 0;
        return (theta, gradient, t) => {
          let g = gradient + weightDecay * theta;
          if (momentum !== 0) {
            b = t > 1 ? momentum * b + g : g;
            g = nesterov ? g + momentum * b : b;
          }
          return theta - eta[t - 1] * g;
        };
      };
      const learningRate = (k: number) => eta[k];
      expectRule(sgd({ learningRate, momentum, nesterov, weightDecay }), rule, seeded);
    }),
    { numRuns: 40 },
  );
});

/** m̂/(√v̂ + ε) of Algorithm 1 of Kingma and Ba (2015). */
function adamDirection(
  beta1: number,
  beta2: number,
  epsilon: number,
): (g: number, t: number) => number {
  let m = 0;
  let v = 0;
  return (g, t) => {
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g ** 2;
    const mHat = m / (1 - beta1 ** t);
    const vHat = v / (1 - beta2 ** t);
    return mHat / (Math.sqrt(vHat) + epsilon);
  };
}

test('adam is Algorithm 1 of Kingma and Ba; its weight decay is added to the gradient', () => {
  fc.assert(
    fc.property(
      fc.tuple(fraction, fraction, fc.constantFrom(1e-8, 1e-3, 1)),
      decay,
      rates,
      seed,
      logScale,
      ([beta1, beta2, epsilon], weightDecay, alpha, seeded, log) => {
        const rule = (): ElementRule => {
          const direction = adamDirection(beta1, beta2, epsilon);
          return (theta, g, t) => theta - alpha[t - 1] * direction(g + weightDecay * theta, t);
        };
        const learningRate = (k: number) => alpha[k];
        const transform = adam({ learningRate, beta1, beta2, epsilon, weightDecay });
        expectRule(transform, rule, seeded, 10 ** log);
      },
    ),
    { numRuns: 40 },
  );
});

test('adamw is Algorithm 2 of Loshchilov and Hutter with its α = 1 and its ηₜ the learning rate', () => {
  fc.assert(
    fc.property(
      fc.tuple(fraction, fraction, fc.constantFrom(1e-8, 1e-3, 1)),
      decay,
      rates,
      seed,
      logScale,
      ([beta1, beta2, epsilon], lambda, eta, seeded, log) => {
        const alpha = 1;
        const rule = (): ElementRule => {
          const direction = adamDirection(beta1, beta2, epsilon);
          return (theta, g, t) => theta - eta[t - 1] * (alpha * direction(g, t) + lambda * theta);
        };
        const learningRate = (k: number) => eta[k];
        const transform = adamw({ learningRate, beta1, beta2, epsilon, weightDecay: lambda });
        expectRule(transform, rule, seeded, 10 ** log);
      },
    ),
    { numRuns: 40 },
  );
});

test('the defaults are those that the options document', () => {
  const start = randomStart(4, STEPS);
  const same = (transform: Transform, spelled: Transform): void =>
    expect(trajectory('float64', transform, start)).toEqual(trajectory('float64', spelled, start));
  same(sgd(), sgd({ learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 }));
  const moments = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  same(adam(), adam({ ...moments, weightDecay: 0 }));
  same(adamw(), adamw({ ...moments, weightDecay: 0.01 }));
});

test('the defaults of preconditioned optimisers are those that the options document', () => {
  const cadence = { observeEvery: 5, refreshEvery: 50 };
  const direction = { weightDecay: 0, learningRate: 0.1 };
  const rest = {
    'group 1: beta1': 0.9,
    'group 1: beta2': 0.999,
    'group 1: epsilon': 1e-8,
    'group 1: weightDecay': 0,
    'group 1: factor': 0.01,
  };
  const shared = { ...cadence, ...direction, ...rest };
  for (const [make, method, klClip] of [
    [nysact, nysactMethod(), 'none'],
    [foof, foofMethod(), 'none'],
    [kfac, kfacMethod(), 1e-3],
    [eva, evaMethod(), 1e-3],
  ] as const) {
    expect(make().description).toEqual({ ...method.description, ...shared, klClip });
  }
});
