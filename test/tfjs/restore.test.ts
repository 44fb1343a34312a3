// A state says what it is of: it is put back into another model of the same architecture, and nowhere else.

import { describe, expect, test } from 'vitest';
import type { PlainState } from '../../src/backend/saved-state.js';
import { adam, adamw, kfac, nysact, sgd, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, crossEntropy, dense, perceptron, weightsOf } from './models.js';

type Model = ReturnType<typeof perceptron>;

const NYSACT = { rank: 3, observeEvery: 2, refreshEvery: 4, momentum: 0.9, seed: 5 } as const;

function train(model: Model, optimizer: TfjsOptimizer, from: number, to: number): void {
  for (let k = from; k < to; k++) {
    const data = clouds(16, 6, k);
    optimizer.minimize(crossEntropy(model, data));
    tf.dispose([data.x, data.y]);
  }
}

/** Two layers of one shape, so that state in the other's place would not be refused, and a third. */
function twins(): Model {
  return tf.sequential({ layers: [dense(6, 1, [6]), dense(6, 2), dense(3, 3)] });
}

/** Steps on what is not frozen, as `fit` makes them. */
function trainWhatThaws(model: Model, optimizer: TfjsOptimizer, from: number, to: number): void {
  for (let k = from; k < to; k++) {
    const data = clouds(16, 6, k);
    const variables = model.trainableWeights.map(
      ({ name }) => tf.engine().registeredVariables[name],
    );
    optimizer.minimize(crossEntropy(model, data), false, variables);
    tf.dispose([data.x, data.y]);
  }
}

/** A model after some steps of an optimiser, and its state. */
async function saved(
  make: () => TfjsOptimizer,
  steps = 5,
): Promise<{ model: Model; optimizer: TfjsOptimizer; state: PlainState }> {
  const [model, optimizer] = [perceptron(), make()];
  train(model, optimizer, 0, steps);
  return { model, optimizer, state: await optimizer.exportState() };
}

onBackends(['wasm', 'cpu'], () => {
  test('a state waits for the first step as a copy', async () => {
    const { model, optimizer, state } = await saved(() => nysact(tf, NYSACT));
    const weights = model.getWeights().map((weight) => weight.clone());
    train(model, optimizer, 5, 9);
    const [copy, other] = [perceptron(6, 99), nysact(tf, NYSACT)];
    copy.setWeights(weights);
    const given = structuredClone(state);
    other.restoreState(given);
    for (const entry of Object.values(given.entries)) {
      if (typeof entry === 'number') continue;
      ('data' in entry ? entry.data : entry).fill(7);
    }
    Reflect.set(given.entries, 'steps', 40);
    Reflect.set(given.run, 'rank', 4);
    expect(other.iterations).toBe(5);
    const waiting = await other.exportState();
    expect(waiting).toEqual(state);
    Reflect.set(waiting.entries, 'steps', 40);
    expect(other.iterations).toBe(5);
    train(copy, other, 5, 9);
    expect(weightsOf(copy)).toEqual(weightsOf(model));
    tf.dispose(weights);
    for (const one of [model, copy, optimizer, other]) one.dispose();
  });

  test('what cannot be a state is refused before the first step', async () => {
    const { model, optimizer, state } = await saved(() => adam(tf), 1);
    const other = adam(tf);
    const changed = (entries: object): PlainState => ({
      ...state,
      entries: { ...state.entries, ...entries },
    });
    const refused: readonly (readonly [PlainState, RegExp])[] = [
      [changed({ steps: -1 }), /steps is -1, expected an integer >= 0/],
      [changed({ steps: 0.5 }), /steps is 0.5, expected an integer >= 0/],
      [changed({ steps: Number.NaN }), /'steps' is NaN, expected a finite number/],
      [changed({ extra: JSON.parse('"text"') }), /'extra' is 'text'/],
      [{ ...state, version: 99 }, /of version 99, expected/],
      [JSON.parse('{ "version": 1, "run": {} }'), /expected what exportState gave/],
      [JSON.parse(JSON.stringify(state)), /holds no typed array|expected an Int32Array/],
    ];
    for (const [bad, message] of refused) {
      expect(() => other.restoreState(bad)).toThrow(message);
      expect(other.iterations).toBe(0);
    }
    for (const one of [model, optimizer, other]) one.dispose();
  });

  describe('a state of another run is refused by the first difference, and taken with accept:', () => {
    const sgdOptions = { learningRate: 0.05, momentum: 0.9 } as const;
    test.each([
      {
        name: 'damping',
        from: () => nysact(tf, NYSACT),
        to: () => nysact(tf, { ...NYSACT, damping: 0.5 }),
        message: 'damping of the saved run is 1, expected 0.5',
      },
      {
        name: 'seed',
        from: () => nysact(tf, NYSACT),
        to: () => nysact(tf, { ...NYSACT, seed: 6 }),
        message: 'seed of the saved run is 5, expected 6',
      },
      {
        name: 'momentum',
        from: () => sgd(tf, sgdOptions),
        to: () => sgd(tf, { ...sgdOptions, momentum: 0.5 }),
        message: 'momentum of the saved run is 0.9, expected 0.5',
      },
      {
        name: 'learningRate',
        from: () => kfac(tf),
        to: () => kfac(tf, { learningRate: 0.01 }),
        message: 'learningRate of the saved run is 0.1, expected 0.01',
      },
    ])('$name', async ({ name, from, to, message }) => {
      const { model, optimizer, state } = await saved(from);
      const [waiting, running] = [to(), to()];
      waiting.restoreState(state);
      const before = weightsOf(model);
      expect(() => train(model, waiting, 5, 6)).toThrow(message);
      expect(() => train(model, waiting, 5, 6)).toThrow(`accept: ['${name}']`);
      expect(weightsOf(model)).toEqual(before);
      train(model, running, 0, 1);
      expect(() => running.restoreState(state)).toThrow(message);
      expect(running.iterations).toBe(1);
      running.restoreState(state, { accept: [name] });
      expect(running.iterations).toBe(5);
      waiting.restoreState(state, { accept: [name] });
      train(model, waiting, 5, 6);
      expect(waiting.iterations).toBe(6);
      for (const one of [model, optimizer, waiting, running]) one.dispose();
    });

    test('another method', async () => {
      const { model, optimizer, state } = await saved(() => adamw(tf));
      const other = nysact(tf, NYSACT);
      other.restoreState(state);
      expect(() => train(model, other, 5, 6)).toThrow(
        /nysact: the restored state is not of this model/,
      );
      for (const one of [model, optimizer, other]) one.dispose();
    });
  });

  test('a model with a layer frozen names the way out at the first step', async () => {
    const { model, optimizer, state } = await saved(() => nysact(tf, NYSACT));
    const other = nysact(tf, NYSACT);
    other.restoreState(state);
    model.layers[1].trainable = false;
    const variables = model.trainableWeights.map(
      ({ name }) => tf.engine().registeredVariables[name],
    );
    const data = clouds(16);
    const step = () => other.minimize(crossEntropy(model, data), false, variables);
    const { numTensors } = tf.memory();
    for (let again = 0; again < 2; again++) {
      expect(step).toThrow(
        /nysact: the restored state is not of this model \(restoreState: parameters of the saved run .*: train the same layers as when it was saved, or call dispose\(\) to start anew/,
      );
    }
    expect(tf.memory().numTensors).toBe(numTensors);
    other.dispose();
    step();
    expect(other.iterations).toBe(1);
    tf.dispose([data.x, data.y]);
    for (const one of [model, optimizer, other]) one.dispose();
  });

  test.each([
    ['sgd', () => sgd(tf, { momentum: 0.9 })],
    ['adam', () => adam(tf)],
    ['kfac', () => kfac(tf, { refreshEvery: 2, momentum: 0.9 })],
    ['nysact', () => nysact(tf, NYSACT)],
  ] as const)(
    '%s: a layer that was frozen at first is saved where the model has it',
    async (_, make) => {
      const [model, optimizer, copy, other] = [twins(), make(), twins(), make()];
      model.layers[0].trainable = false;
      trainWhatThaws(model, optimizer, 0, 3);
      model.layers[0].trainable = true;
      trainWhatThaws(model, optimizer, 3, 6);
      copy.setWeights(model.getWeights());
      other.restoreState(await optimizer.exportState());
      trainWhatThaws(model, optimizer, 6, 10);
      trainWhatThaws(copy, other, 6, 10);
      expect(weightsOf(copy)).toEqual(weightsOf(model));
      for (const one of [model, copy, optimizer, other]) one.dispose();
    },
  );

  test('a copy is of the moment of the call, and steps go on meanwhile', async () => {
    const { model, optimizer } = await saved(() => nysact(tf, NYSACT), 3);
    const copy = optimizer.exportState();
    const weights = weightsOf(model);
    train(model, optimizer, 3, 4);
    const { entries } = await copy;
    expect(entries.steps).toBe(3);
    expect(weightsOf(model)).not.toEqual(weights);
    for (const one of [model, optimizer]) one.dispose();
  });
});
