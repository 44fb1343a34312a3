// Saving a model with its optimiser and loading it: training goes on as if nothing had happened.

import type { io, LayersModel } from '@tensorflow/tfjs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { PlainState } from '../../src/backend/saved-state.js';
import { describe as describeValue } from '../../src/core/check.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { cosine } from '../../src/optimize/schedules.js';
import type { Transform } from '../../src/optimize/transform.js';
import {
  publishedEva,
  publishedFoof,
  publishedKfac,
  publishedNysact,
} from '../../src/published/index.js';
import { gaussian } from '../../src/sketch/gaussian.js';
import {
  adahessian,
  adam,
  adamw,
  ekfac,
  eva,
  foof,
  kfac,
  makeOptimizer,
  mfac,
  muon,
  newtonMuon,
  nysact,
  nystromShampoo,
  registerOptimizer,
  registerOptimizers,
  sgd,
  shampoo,
  sketchySgd,
  skfac,
  soap,
  type TfjsOptimizer,
} from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, layerWeights, perceptron } from './models.js';

/** After 8 steps a window is open; among the next 8, some observe and some refresh. */
const CADENCE = { observeEvery: 2, refreshEvery: 5, learningRate: 0.05, damping: 0.5 } as const;
const SGD = { learningRate: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01 } as const;
const PRECONDITIONED = { ...SGD, ...CADENCE, decay: 0.9 } as const;
const ADAM = {
  learningRate: 0.02,
  beta1: 0.8,
  beta2: 0.99,
  epsilon: 1e-7,
  weightDecay: 0.01,
} as const;
const SKETCHED = { ...PRECONDITIONED, rank: 3, seed: 5, maxFailures: 3 } as const;

/** Chains of one's own: those that the published code has. */
const OWN = {
  PublishedNysact: publishedNysact,
  PublishedFoof: publishedFoof,
  PublishedKfac: publishedKfac,
  PublishedEva: publishedEva,
} as const;

/** A case for a chain of one's own, with options that are saved with it. */
function own<Options extends object>(
  className: keyof typeof OWN,
  make: (options: Options) => Transform,
  config: Options,
): Case {
  return {
    name: className,
    className,
    make: () => makeOptimizer(tf, make(config), { className, config }),
  };
}

interface Case {
  readonly name: string;
  readonly className: string;
  readonly make: () => TfjsOptimizer;
}

/** Each optimiser with all its options, and with every choice. */
const CASES: readonly Case[] = [
  { name: 'sgd', className: 'NysactSgd', make: () => sgd(tf, SGD) },
  { name: 'adam', className: 'NysactAdam', make: () => adam(tf, ADAM) },
  { name: 'adamw', className: 'NysactAdamw', make: () => adamw(tf, ADAM) },
  {
    name: 'adahessian',
    className: 'NysactAdahessian',
    make: () => adahessian(tf, { ...ADAM, power: 0.5, hessianEvery: 2, averaged: false, seed: 4 }),
  },
  {
    name: 'sketchySgd',
    className: 'NysactSketchySgd',
    make: () =>
      sketchySgd(tf, {
        ...SGD,
        rank: 3,
        damping: 0.5,
        refreshEvery: 2,
        blocks: 'parameters',
        seed: 4,
      }),
  },
  {
    name: 'foof',
    className: 'NysactFoof',
    make: () => foof(tf, { ...PRECONDITIONED, klClip: 0.01, maxFailures: 2 }),
  },
  {
    name: 'kfac, factored',
    className: 'NysactKfac',
    make: () => kfac(tf, { ...PRECONDITIONED, klClip: 0.01, inverse: 'factored', maxFailures: 2 }),
  },
  {
    name: 'kfac, eigenbasis',
    className: 'NysactKfac',
    make: () => kfac(tf, { ...PRECONDITIONED, inverse: 'eigenbasis' }),
  },
  {
    name: 'ekfac',
    className: 'NysactEkfac',
    make: () => ekfac(tf, { ...PRECONDITIONED, klClip: 0.01, maxFailures: 2 }),
  },
  {
    name: 'skfac',
    className: 'NysactSkfac',
    make: () => skfac(tf, { ...CADENCE, examples: 8, maxFailures: 2 }),
  },
  {
    name: 'soap',
    className: 'NysactSoap',
    make: () => soap(tf, { beta1: 0.9, refreshEvery: 2, maxDim: 64 }),
  },
  {
    name: 'mfac',
    className: 'NysactMfac',
    make: () => mfac(tf, { momentum: 0.5, gradients: 3, damping: 0.1, learningRate: 0.01 }),
  },
  {
    name: 'eva',
    className: 'NysactEva',
    make: () => eva(tf, { ...PRECONDITIONED, klClip: 'none', maxFailures: 2 }),
  },
  {
    name: 'nysact, Gaussian',
    className: 'Nysact',
    make: () =>
      nysact(tf, {
        ...SKETCHED,
        sketch: 'gaussian',
        policy: 'restart',
        shift: 'tiny',
        oversample: 1,
        tail: true,
      }),
  },
  {
    name: 'nysact, subcolumns',
    className: 'Nysact',
    make: () =>
      nysact(tf, {
        ...SKETCHED,
        sketch: 'subcolumn',
        policy: 'fixed',
        shift: 'damping',
        tail: false,
      }),
  },
  {
    name: 'nysact, tracking',
    className: 'Nysact',
    make: () => nysact(tf, { ...SKETCHED, policy: 'track', fresh: 1, carry: true }),
  },
  {
    name: 'nysact, columns by the diagonal',
    className: 'Nysact',
    make: () => nysact(tf, { ...SKETCHED, sketch: 'diagonal' }),
  },
  {
    name: 'nysact, a power step',
    className: 'Nysact',
    make: () => nysact(tf, { ...SKETCHED, sketch: 'power', policy: 'track' }),
  },
  { name: 'nysact, without options', className: 'Nysact', make: () => nysact(tf) },
  {
    name: 'shampoo',
    className: 'NysactShampoo',
    make: () => shampoo(tf, { ...CADENCE, blockSize: 4, graft: 'adam' }),
  },
  {
    name: 'nystrom-shampoo',
    className: 'NysactNystromShampoo',
    make: () => nystromShampoo(tf, { ...SKETCHED, policy: 'track' }),
  },
  {
    name: 'muon',
    className: 'NysactMuon',
    make: () => muon(tf, { steps: 4, restLearningRate: 0.01 }),
  },
  {
    name: 'newton-muon',
    className: 'NysactNewtonMuon',
    make: () => newtonMuon(tf, { ...CADENCE, rank: 3 }),
  },
  own('PublishedNysact', publishedNysact, SKETCHED),
  own('PublishedFoof', publishedFoof, PRECONDITIONED),
  own('PublishedKfac', publishedKfac, PRECONDITIONED),
  own('PublishedEva', publishedEva, { ...PRECONDITIONED, examples: 4 }),
];

describe('what is given in place of the TensorFlow.js module is refused:', () => {
  const message = 'expected the TensorFlow.js module as first argument';
  const factories = {
    adahessian,
    adam,
    adamw,
    ekfac,
    eva,
    foof,
    kfac,
    mfac,
    muon,
    newtonMuon,
    nysact,
    nystromShampoo,
    sgd,
    skfac,
    soap,
    shampoo,
    sketchySgd,
    makeOptimizer,
    registerOptimizer,
    registerOptimizers,
  };

  test.each(Object.entries(factories))('%s', (where, factory) => {
    for (const given of [[], [null], [{ rank: 3 }], ['tf']]) {
      const [shown] = given.map(describeValue).concat('undefined');
      expect(() => Reflect.apply(factory, undefined, given)).toThrow(
        new TypeError(`${where}: tf is ${shown}, ${message}`),
      );
    }
  });
});

test.each(['null', '"state"'])('restoreState refuses %s before the first step', (text) => {
  const saved: PlainState = JSON.parse(text);
  const optimizer = nysact(tf, SKETCHED);
  expect(() => optimizer.restoreState(saved)).toThrow(
    new TypeError(
      `restoreState: the saved state is ${describeValue(saved)}, expected what exportState gave`,
    ),
  );
  expect(optimizer.iterations).toBe(0);
});

function register(): void {
  registerOptimizers(tf);
  for (const [className, make] of Object.entries(OWN)) registerOptimizer(tf, { className, make });
}

function compiled<Model extends LayersModel>(model: Model, optimizer: TfjsOptimizer): Model {
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

/** Eight steps of fit, the last on a shorter batch; the loss and the accuracy after them. */
async function train(model: LayersModel, seed: number): Promise<unknown> {
  const { x, y } = clouds(60, 6, seed);
  const { history } = await model.fit(x, y, { batchSize: 8, shuffle: false });
  tf.dispose([x, y]);
  return history;
}

/** What a file would hold of a model after a save with its optimiser, or without. */
async function save(model: LayersModel, includeOptimizer = true): Promise<io.ModelArtifacts> {
  let artifacts: io.ModelArtifacts | undefined;
  const handler = tf.io.withSaveHandler(async (given) => {
    const { weightData, ...json } = given;
    if (!(weightData instanceof ArrayBuffer)) throw new TypeError('expected one buffer');
    artifacts = { ...JSON.parse(JSON.stringify(json)), weightData: weightData.slice(0) };
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(handler, { includeOptimizer });
  if (artifacts === undefined) throw new Error('nothing was saved');
  return artifacts;
}

async function load(artifacts: io.ModelArtifacts): Promise<LayersModel> {
  return tf.loadLayersModel(tf.io.fromMemory(artifacts));
}

/** The artifacts with the options of their optimiser changed. */
function damaged(artifacts: io.ModelArtifacts, change: object): io.ModelArtifacts {
  const { trainingConfig } = artifacts;
  if (trainingConfig === undefined) throw new Error('no training configuration was saved');
  const { optimizer_config } = trainingConfig;
  const config = { ...Reflect.get(optimizer_config, 'config'), ...change };
  return {
    ...artifacts,
    trainingConfig: { ...trainingConfig, optimizer_config: { ...optimizer_config, config } },
  };
}

function allWeights(model: LayersModel): number[][] {
  return model.layers.flatMap((layer) => layerWeights(layer));
}

function dispose(...models: readonly LayersModel[]): void {
  for (const model of models) {
    model.optimizer?.dispose();
    model.dispose();
  }
}

/** Two branches of the same shapes, which only their order tells apart. */
function branches(): LayersModel {
  const input = tf.input({ shape: [6] });
  const branch = (seed: number) =>
    tf.layers
      .dense({ units: 4, kernelInitializer: tf.initializers.glorotNormal({ seed }) })
      .apply(input);
  const [left, right] = [branch(1), branch(2)];
  if (!(left instanceof tf.SymbolicTensor && right instanceof tf.SymbolicTensor)) {
    throw new TypeError('expected symbols');
  }
  const joined = tf.layers.concatenate().apply([right, left]);
  const output = tf.layers
    .dense({
      units: 3,
      activation: 'softmax',
      kernelInitializer: tf.initializers.glorotNormal({ seed: 3 }),
    })
    .apply(joined);
  if (!(output instanceof tf.SymbolicTensor)) throw new TypeError('expected one symbol');
  return tf.model({ inputs: input, outputs: output });
}

onBackends(['wasm'], () => {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  const names = [...new Set(CASES.map(({ className }) => className))];

  beforeEach(register);

  describe.each(CASES)('$name', ({ className, make }) => {
    test('continues bit for bit in a loaded model', async () => {
      const model = compiled(perceptron(), make());
      await train(model, 1);
      const loaded = await load(await save(model));
      expect(loaded.optimizer.iterations).toBe(8);
      expect(loaded.loss).toBe('categoricalCrossentropy');
      expect(loaded.metrics).toEqual(['accuracy']);
      const before = allWeights(model);
      expect(allWeights(loaded)).toEqual(before);
      expect(await train(loaded, 2)).toEqual(await train(model, 2));
      expect(allWeights(loaded)).toEqual(allWeights(model));
      expect(allWeights(loaded)).not.toEqual(before);
      dispose(model, loaded);
    });

    test('keeps its name and its options', async () => {
      const model = compiled(perceptron(), make());
      expect(model.optimizer.getClassName()).toBe(className);
      const loaded = await load(await save(model));
      expect(loaded.optimizer.getClassName()).toBe(className);
      expect(loaded.optimizer.getConfig()).toEqual(model.optimizer.getConfig());
      expect(loaded.optimizer.iterations).toBe(0);
      expect(loaded.optimizer).toBeInstanceOf(classNameMap[className][0]);
      dispose(model, loaded);
    });
  });

  test('layers of one shape are told apart by their order', async () => {
    const model = compiled(branches(), nysact(tf, SKETCHED));
    await train(model, 1);
    const loaded = await load(await save(model));
    await train(model, 2);
    await train(loaded, 2);
    expect(allWeights(loaded)).toEqual(allWeights(model));
    dispose(model, loaded);
  });

  test('a loaded model is saved as it was', async () => {
    const model = compiled(perceptron(), kfac(tf, CADENCE));
    await train(model, 1);
    const artifacts = await save(model);
    const loaded = await load(artifacts);
    const again = await save(loaded);
    expect(again.trainingConfig).toEqual(artifacts.trainingConfig);
    expect(again.weightData).toEqual(artifacts.weightData);
    dispose(model, loaded);
  });

  test('without registration TensorFlow.js refuses, with it nothing of its own changes', async () => {
    const model = compiled(perceptron(), nysact(tf, SKETCHED));
    const artifacts = await save(model);
    const known = { ...classNameMap };
    for (const name of names) delete classNameMap[name];
    await expect(load(artifacts)).rejects.toThrow(/Unknown layer: Nysact\b.*registerClass/s);
    const others = { ...classNameMap };
    register();
    expect(Object.keys(classNameMap).toSorted()).toEqual(Object.keys(known).toSorted());
    expect(classNameMap).toMatchObject(others);
    const registered = { ...classNameMap };
    register();
    for (const name of Object.keys(registered)) {
      expect(classNameMap[name], name).toBe(registered[name]);
    }
    dispose(model);
  });

  describe('a damaged configuration is refused:', () => {
    test.each([
      [{ rank: '3' }, "TypeError: nysact: rank is '3', expected an integer >= 1"],
      [{ rank: null }, 'TypeError: nysact: rank is null, expected an integer >= 1'],
      [{ tail: 1 }, 'TypeError: nysact: tail is 1, expected true or false'],
      [{ damping: [1] }, 'TypeError: nysact: damping is [object Array], expected a finite number'],
      [{ klClip: 'no' }, "klClip is 'no', expected a finite number > 0 or 'none'"],
      [{ sketch: {} }, "sketch is [object Object], expected 'gaussian' or 'subcolumn'"],
      [{ ranks: 3 }, "RangeError: nysact: unknown option 'ranks', expected one of learningRate, "],
      [{ ranks: 3 }, "did you mean 'rank'?"],
      [{ toString: 3 }, "RangeError: nysact: unknown option 'toString', "],
      [{ damping: -1 }, 'RangeError: nysact: damping is -1, expected a finite number > 0'],
      [{ learningRate: -1 }, 'nysact: learningRate is -1, expected a finite number >= 0'],
      [{ observeEvery: 0 }, 'nysact: observeEvery is 0, expected an integer >= 1'],
      [{ klClip: -1 }, 'nysact: klClip is -1, expected a finite number > 0'],
    ])('%j', async (change, message) => {
      const model = compiled(perceptron(), nysact(tf, SKETCHED));
      const artifacts = damaged(await save(model), change);
      const error: unknown = await load(artifacts).catch((reason: unknown) => reason);
      expect(String(error)).toContain(message);
      dispose(model);
    });
  });

  test("a chain of one's own without options is refused; model and state go separately", async () => {
    const [optimizer, restored] = [0, 1].map(() =>
      makeOptimizer(tf, publishedNysact(SKETCHED), { className: 'Mine' }),
    );
    const model = compiled(perceptron(), optimizer);
    await train(model, 1);
    await expect(save(model)).rejects.toThrow(/Mine: .*give makeOptimizer a config.*exportState/);
    const loaded = compiled(await load(await save(model, false)), restored);
    restored.restoreState(await optimizer.exportState());
    await train(model, 2);
    await train(loaded, 2);
    expect(allWeights(loaded)).toEqual(allWeights(model));
    dispose(model, loaded);
  });

  test.each([
    [undefined, 'registerOptimizer: definition is undefined, expected an object'],
    [{ make: publishedNysact }, 'registerOptimizer: className is undefined, expected a string'],
    [{ className: 'Mine' }, 'make is undefined, expected a function of the options'],
    [{ className: 'my_chain', make: publishedNysact }, "className is 'my_chain', expected no"],
  ])('a definition that cannot be loaded is refused: %#', (definition, message) => {
    const known = Object.keys(classNameMap);
    expect(() => Reflect.apply(registerOptimizer, undefined, [tf, definition])).toThrow(message);
    expect(Object.keys(classNameMap)).toEqual(known);
  });

  test.each([
    {
      option: 'learningRate',
      make: () => kfac(tf, { ...CADENCE, learningRate: cosine({ learningRate: 0.1, steps: 20 }) }),
    },
    {
      option: 'sketch',
      make: () =>
        nysact(tf, {
          ...SKETCHED,
          sketch: ({ layer, draw, shape, dtype }) =>
            gaussian(shape, dtype, foldIn(foldIn(randomKey(9), layer), draw)),
        }),
    },
  ])(
    'a function as $option is refused; model and state go separately',
    async ({ option, make }) => {
      const optimizer = make();
      const model = compiled(perceptron(), optimizer);
      await train(model, 1);
      await expect(save(model)).rejects.toThrow(
        new RegExp(`option ${option} is a function.*without its optimizer.*exportState`),
      );
      const state = structuredClone(await optimizer.exportState());
      const restored = make();
      const loaded = compiled(await load(await save(model, false)), restored);
      restored.restoreState(state);
      await train(model, 2);
      await train(loaded, 2);
      expect(allWeights(loaded)).toEqual(allWeights(model));
      dispose(model, loaded);
    },
  );

  test('saves that are under way at once are the same', async () => {
    const model = compiled(perceptron(), eva(tf, CADENCE));
    await train(model, 1);
    const [first, second] = await Promise.all([save(model), save(model)]);
    expect(second.weightData).toEqual(first.weightData);
    const states = first.weightSpecs?.filter(({ group }) => group === 'optimizer') ?? [];
    expect(states.length).toBeGreaterThan(0);
    dispose(model);
  });

  test('a save holds the state of its time, and of that which was put back', async () => {
    const optimizer = adam(tf, ADAM);
    const model = compiled(perceptron(), optimizer);
    const steps = async (): Promise<unknown> => {
      const loaded = await load(await save(model));
      const { iterations } = loaded.optimizer;
      dispose(loaded);
      return iterations;
    };
    await train(model, 1);
    const state = await optimizer.exportState();
    expect(await steps()).toBe(8);
    await train(model, 2);
    expect(await steps()).toBe(16);
    optimizer.restoreState(state);
    expect(await steps()).toBe(8);
    // Whoever disposes of the tensors takes nothing from the next save.
    tf.dispose((await optimizer.getWeights()).map(({ tensor }) => tensor));
    expect(await steps()).toBe(8);
    dispose(model);
  });

  test('memory is flat over saving, loading and training', async () => {
    const before = tf.memory().numTensors;
    const model = compiled(perceptron(), nysact(tf, SKETCHED));
    const cycle = async (): Promise<unknown> => {
      await train(model, 1);
      const loaded = await load(await save(model));
      await train(loaded, 2);
      await save(loaded);
      dispose(loaded);
      const { numTensors, numBytes } = tf.memory();
      return { numTensors, numBytes };
    };
    const first = await cycle();
    expect(await cycle()).toEqual(first);
    expect(await cycle()).toEqual(first);
    dispose(model);
    expect(tf.memory().numTensors).toBe(before);
  });
});
