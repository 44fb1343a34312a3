// The contract that every optimiser keeps, in both dtypes, on backends that read at once and later.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { AsyncEngine, Engine } from '../../src/backend/backend.js';
import type { Slot } from '../../src/backend/slot.js';
import type { DType } from '../../src/core/dtype.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { descend } from '../../src/optimize/transforms.js';
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
  readonly outputGradients: boolean;
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
        const inputs = cadence !== undefined && k % cadence.observeEvery === 0;
        const outputGradients = inputs && cadence.outputGradients;
        expect(run.optimizer.needs).toEqual({ inputs, outputGradients });
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
        expect(faults.length).toBeGreaterThanOrEqual(cadence === undefined ? 15 : 27);
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
              run.optimizer.step(good.gradients, good.parameters, good.observations);
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

      test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])(
        'a learning rate of %d',
        async (eta) => {
          let rate = 1;
          const run = start(
            cpuBackend(dtype),
            chain(
              make(),
              descend(() => rate),
            ),
          );
          take(run, provide(run, randomPass(run, 1)));
          const good = { ...provide(run, randomPass(run, 1)), parameters: run.parameters };
          rate = eta;
          await expectRefusal(run, good, good, `the schedule gives ${eta}`);
        },
      );

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

    test('its state is counted in bytes', async () => {
      const { optimizer } = begin();
      const bytes = Object.values(await optimizer.exportState()).reduce<number>(
        (sum, value) => sum + (typeof value === 'number' ? 0 : value.data.byteLength),
        0,
      );
      expect(optimizer.stateBytes).toBe(bytes);
    });

    test('frees all that it has allocated', async () => {
      const { backend, live } = counting(cpuBackend(dtype));
      const run = start(backend, make());
      await train(run, STEPS);
      run.optimizer.dispose();
      expect(live()).toBe(run.parameters.length);
    });

    describe('on an backend that reads later', () => {
      test('a flushed run does not depend on how long a read takes', async () => {
        const [soon, late] = [1, 5].map((turns) => start(later(dtype, turns), make()));
        await train(soon, STEPS);
        await train(late, STEPS);
        expect(await everything(late)).toEqual(await everything(soon));
      });

      test('a flushed run is that of reads at once, each refresh taking effect a step later', async () => {
        const [sync, eventual] = [begin(), start(later(dtype, 2), make())];
        for (let k = 0; k < STEPS; k++) {
          // A gradient of zero cannot tell the inverse before a refresh from the one after it.
          const scale = cadence !== undefined && k % refreshEvery === 0 ? 0 : 1;
          for (const run of [sync, eventual]) {
            take(run, provide(run, randomPass(run, k, scale)));
            await run.optimizer.flush();
          }
        }
        expect(await everything(eventual)).toEqual(await everything(sync));
      });

      test('its state is exported with what is in flight', async () => {
        const [flushed, eager] = [1, 3].map((turns) => start(later(dtype, turns), make()));
        for (const run of [flushed, eager]) take(run, provide(run, randomPass(run, 3)));
        const exported = await eager.optimizer.exportState();
        await flushed.optimizer.flush();
        expect(stateBits(exported)).toEqual(stateBits(await flushed.optimizer.exportState()));
      });

      test('what is in flight does not reach a state that is restored meanwhile', async () => {
        const run = start(later(dtype, 2), make());
        await train(run, refreshEvery);
        const saved = await run.optimizer.exportState();
        take(run, provide(run, randomPass(run, 3)));
        run.optimizer.restoreState(saved);
        expect(stateBits(await run.optimizer.exportState())).toEqual(stateBits(saved));
      });

      test('it can be disposed of while a read is in flight', async () => {
        const { backend, live } = counting(later(dtype, 2));
        const run = start(backend, make());
        take(run, provide(run, randomPass(run, 3)));
        run.optimizer.dispose();
        await run.optimizer.flush().catch(() => undefined);
        expect(live()).toBe(run.parameters.length);
      });
    });
  });
}

async function expectRefusal<D extends DType>(
  run: Training<D>,
  good: StepArguments<D>,
  bad: StepArguments<D>,
  fault: string,
): Promise<void> {
  const { backend, optimizer } = run;
  const before = [await everything(run), await bitsOf(backend, good.gradients)];
  const step = () => optimizer.step(bad.gradients, bad.parameters, bad.observations);
  expect(step, fault).toThrow(/: .*(expected|freed|another backend)/);
  expect([await everything(run), await bitsOf(backend, good.gradients)], fault).toEqual(before);
}

/** The host's backend with reads that take so many turns of the event loop. */
function later<D extends DType>(dtype: D, turns: number): AsyncBackend<D> {
  const backend = asyncBackend(dtype);
  return {
    ...backend,
    async read(A): Promise<DenseMatrix<D>> {
      const content = await backend.read(A);
      for (let turn = 1; turn < turns; turn++) await new Promise((done) => setImmediate(done));
      return content;
    },
  };
}

/** The backend, and how many of the slots that it has handed out are in use. */
function counting<D extends DType>(
  backend: Backend<D>,
): { readonly backend: Backend<D>; readonly live: () => number } {
  const live = new Set<Slot<D>>();
  const counted: Backend<D> = {
    ...backend,
    allocate(rows, cols) {
      const A = backend.allocate(rows, cols);
      live.add(A);
      return A;
    },
    free(A) {
      backend.free(A);
      live.delete(A);
    },
  };
  return { backend: counted, live: () => live.size };
}
