// Groups of parameters: each moves as if it were alone.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { descend } from '../../src/optimize/descend.js';
import { momentum } from '../../src/optimize/momentum.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { adam, foof, nysact, sgd } from '../../src/optimize/optimizers.js';
import { type Group, partition } from '../../src/optimize/partition.js';
import { scaleBy } from '../../src/optimize/scale.js';
import { cosine } from '../../src/optimize/schedules.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { addWeightDecay } from '../../src/optimize/weight-decay.js';
import { gaussian, uniform } from '../support/matrices.js';
import { begin, HEAD, moved, NAMES, step } from './groups.js';
import { bitsOf, everything } from './training.js';
import { OPTIMIZERS } from './variants.js';

const transforms: readonly (() => Transform)[] = [
  () => sgd({ learningRate: 0.2, momentum: 0.9, weightDecay: 0.01 }),
  () => adam({ learningRate: 0.01 }),
  () => sgd({ learningRate: cosine({ learningRate: 0.3, steps: 5 }) }),
];
const one = fc.constantFrom(...transforms);
const dtype = fc.constantFrom('float32' as const, 'float64' as const);

/** Takes the parameters of the mask. */
const ofMask =
  (mask: readonly boolean[]): Group['takes'] =>
  ({ index }) =>
    mask[index];

function adamOnHead(): Transform {
  const head = { takes: ['head'], transform: adam({ learningRate: 0.01 }) };
  const cadence = { observeEvery: 1, refreshEvery: 2 };
  return partition([head], nysact({ ...cadence, learningRate: 0.1, rank: 2, momentum: 0.9 }));
}

function adamOnWeights(): Transform {
  const weights = { takes: 'weights', transform: adam({ learningRate: 0.01 }) } as const;
  return partition([weights], sgd({ learningRate: 0.1, momentum: 0.9 }));
}

/** What makes an optimiser of two groups, with nothing wrong but the filter. */
const quiet = (takes: Group['takes']) => () =>
  begin('float64', partition([{ takes, transform: sgd() }], sgd()));

describe('partition', () => {
  test.prop([dtype, one, one, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })])(
    'moves every parameter as its own transform alone would',
    async (of, a, b, mask) => {
      const both = partition([{ takes: ofMask(mask), transform: a() }], b());
      const [together, byA, byB] = await Promise.all([both, a(), b()].map((t) => moved(of, t)));
      expect(together).toEqual(mask.map((isA, i) => (isA ? byA : byB)[i]));
    },
  );

  test('the first group that takes a parameter has it', async () => {
    const groups = transforms.slice(0, 2).map((make) => ({
      takes: 'weights' as const,
      transform: make(),
    }));
    const [first, third] = await Promise.all(
      [transforms[0](), transforms[2]()].map((t) => moved('float64', t)),
    );
    expect(await moved('float64', partition(groups, transforms[2]()))).toEqual([
      first[0],
      third[1],
      first[2],
      third[3],
    ]);
  });

  test('directions share the step of the link behind', async () => {
    const directions = partition([{ takes: ['head'], transform: momentum(0.9) }], scaleBy(0.5));
    const [together, byMomentum, scaled] = await Promise.all(
      [directions, momentum(0.9), scaleBy(0.5)].map((t) =>
        moved('float64', chain(t, descend(0.1))),
      ),
    );
    expect(together).toEqual([...scaled.slice(0, 2), ...byMomentum.slice(2)]);
  });

  test('groups can be parted again, and names are those of the whole', async () => {
    const inner = partition([{ takes: ['head/bias'], transform: scaleBy(2) }], scaleBy(3));
    const outer = partition([{ takes: 'weights', transform: scaleBy(5) }], inner);
    const [together, ...by] = await Promise.all(
      [outer, scaleBy(2), scaleBy(3), scaleBy(5)].map((t) =>
        moved('float64', chain(t, descend(0.1))),
      ),
    );
    expect(together).toEqual([by[2][0], by[1][1], by[2][2], by[0][3]]);
  });

  test('a group preconditions the layers that are wholly its own', async () => {
    const body = {
      takes: ['body'],
      transform: foof({ learningRate: 0.1, damping: 0.1, rest: 'sgd' }),
    };
    const head = nysact({ learningRate: 0.1, damping: 0.2, rank: 2, rest: 'sgd' });
    const run = begin('float64', partition([body], head));
    expect(run.optimizer.diagnostics.map(({ layer, rank }) => [layer, rank])).toEqual([
      ['body/kernel', undefined],
      ['head/kernel', 2],
    ]);
    const [together, byFoof] = await Promise.all([
      moved('float64', partition([body], head)),
      moved('float64', foof({ learningRate: 0.1, damping: 0.1 })),
    ]);
    expect(together.slice(0, 2)).toEqual(byFoof.slice(0, 2));
    // The head alone: sketches are drawn by the number of the layer in its group.
    expect(together.slice(2)).toEqual((await moved('float64', head, [HEAD])).slice(2));
  });

  test.each(OPTIMIZERS)('a group of no parameters is harmless: $name', async ({ make }) => {
    const run = begin('float64', partition([{ takes: () => false, transform: make() }], sgd()));
    for (let k = 0; k < 7; k++) step(run, k);
    await run.optimizer.flush();
    expect(await bitsOf(run.backend, run.parameters)).toEqual(await moved('float64', sgd()));
  });

  test('the learning rate is that of the first group', async () => {
    const groups = [{ takes: ['head'], transform: sgd({ learningRate: 0.2 }) }];
    const run = begin('float64', partition(groups, sgd({ learningRate: 0.3 })));
    expect(run.optimizer.learningRate).toBe(0.2);
    run.optimizer.learningRate = 0;
    const before = await bitsOf(run.backend, run.parameters);
    step(run, 1, 0);
    const after = await bitsOf(run.backend, run.parameters);
    expect(after.map((bits, i) => bits === before[i])).toEqual([false, false, true, true]);
  });

  test('a run goes on from a saved state bit for bit', async () => {
    const [whole, half] = [begin('float32', adamOnHead()), begin('float32', adamOnHead())];
    for (let k = 0; k < 3; k++) for (const run of [whole, half]) step(run, k);
    const resumed = begin('float32', adamOnHead());
    resumed.optimizer.restoreState(await half.optimizer.exportState());
    const values = await Promise.all(half.parameters.map((slot) => half.backend.read(slot)));
    resumed.parameters.forEach((slot, i) => {
      resumed.backend.write(slot, values[i]);
    });
    for (let k = 3; k < 7; k++) for (const run of [whole, resumed]) step(run, k);
    expect(await everything(resumed)).toEqual(await everything(whole));
  });

  test('an optimiser of more parameters takes over what each has, whatever its group’s order', async () => {
    const backend = cpuBackend('float64');
    const shapes = [
      { rows: 2, cols: 3, name: 'a' },
      { rows: 2, cols: 1, name: 'b' },
      { rows: 4, cols: 2, name: 'c' },
    ];
    const some = new Optimizer({
      backend,
      transform: adamOnWeights(),
      parameters: [shapes[2], shapes[1]],
    });
    const random = uniform(3);
    const draw = () =>
      [2, 1].map((i) => upload(backend, gaussian(random, shapes[i].rows, shapes[i].cols)));
    some.step(draw(), draw());
    const all = new Optimizer({ backend, transform: adamOnWeights(), parameters: shapes });
    all.takeOver(some, { parameters: [undefined, 1, 0] });
    const [before, after] = await Promise.all([some.exportState(), all.exportState()]);
    expect(after.entries['1/1/buffer0']).toEqual(before.entries['1/1/buffer0']);
    expect(after.entries['0/1/m1']).toEqual(before.entries['0/1/m0']);
  });

  test.each([[[0, '1']], [[null, 1]], [5]])('takes over from no places such as %j', (places) => {
    const parameters = [
      { rows: 1, cols: 1 },
      { rows: 1, cols: 1 },
    ];
    const [earlier, later] = [0, 1].map(
      () => new Optimizer({ backend: cpuBackend('float64'), transform: sgd(), parameters }),
    );
    const given = JSON.parse(JSON.stringify({ parameters: places }));
    const takeOver = () => later.takeOver(earlier, given);
    expect(takeOver).toThrow(TypeError);
    expect(takeOver).toThrow(/^takeOver: parameters is .*, expected an array of indices$/);
  });

  describe('refuses', () => {
    test('a name that nothing has, with the nearest one', () => {
      expect(quiet(['nowhere'])).toThrow(
        new RangeError(
          `partition: groups[0].takes names 'nowhere', expected one of ${NAMES.join(', ')}`,
        ),
      );
      expect(quiet(['head/kernal'])).toThrow(/did you mean 'head\/kernel'\?$/);
    });

    test('a function that says neither yes nor no', () => {
      const takes: Group['takes'] = JSON.parse('{}').constructor;
      expect(quiet(takes)).toThrow(
        'partition: groups[0].takes gives [object Object] for parameter 0, expected true or false',
      );
    });

    test('a layer in halves, where one is preconditioned', () => {
      const groups = [{ takes: 'weights' as const, transform: foof() }];
      expect(() => begin('float64', partition(groups, sgd()))).toThrow(
        "partition: layer 'body/kernel' has its weight in group 0 and its bias in group 1, expected both in one, as it may be preconditioned",
      );
    });

    test('groups of which only some move', () => {
      const groups = [{ takes: 'weights' as const, transform: sgd() }];
      expect(() => begin('float64', partition(groups, addWeightDecay(0.1)))).toThrow(
        new TypeError(
          'partition: some groups move their parameters and some do not, expected all or none to do so',
        ),
      );
    });
  });
});
