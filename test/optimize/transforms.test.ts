// The links of a chain and the laws of chaining them.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { scaleByAdam } from '../../src/optimize/adam.js';
import { clipByGlobalNorm } from '../../src/optimize/clip.js';
import { descend } from '../../src/optimize/descend.js';
import { momentum } from '../../src/optimize/momentum.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { adam, adamw, eva, kfac, nysact, sgd } from '../../src/optimize/optimizers.js';
import { precondition } from '../../src/optimize/precondition.js';
import { refuseOverflow } from '../../src/optimize/refuse-overflow.js';
import { cosine } from '../../src/optimize/schedules.js';
import {
  chain,
  type Parameter,
  stateless,
  type Transform,
  writable,
} from '../../src/optimize/transform.js';
import { addWeightDecay } from '../../src/optimize/weight-decay.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { build } from '../support/matrices.js';
import { flat, randomStart, type Start, trajectory, updates } from './rules.js';
import { bitsOf, everything, provide, randomPass, start, take } from './training.js';

/** The same start with gradients of zero. */
function still({ parameters, gradients }: Start): Start {
  const zeros = gradients.map((step) => step.map((G) => build(G.rows, G.cols, () => 0)));
  return { parameters, gradients: zeros };
}

function norm(u: readonly number[]): number {
  return Math.sqrt(u.reduce((sum, x) => sum + x * x, 0));
}

/** The first step in float32, on gradients of `size` throughout. */
function stepWith(transform: Transform, size: number): () => void {
  const run = start(cpuBackend('float32'), transform);
  const pass = randomPass(run, 1);
  for (const { data } of pass.gradients) data.fill(size);
  const { gradients, observations } = provide(run, pass);
  return () => run.optimizer.step(gradients, run.parameters, observations);
}

const seed = fc.nat(1e6);

/** A transform that moves the parameters by what `link` gives, unless that could overflow. */
const guarded = (link: Transform, rate = 1) => refuseOverflow(chain(link, descend(rate)));

const rate = (step: number) => 1 / (1 + step);

describe('chain', () => {
  const links: readonly (() => Transform)[] = [
    () => chain(),
    () => momentum(0.9),
    () => momentum(0.5, { nesterov: true }),
    () => scaleByAdam(),
    () => addWeightDecay(0.1),
    () => clipByGlobalNorm(0.7),
  ];
  const link = fc.constantFrom(...links);

  test.prop([link, link, link, seed])('is associative', (a, b, c, seeded) => {
    const begin = randomStart(seeded, 5);
    const run = (transform: Transform) => updates('float64', transform, begin);
    const together = run(chain(a(), b(), c()));
    expect(run(chain(a(), chain(b(), c())))).toEqual(together);
    expect(run(chain(chain(a(), b()), c()))).toEqual(together);
  });

  test.prop([link, link, seed])('is associative with its last link too', (a, b, seeded) => {
    const begin = randomStart(seeded, 5);
    const run = (transform: Transform) => trajectory('float64', transform, begin);
    const together = run(chain(a(), b(), descend(rate)));
    expect(run(chain(a(), chain(b(), descend(rate))))).toEqual(together);
    expect(run(chain(chain(a(), b()), descend(rate)))).toEqual(together);
  });

  test.prop([link, seed])('of nothing is its identity', (a, seeded) => {
    const begin = randomStart(seeded, 5);
    const alone = updates('float64', a(), begin);
    expect(updates('float64', chain(chain(), a()), begin)).toEqual(alone);
    expect(updates('float64', chain(a(), chain()), begin)).toEqual(alone);
  });

  test('of nothing gives the gradients themselves, and descend(1) takes them off', () => {
    const begin = randomStart(3, 1);
    const g = flat(begin.gradients[0]);
    expect(updates('float64', chain(), begin)).toEqual([g]);
    const [theta] = trajectory('float64', descend(1), begin);
    expect(theta).toEqual(flat(begin.parameters).map((x, i) => x - g[i]));
  });

  test('gives its links turns in order', () => {
    const order: string[] = [];
    const noting = (name: string) =>
      stateless({}, (_, given) => {
        order.push(name);
        return given;
      });
    updates('float64', chain(noting('a'), chain(noting('b'), noting('c'))), randomStart(1, 2));
    expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('needs what any of its links needs, and reports what all of them have found', () => {
    const looking = precondition(evaMethod(), { observeEvery: 2 });
    const transform = chain(momentum(0.5), chain(looking), descend(1));
    const { optimizer } = start(cpuBackend('float64'), transform);
    expect(optimizer.needs).toEqual({ inputs: true, outputGradients: true, curvature: false });
    expect(optimizer.diagnostics).toMatchObject(
      ['0', '1'].map((layer) => ({ layer, failures: 0, refreshes: 0, found: {} })),
    );
    const { optimizer: plain } = start(cpuBackend('float64'), sgd());
    expect(plain.diagnostics).toEqual([]);
    expect(plain.needs).toEqual({ inputs: false, outputGradients: false, curvature: false });
  });

  test('describes every link, and numbers what two of them call the same', () => {
    const { description } = chain(momentum(0.5), momentum(0.3), addWeightDecay(0.1), descend(2));
    expect(description).toEqual({
      momentum: 0.5,
      nesterov: false,
      'momentum (1)': 0.3,
      'nesterov (1)': false,
      weightDecay: 0.1,
      learningRate: 2,
    });
  });

  test('moves the parameters once, at its end', () => {
    const parameters = [{ rows: 1, cols: 1 }];
    const make = (transform: Transform) => () =>
      new Optimizer({ backend: cpuBackend('float64'), transform, parameters });
    expect(make(chain(sgd(), descend(1)))).toThrow(
      new TypeError('chain: link 0 moves the parameters, expected the last alone to do so'),
    );
    expect(make(chain(momentum(0.9)))).toThrow(
      new TypeError('Optimizer: transform moves nothing, expected one that ends with descend'),
    );
    make(chain(momentum(0.9), chain(descend(1))))();
  });
});

describe('numbers that would leave the range of float32', () => {
  test.each([
    ['NysAct at ρ = 1e-3', () => nysact({ damping: 1e-3 }), 1e36, /what becomes of its gradients/],
    ['a KL clip', () => kfac(), 1e18, /the KL clip's sum over the gradients/],
    ['a KL clip', () => eva(), 1e18, /the KL clip's sum over the gradients/],
    ['the squares of Adam', () => adam(), 1e19, /the square of gradients\[0\]/],
    [
      'an Adam that forgets its squares before its means',
      () => guarded(scaleByAdam({ beta1: 0.9, beta2: 0, epsilon: 1.1e-19 }), 100),
      9e18,
      /the update made of gradients\[0\]|parameters\[0\] with the update/,
    ],
    ['the global norm', () => guarded(clipByGlobalNorm(1)), 1e19, /squared norm of the gradients/],
    ['a rate', () => guarded(chain(), 1e9), 1e30, /the update made of gradients\[0\]/],
    ['the gradient itself', () => guarded(chain()), 2e38, /the update made of gradients\[0\]/],
  ])('in %s are refused, named, and smaller ones taken', (_, make, size, message) => {
    expect(stepWith(make(), size)).toThrow(message);
    expect(stepWith(make(), size)).toThrow(RangeError);
    expect(stepWith(make(), size / 1e4)).not.toThrow();
  });

  test('in momentum are refused before the step that would bring them', () => {
    const run = start(cpuBackend('float32'), nysact({ momentum: 0.9 }));
    const step = () => {
      const pass = randomPass(run, 1);
      for (const { data } of pass.gradients) data.fill(1e37 / 6);
      take(run, provide(run, pass));
    };
    expect(() => {
      for (let k = 0; k < 20; k++) step();
    }).toThrow(/the update made of gradients\[0\] could reach/);
    expect(run.optimizer.steps).toBeGreaterThan(0);
  });
});

describe('weight decay', () => {
  const [learningRate, weightDecay] = [0.1, 0.2];

  test('decoupled from Adam, shrinks parameters without a gradient by 1 − ηλ a step', () => {
    const begin = still(randomStart(5, 3));
    const theta = trajectory('float64', adamw({ learningRate, weightDecay }), begin);
    const shrunk = flat(begin.parameters).map((x) => x * (1 - learningRate * weightDecay) ** 3);
    theta[2].forEach((x, i) => {
      expect(Math.abs(x - shrunk[i])).toBeLessThanOrEqual(8 * EPSILON.float64 * Math.abs(x));
    });
  });

  test('coupled to Adam, moves them by η towards 0 at first, however large λ is', () => {
    const begin = still(randomStart(5, 1));
    const [theta] = trajectory('float64', adam({ learningRate, weightDecay }), begin);
    flat(begin.parameters).forEach((x, i) => {
      const moved = x - learningRate * Math.sign(x);
      // ε beside √v̂ = λ|θ|.
      const bound = learningRate * (1e-8 / (weightDecay * Math.abs(x)) + 8 * EPSILON.float64);
      expect(Math.abs(theta[i] - moved)).toBeLessThanOrEqual(bound);
    });
  });

  test('of 0 is no transform at all', () => {
    const begin = randomStart(6, 3);
    expect(updates('float64', addWeightDecay(0), begin)).toEqual(
      updates('float64', chain(), begin),
    );
  });

  test('is for the parameters that are picked, by shape, name and index', () => {
    const begin = still(randomStart(7, 1));
    const [W, b] = begin.parameters;
    const asked: unknown[] = [];
    const decays = (parameter: Parameter) => {
      asked.push(parameter);
      return parameter.index === 0;
    };
    const [seen] = updates('float64', addWeightDecay(0.5, { decays }), begin);
    expect(seen).toEqual([...flat([W]).map((x) => 0.5 * x), ...flat([b]).map(() => 0)]);
    expect(asked).toMatchObject([
      { rows: W.rows, cols: W.cols, index: 0 },
      { rows: b.rows, cols: b.cols, index: 1 },
    ]);
  });
});

describe.each(['float64', 'float32'] as const)('clipByGlobalNorm in %s', (dtype) => {
  const eps = EPSILON[dtype];
  const scale = fc.integer({ min: -6, max: 6 }).map((log) => 10 ** log);
  const maxNorm = fc.double({ min: 1e-3, max: 1e3, noNaN: true });

  test.prop([maxNorm, scale, seed])(
    'leaves a norm of min(‖u‖, maxNorm), over all parameters together, and the direction',
    (limit, size, seeded) => {
      const begin = randomStart(seeded, 1, size);
      const [before] = updates(dtype, chain(), begin);
      const [after] = updates(dtype, clipByGlobalNorm(limit), begin);
      const factor = Math.min(1, limit / norm(before));
      if (factor === 1) expect(after).toEqual(before);
      // Each element rounds, and so do the sum of n squares, its root and the quotient.
      const bound = (before.length + 4) * eps;
      expect(norm(after)).toBeLessThanOrEqual(limit * (1 + bound));
      after.forEach((x, i) => {
        const expected = factor * before[i];
        expect(Math.abs(x - expected)).toBeLessThanOrEqual(bound * Math.abs(expected));
      });
    },
  );

  test('leaves zeros alone', () => {
    const begin = randomStart(1, 1, 0);
    expect(updates(dtype, clipByGlobalNorm(1), begin)).toEqual(updates(dtype, chain(), begin));
  });
});

describe('a step that cannot be finished is refused before it is begun:', () => {
  const broken = [Number.NaN, -0.1, Number.POSITIVE_INFINITY];

  test.each([1e-30, 1e30])('κ/η² for a rate of %d is no number of float32', async (eta) => {
    const learningRate = (step: number) => (step === 1 ? eta : 0.1);
    const run = start(cpuBackend('float32'), eva({ learningRate, klClip: 1e-3, observeEvery: 1 }));
    const pass = (k: number) => randomPass(run, k, k === 1 ? 1e-10 : 1);
    take(run, provide(run, pass(0)));
    const input = provide(run, pass(1));
    const before = [await everything(run), await bitsOf(run.backend, input.gradients)];
    const step = () => run.optimizer.step(input.gradients, run.parameters, input.observations);
    if (eta > 1) {
      expect(step).toThrow(/^precondition: klClip.limit\/η² is \S*e-6\d, expected a finite number/);
      expect([await everything(run), await bitsOf(run.backend, input.gradients)]).toEqual(before);
      // A limit beyond the range is none.
    } else step();
  });

  test.each(broken)('the schedule of an optimiser gives %d, whatever is before it', (eta) => {
    const learningRate = (step: number) => (step === 1 ? eta : 0.1);
    for (const transform of [
      sgd({ learningRate }),
      adamw({ learningRate }),
      eva({ learningRate }),
    ]) {
      const run = start(cpuBackend('float64'), transform);
      take(run, provide(run, randomPass(run, 1)));
      expect(() => take(run, provide(run, randomPass(run, 2)))).toThrow(/ of step 1 is .*expected/);
      expect(run.optimizer.steps).toBe(1);
    }
  });
});

test.each([
  ['kfac', kfac],
  ['eva', eva],
])('a learning rate that has fallen to 0 stops %s, KL clip and all', async (_, make) => {
  const learningRate = cosine({ learningRate: 0.1, steps: 3 });
  const run = start(
    cpuBackend('float64'),
    make({ learningRate, observeEvery: 1, refreshEvery: 1 }),
  );
  const step = (k: number) => {
    take(run, provide(run, randomPass(run, k)));
    return bitsOf(run.backend, run.parameters);
  };
  for (let k = 0; k < 2; k++) await step(k);
  const [last, ...rest] = [await step(2), await step(3), await step(4)];
  expect(rest).toEqual([last, last]);
});

describe('options out of range are refused by name:', () => {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, -1];
  const cases: readonly [string, readonly number[], (value: number) => unknown][] = [
    ['momentum: momentum', [...bad, 1], (decay) => momentum(decay)],
    ['scaleByAdam: beta1', [...bad, 1], (beta1) => scaleByAdam({ beta1 })],
    ['scaleByAdam: beta2', [...bad, 1], (beta2) => scaleByAdam({ beta2 })],
    ['scaleByAdam: epsilon', [...bad, 0], (epsilon) => scaleByAdam({ epsilon })],
    ['addWeightDecay: weightDecay', bad, (weightDecay) => addWeightDecay(weightDecay)],
    ['clipByGlobalNorm: maxNorm', [...bad, 0], (maxNorm) => clipByGlobalNorm(maxNorm)],
    ['descend: learningRate', bad, (eta) => descend(eta)],
  ];

  test.each(cases)('%s', (name, values, make) => {
    for (const value of values) {
      expect(() => make(value), String(value)).toThrow(RangeError);
      expect(() => make(value)).toThrow(`${name} is ${value}, expected `);
    }
  });

  test('a norm whose square is no finite number > 0', () => {
    for (const maxNorm of [1e200, 1e-200]) {
      expect(() => clipByGlobalNorm(maxNorm)).toThrow(RangeError);
    }
  });
});

test.each([
  ['momentum', momentum(1e-50), 'momentum: momentum'],
  ['beta1', scaleByAdam({ beta1: 1e-50 }), 'scaleByAdam: beta1'],
  ['beta2', scaleByAdam({ beta2: 1e-50 }), 'scaleByAdam: beta2'],
])('a decay that float32 would make 0 is refused before any step: %s', (_, link, named) => {
  const begin = () => start(cpuBackend('float32'), chain(link, descend(0.1)));
  expect(begin).toThrow(RangeError);
  expect(begin).toThrow(`${named} is 1e-50, expected a finite number >= 0 that float32 holds`);
});

test('the run of a saved state says which parameters and layers it is of', async () => {
  const parameters = [
    { rows: 2, cols: 3 },
    { rows: 2, cols: 1 },
    { rows: 4, cols: 5 },
    { rows: 3, cols: 2 },
  ];
  const layers = [
    { weight: 2, name: 'words', rows: 'oneHot' },
    { weight: 0, bias: 1 },
    { weight: 3 },
  ] as const;
  const backend = cpuBackend('float32');
  const optimizer = new Optimizer({ backend, transform: nysact(), parameters, layers });
  const { run } = await optimizer.exportState();
  expect(run).toMatchObject({
    dtype: 'float32',
    parameters: '2×3, 2×1, 4×5, 3×2',
    layers: 'words: 2 (oneHot), 1: 0 and 1, 2: 3',
  });
});

test('a decay that float32 would make 0 is refused when it is given state', () => {
  const transform = chain(addWeightDecay(1e-50), descend(1));
  const parameters = [{ rows: 1, cols: 1 }];
  const make = () => new Optimizer({ backend: cpuBackend('float32'), transform, parameters });
  expect(make).toThrow(/^addWeightDecay: weightDecay is 1e-50, expected /);
});

test('writable counts the updates', () => {
  const backend = cpuBackend('float64');
  const gradients = [backend.allocate(1, 1)];
  const step = { index: 0, learningRate: 1, parameters: gradients, gradients, observations: [] };
  expect(() => writable(backend, [], step)).toThrow(
    'writable: the number of updates is 0, expected an integer >= 1 and <= 1',
  );
});
