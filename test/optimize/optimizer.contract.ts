// The contract that every optimiser keeps, in both dtypes, on backends that read at once and later.

import { describe, expect, test } from 'vitest';
import type { Backend, Slot, Take } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import type { Transform } from '../../src/optimize/transform.js';
import { asyncBackend } from '../support/backends.js';
import { faultyStates, faultySteps, type StepArguments } from './refusals.js';
import {
  bitsOf,
  everything,
  LINEAR,
  NETWORK,
  provide,
  randomPass,
  start,
  stateBits,
  type Training,
  take,
  train,
} from './training.js';

/** What the contract must know of an optimiser that looks at layers. */
export interface Cadence {
  readonly observeEvery: number;
  readonly refreshEvery: number;
  readonly inputs: boolean;
  readonly outputGradients: boolean;
  /** Where it uses curvature. */
  readonly curvatureEvery?: number;
}

/** Long enough for every cadence to come round more than twice. */
const STEPS = 9;

/** The laws of an optimiser; its learning rate must suit the tasks of training.ts. */
export function optimizerContract(name: string, make: () => Transform, cadence?: Cadence): void {
  const refreshEvery = cadence?.refreshEvery ?? 3;

  describe.each(['float64', 'float32'] as const)(`${name}, %s`, (dtype) => {
    const begin = () => start(cpuBackend(dtype), make());

    test.each([
      ['a convex quadratic', LINEAR],
      ['the loss of a network', NETWORK],
    ])('decreases %s to a tenth', async (_, widths) => {
      const losses = await train(start(cpuBackend(dtype), make(), widths), 150);
      expect(losses[149]).toBeLessThanOrEqual(losses[0] / 10);
    });

    test('is deterministic', async () => {
      const runs = [begin(), begin()];
      for (const run of runs) await train(run, STEPS);
      expect(await everything(runs[0])).toEqual(await everything(runs[1]));
      expect(await everything(runs[0])).not.toEqual(await everything(begin()));
    });

    test('gradients of zero do not move parameters of zero', async () => {
      const run = begin();
      for (const theta of run.parameters) {
        run.backend.write(theta, zeros(dtype, theta.rows, theta.cols));
      }
      for (let k = 0; k < STEPS; k++) take(run, provide(run, randomPass(run, k, 0)));
      for (const theta of run.parameters) {
        const { data } = await run.backend.read(theta);
        expect(data.every((x) => x === 0)).toBe(true);
      }
    });

    test('needs what its cadence says', () => {
      const run = begin();
      for (let k = 0; k < STEPS; k++) {
        const observes = cadence !== undefined && k % cadence.observeEvery === 0;
        const inputs = observes && cadence.inputs;
        const outputGradients = observes && cadence.outputGradients;
        const every = cadence?.curvatureEvery;
        const curvature = every !== undefined && k % every === 0;
        expect(run.optimizer.needs).toEqual({ inputs, outputGradients, curvature });
        take(run, provide(run, randomPass(run, k)));
      }
      expect(run.optimizer.steps).toBe(STEPS);
    });

    describe('refuses, with nothing changed,', () => {
      test('every step with a fault', async () => {
        const run = begin();
        // The coming step observes and refreshes.
        await train(run, refreshEvery);
        const good = { ...provide(run, randomPass(run, 1)), parameters: run.parameters };
        const faults = faultySteps(good, run.backend);
        expect(faults.length).toBeGreaterThanOrEqual(cadence?.inputs === true ? 21 : 13);
        for (const [fault, bad] of faults) await expectRefusal(run, good, bad, fault);
        take(run, good);
      });

      test('every step that could overflow: all others leave finite numbers', async () => {
        const digits = dtype === 'float32' ? 38 : 308;
        for (let exponent = 0; exponent < digits; exponent += digits / 38) {
          const run = begin();
          for (let k = 0; k < 4; k++) {
            const pass = randomPass(run, k, 10 ** exponent);
            const good = { ...provide(run, pass), parameters: run.parameters };
            const before = [await everything(run), await bitsOf(run.backend, good.gradients)];
            try {
              run.optimizer.step(good.gradients, good.parameters, good.observations, good.options);
            } catch (error) {
              expect(String(error)).toMatch(
                /^RangeError: .*gradients.* could reach .*, expected <= /,
              );
              const after = [await everything(run), await bitsOf(run.backend, good.gradients)];
              expect(after).toEqual(before);
            }
          }
          for (const theta of run.parameters) {
            const { data } = await run.backend.read(theta);
            expect(data.every(Number.isFinite), `θ at 1e${exponent}`).toBe(true);
          }
          // Refuses what is not finite.
          begin().optimizer.restoreState(await run.optimizer.exportState());
        }
      });

      test('a learning rate that is no finite number >= 0 of the dtype', async () => {
        const run = begin();
        take(run, provide(run, randomPass(run, 1)));
        const before = await everything(run);
        const large = dtype === 'float32' ? [1e39, 1e-46] : [];
        for (const eta of [Number.NaN, -1, -0.1, Number.POSITIVE_INFINITY, ...large]) {
          const set = () => {
            run.optimizer.learningRate = eta;
          };
          expect(set).toThrow(RangeError);
          expect(set).toThrow(
            `learningRate: the learning rate is ${eta}, expected a finite number >= 0`,
          );
          expect(await everything(run)).toEqual(before);
        }
      });

      test('every state with a fault', async () => {
        const [run, other] = [begin(), begin()];
        await train(run, 3);
        await train(other, STEPS);
        const saved = await other.optimizer.exportState();
        const before = await everything(run);
        for (const [fault, bad] of faultyStates(saved)) {
          expect(() => run.optimizer.restoreState(bad), fault).toThrow(/^restoreState: /);
          expect(await everything(run), fault).toEqual(before);
        }
        run.optimizer.restoreState(saved);
        expect(stateBits(await run.optimizer.exportState())).toEqual(stateBits(saved));
      });
    });

    test('its state goes through a clone into another one, which continues bit for bit', async () => {
      const [first, second] = [begin(), begin()];
      await train(first, STEPS);
      await train(second, 2);
      second.optimizer.restoreState(structuredClone(await first.optimizer.exportState()));
      for (const [i, theta] of first.parameters.entries()) {
        second.backend.write(second.parameters[i], await first.backend.read(theta));
      }
      await train(first, 20);
      await train(second, 20);
      expect(await everything(second)).toEqual(await everything(first));
    });

    test('a learning rate that is set holds from then on, whatever the schedule says', async () => {
      const run = begin();
      await train(run, 2);
      run.optimizer.learningRate = 0;
      expect(run.optimizer.learningRate).toBe(0);
      const still = await bitsOf(run.backend, run.parameters);
      await train(run, 2);
      expect(await bitsOf(run.backend, run.parameters)).toEqual(still);
      run.optimizer.learningRate = 0.02;
      const other = begin();
      other.optimizer.restoreState(await run.optimizer.exportState());
      expect(other.optimizer.learningRate).toBe(0.02);
      await train(run, 1);
      expect(await bitsOf(run.backend, run.parameters)).not.toEqual(still);
      // A state without it brings the schedule back.
      other.optimizer.restoreState(await begin().optimizer.exportState());
      expect(other.optimizer.learningRate).toBe(begin().optimizer.learningRate);
    });

    test('a state of another run is taken where the difference is accepted, and no other', async () => {
      const [run, other] = [begin(), begin()];
      await train(other, STEPS);
      const saved = await other.optimizer.exportState();
      const changed = { ...saved, run: { ...saved.run, learningRate: 7, parameters: 'others' } };
      const restore = (accept: readonly string[]) => () =>
        run.optimizer.restoreState(changed, { accept });
      const before = await everything(run);
      expect(restore(['parameters'])).toThrow(
        /^restoreState: learningRate of the saved run is 7, expected .* as in this one, or accept: \['learningRate'\]$/,
      );
      expect(restore(['learningRate'])).toThrow(/: parameters of the saved run is 'others'/);
      expect(restore(['parameters', 'learningRates'])).toThrow(
        /: accept names 'learningRates', expected some of /,
      );
      expect(await everything(run)).toEqual(before);
      restore(['learningRate', 'parameters'])();
      expect(stateBits(await run.optimizer.exportState())).toEqual(stateBits(saved));
    });

    test('its state is counted in bytes', async () => {
      const { optimizer } = begin();
      const { entries } = await optimizer.exportState();
      const bytes = Object.values(entries).reduce<number>(
        (sum, value) =>
          sum + (typeof value === 'object' && 'data' in value ? value.data.byteLength : 0),
        0,
      );
      expect(optimizer.stateBytes).toBe(bytes);
    });

    test('frees all that it has allocated, once, and cannot be used afterwards', async () => {
      const { backend, live } = counting(cpuBackend(dtype));
      const run = start(backend, make());
      await train(run, STEPS);
      const { optimizer } = run;
      const saved = await optimizer.exportState();
      const input = provide(run, randomPass(run, 1));
      optimizer.dispose();
      optimizer.dispose();
      for (const slot of input.gradients) backend.free(slot);
      for (const { X, D } of input.observations) {
        X.dispose();
        D?.dispose();
      }
      expect(live()).toBe(run.parameters.length);
      const step = () =>
        optimizer.step(input.gradients, run.parameters, input.observations, input.options);
      expect(step).toThrow(disposed('step'));
      expect(() => optimizer.restoreState(saved)).toThrow(disposed('restoreState'));
      await expect(optimizer.exportState()).rejects.toThrow(disposed('exportState'));
      await optimizer.flush();
    });

    describe('on a backend that reads later', () => {
      test('a flushed run does not depend on how long a read takes', async () => {
        const [soon, late] = [1, 5].map((turns) => start(asyncBackend(dtype, turns), make()));
        await train(soon, STEPS);
        await train(late, STEPS);
        expect(await everything(late)).toEqual(await everything(soon));
      });

      test('a flushed run is that of reads at once, each refresh taking effect a step later', async () => {
        const [sync, eventual] = [begin(), start(asyncBackend(dtype, 2), make())];
        // What looks at gradients alone has to see one before it has an inverse.
        take(eventual, provide(eventual, randomPass(eventual, 0)));
        await eventual.optimizer.flush();
        sync.optimizer.restoreState(await eventual.optimizer.exportState());
        for (const [i, theta] of eventual.parameters.entries()) {
          sync.backend.write(sync.parameters[i], await eventual.backend.read(theta));
        }
        for (let k = 1; k < STEPS; k++) {
          // A gradient of zero cannot tell the inverse before a refresh from the one after it.
          const scale = cadence !== undefined && k % refreshEvery === 0 ? 0 : 1;
          for (const run of [sync, eventual]) {
            take(run, provide(run, randomPass(run, k, scale)));
            await run.optimizer.flush();
          }
        }
        expect(await everything(eventual)).toEqual(await everything(sync));
      });

      test('an export is of the moment of the call, whatever is done before it is awaited', async () => {
        const [flushed, eager] = [1, 3].map((turns) => start(asyncBackend(dtype, turns), make()));
        // After the step that refreshes the read is in flight; the next one observes, or not.
        for (const run of [flushed, eager]) take(run, provide(run, randomPass(run, 3)));
        const exported = eager.optimizer.exportState();
        for (let k = 4; k < 7; k++) take(eager, provide(eager, randomPass(eager, k)));
        await flushed.optimizer.flush();
        const expected = stateBits(await flushed.optimizer.exportState());
        expect(stateBits(await exported)).toEqual(expected);
        expect(stateBits(await eager.optimizer.exportState())).not.toEqual(expected);
      });

      test('its state is exported with what is in flight', async () => {
        const [flushed, eager] = [1, 3].map((turns) => start(asyncBackend(dtype, turns), make()));
        for (const run of [flushed, eager]) take(run, provide(run, randomPass(run, 3)));
        const exported = await eager.optimizer.exportState();
        await flushed.optimizer.flush();
        expect(stateBits(exported)).toEqual(stateBits(await flushed.optimizer.exportState()));
      });

      test('what is in flight does not reach a state that is restored meanwhile', async () => {
        const run = start(asyncBackend(dtype, 2), make());
        await train(run, refreshEvery);
        const saved = await run.optimizer.exportState();
        take(run, provide(run, randomPass(run, 3)));
        run.optimizer.restoreState(saved);
        expect(stateBits(await run.optimizer.exportState())).toEqual(stateBits(saved));
      });

      test('it can be disposed of while a read is in flight', async () => {
        const { backend, live } = counting(asyncBackend(dtype, 2));
        const run = start(backend, make());
        take(run, provide(run, randomPass(run, 3)));
        run.optimizer.dispose();
        await run.optimizer.flush().catch(() => undefined);
        expect(live()).toBe(run.parameters.length);
      });
    });
  });
}

const disposed = (where: string) =>
  new TypeError(`${where}: the optimizer was disposed of, expected one in use`);

async function expectRefusal<D extends DType>(
  run: Training<D>,
  good: StepArguments<D>,
  bad: StepArguments<D>,
  fault: string,
): Promise<void> {
  const { backend, optimizer } = run;
  const before = [await everything(run), await bitsOf(backend, good.gradients)];
  const step = () => optimizer.step(bad.gradients, bad.parameters, bad.observations, bad.options);
  expect(step, fault).toThrow(/: .*(expected|freed|another backend)/);
  expect([await everything(run), await bitsOf(backend, good.gradients)], fault).toEqual(before);
}

/** The backend, and how many of the slots that it has handed out are in use; its scratch is its own. */
function counting<D extends DType>(
  backend: Backend<D>,
): { readonly backend: Backend<D>; readonly live: () => number } {
  const live = new Set<Slot<D>>();
  const allocate = backend.allocate.bind(backend);
  const free = backend.free.bind(backend);
  const borrow = backend.borrow.bind(backend);
  let lending = false;
  const counted = Object.assign(backend, {
    allocate(rows: number, cols: number) {
      const A = allocate(rows, cols);
      if (!lending) live.add(A);
      return A;
    },
    borrow(body: (lend: Take<D>) => void) {
      borrow((lend) => {
        body((rows, cols) => {
          lending = true;
          try {
            return lend(rows, cols);
          } finally {
            lending = false;
          }
        });
      });
    },
    free(A: Slot<D>) {
      free(A);
      live.delete(A);
    },
  });
  return { backend: counted, live: () => live.size };
}
