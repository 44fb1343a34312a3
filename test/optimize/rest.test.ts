// What trains the parameters that are not preconditioned.

import { describe, expect, test } from 'vitest';
import { scaleByAdam } from '../../src/optimize/adam.js';
import { descend } from '../../src/optimize/descend.js';
import { adam, adamw, eva, foof, kfac, nysact, sgd } from '../../src/optimize/optimizers.js';
import { paperSettings } from '../../src/optimize/paper-settings.js';
import { scaleBy } from '../../src/optimize/scale.js';
import { cosine } from '../../src/optimize/schedules.js';
import { chain } from '../../src/optimize/transform.js';
import { addWeightDecay } from '../../src/optimize/weight-decay.js';
import { begin, HEAD, moved, step } from './groups.js';
import { bitsOf } from './training.js';

const cadence = { observeEvery: 2, refreshEvery: 2 };
const common = { ...cadence, learningRate: 0.2, rank: 2, momentum: 0.9, weightDecay: 0.01 };

/** The parameters of the first layer after some steps, and those of the second. */
const body = async (...args: Parameters<typeof moved>) => (await moved(...args)).slice(0, 2);
const head = async (...args: Parameters<typeof moved>) => (await moved(...args)).slice(2);

/** Which parameters stay where they are once the learning rate is set to 0. */
async function still(options: Parameters<typeof nysact>[0]): Promise<boolean[]> {
  const run = begin('float64', nysact({ ...common, ...options }), [HEAD]);
  run.optimizer.learningRate = 0;
  const before = await bitsOf(run.backend, run.parameters);
  step(run, 0, 1);
  const after = await bitsOf(run.backend, run.parameters);
  return after.map((bits, i) => bits === before[i]);
}

describe('parameters that belong to no layer', () => {
  test("with 'sgd' move by the same momentum, decay and learning rate", async () => {
    const { learningRate, momentum, weightDecay } = common;
    expect(await body('float32', nysact({ ...common, rest: 'sgd' }), [HEAD])).toEqual(
      await body('float32', sgd({ learningRate, momentum, weightDecay })),
    );
  });

  test("with 'adam' move by Adam, at a hundredth of the learning rate", async () => {
    const learningRate = cosine({ learningRate: 0.2, steps: 9 });
    const hundredth = chain(
      scaleByAdam(),
      addWeightDecay(0),
      scaleBy(1 / 100),
      descend(learningRate),
    );
    expect(
      await body('float32', nysact({ ...common, learningRate, rest: 'adam' }), [HEAD]),
    ).toEqual(await body('float32', hundredth));
  });

  test('have a learning rate and a decay of their own where these are given', async () => {
    const own = { restLearningRate: 0.003, restWeightDecay: 0.1 };
    expect(await body('float64', nysact({ ...common, ...own, rest: 'adam' }), [HEAD])).toEqual(
      await body('float64', adamw({ learningRate: 0.003, weightDecay: 0.1 })),
    );
    const { momentum } = common;
    expect(await body('float64', nysact({ ...common, ...own, rest: 'sgd' }), [HEAD])).toEqual(
      await body('float64', sgd({ momentum, learningRate: 0.003, weightDecay: 0.1 })),
    );
  });

  test('move by a transform of one’s own', async () => {
    const rest = adam({ learningRate: 0.01 });
    expect(await body('float64', kfac({ ...cadence, rest }), [HEAD])).toEqual(
      await body('float64', rest),
    );
    const direction = chain(scaleBy(3));
    expect(await body('float64', foof({ ...cadence, rest: direction }), [HEAD])).toEqual(
      await body('float64', chain(direction, descend(0.1))),
    );
  });

  test('leave the layers alone, whatever trains them', async () => {
    const layered = await head('float64', nysact({ ...common, rest: 'sgd' }), [HEAD]);
    for (const rest of ['adam', adam(), scaleBy(2)] as const) {
      expect(await head('float64', nysact({ ...common, rest }), [HEAD])).toEqual(layered);
    }
  });

  test('follow a learning rate that is set, unless theirs is their own', async () => {
    expect(await still({ rest: 'adam' })).toEqual([true, true, true, true]);
    expect(await still({ rest: 'sgd' })).toEqual([true, true, true, true]);
    expect(await still({ rest: 'adam', restLearningRate: 0.1 })).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test('have no settings beside a transform', () => {
    expect(() => nysact({ rest: adam(), restLearningRate: 0.1 })).toThrow(
      new RangeError(
        'nysact: restLearningRate is given beside a transform as rest, expected it in the transform alone',
      ),
    );
    expect(() => foof({ rest: scaleBy(1), restWeightDecay: 0 })).toThrow(/^foof: restWeightDecay/);
  });
});

describe('layers that are skipped', () => {
  test('move as the rest does, by name or by a function', async () => {
    const plain = await moved('float64', nysact({ ...common, rest: 'adam' }), [HEAD]);
    const skips = [
      ['body'],
      ['body/kernel'],
      ['body/bias'],
      ({ layer }: { layer: string | undefined }) => layer === 'body/kernel',
    ];
    for (const skip of skips) {
      const run = begin('float64', nysact({ ...common, rest: 'adam', skip }));
      expect(run.optimizer.diagnostics.map(({ layer }) => layer)).toEqual(['head/kernel']);
      expect(await moved('float64', nysact({ ...common, rest: 'adam', skip }))).toEqual(plain);
    }
  });

  test('must be there', () => {
    expect(() => begin('float64', nysact({ skip: ['head/kernal'] }))).toThrow(
      /^nysact: skip names 'head\/kernal', expected one of .*; did you mean 'head\/kernel'\?$/,
    );
  });

  test('are part of what a saved run is of', async () => {
    const [skipping, none] = [
      begin('float64', nysact({ skip: ['body'] })),
      begin('float64', nysact()),
    ];
    expect(() => none.optimizer.restoreState({ version: 1, run: {}, entries: {} })).toThrow();
    await expect(skipping.optimizer.exportState()).resolves.toMatchObject({
      run: { skip: 'body' },
    });
  });
});

describe('weights that decay', () => {
  test.each([
    ['all', [true, true, true, true]],
    ['weights', [true, false, true, false]],
    [['head'], [false, false, true, true]],
    [
      ['body/bias', 'head/kernel'],
      [false, true, true, false],
    ],
  ] as const)('%s', async (decays, expected) => {
    const [decayed, plain] = await Promise.all([
      moved('float64', sgd({ weightDecay: 0.1, decays })),
      moved('float64', sgd()),
    ]);
    expect(decayed.map((bits, i) => bits !== plain[i])).toEqual(expected);
  });

  test('are those of the whole network in every group', async () => {
    const options = { ...common, rest: 'adam', restWeightDecay: 0.1, decays: ['head'] } as const;
    const { decays: _, ...everywhere } = options;
    const [some, all, none] = await Promise.all([
      moved('float64', nysact(options), [HEAD]),
      moved('float64', nysact(everywhere), [HEAD]),
      moved('float64', nysact({ ...everywhere, restWeightDecay: 0, weightDecay: 0 }), [HEAD]),
    ]);
    expect(some).toEqual([...none.slice(0, 2), ...all.slice(2)]);
  });
});

const layered = (damping: number) => ({
  learningRate: 0.1,
  momentum: 0.9,
  decay: 0.95,
  weightDecay: 0.0005,
  damping,
  observeEvery: 5,
  refreshEvery: 50,
  // What belongs to no layer is trained as in the paper, by SGD.
  rest: 'sgd',
});

describe('the paper’s preset', () => {
  test('is Table VI, CIFAR', () => {
    const moments = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    expect(paperSettings).toEqual({
      sgd: { learningRate: 0.1, momentum: 0.9, weightDecay: 0.0005 },
      adam: { ...moments, weightDecay: 0.0005 },
      adamw: { ...moments, weightDecay: 0.05 },
      kfac: layered(0.03),
      eva: layered(0.03),
      foof: layered(1),
      nysact: { ...layered(1), rank: 10 },
    });
  });

  test.each([
    ['sgd', sgd],
    ['adam', adam],
    ['adamw', adamw],
    ['nysact', nysact],
    ['foof', foof],
    ['kfac', kfac],
    ['eva', eva],
  ] as const)('of %s is its settings, and what is given beside it counts more', (name, make) => {
    expect(make({ preset: 'paper' }).description).toEqual(make(paperSettings[name]).description);
    const own = { ...paperSettings[name], learningRate: 0.5 };
    expect(make({ preset: 'paper', learningRate: 0.5 }).description).toEqual(make(own).description);
  });
});
