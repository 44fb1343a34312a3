// The refresh driver: what it survives, what it reports, and reads that arrive later.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { exportState, restoreState } from '../../src/backend/saved-state.js';
import { backendFrom } from '../../src/backend/slot-backend.js';
import {
  NonFiniteError,
  NotConvergedError,
  NotPositiveDefiniteError,
  PreconditionerError,
} from '../../src/core/errors.js';
import { RefreshDriver, type RefreshJob } from '../../src/precondition/refresh.js';
import { asyncBackend, gatedBackend, placeRounded, primitivesOf } from '../support/backends.js';
import { build } from '../support/matrices.js';
import { forbidUnhandledRejections, turn } from './rejections.js';

type F64 = 'float64';

forbidUnhandledRejections();

const refuse = () => {
  throw new TypeError('refused');
};

describe('the driver', () => {
  const sync = cpuBackend('float64');
  const slot = placeRounded(
    sync,
    build(2, 2, () => 1),
  );
  const good: RefreshJob<F64> = { reads: [], compute: () => () => {}, failed: () => {} };
  const failing = (error: unknown): RefreshJob<F64> => ({
    ...good,
    compute() {
      throw error;
    },
  });
  const breakdowns = [
    new NotPositiveDefiniteError(1, -1),
    new NotConvergedError('eigh', 30),
    new NonFiniteError('something'),
  ];

  test('reads first, computes from copies, then installs', () => {
    const driver = new RefreshDriver(sync, 'layer', 3);
    const order: unknown[] = [];
    driver.run({
      reads: [slot, slot],
      compute(matrices) {
        order.push(matrices.map((A) => A.toArrays()));
        matrices[0].set(0, 0, 5);
        return () => order.push('installed');
      },
      failed: () => order.push('failed'),
    });
    const ones = [
      [1, 1],
      [1, 1],
    ];
    expect(order).toEqual([[ones, ones], 'installed']);
    expect(sync.readSync(slot).toArrays()).toEqual(ones);
  });

  test('survives breakdowns, counts them, and gives up after so many in a row', () => {
    const driver = new RefreshDriver(sync, "layer 'conv'", 3);
    driver.run(failing(breakdowns[0]));
    driver.run(failing(breakdowns[1]));
    expect(driver.failures).toBe(2);
    driver.run(good);
    driver.run(failing(breakdowns[2]));
    driver.run(failing(breakdowns[1]));
    expect(driver.failures).toBe(4);
    const last = () => driver.run(failing(breakdowns[0]));
    expect(last).toThrow(PreconditionerError);
    expect(driver.failures).toBe(5);
    expect(last).toThrow(/^layer 'conv': the refresh broke down 4 times in a row: .*pivot 1/);
    driver.run(good);
    expect(() => driver.run(failing(breakdowns[0]))).not.toThrow();
  });

  test('names the cause', () => {
    const driver = new RefreshDriver(sync, 'layer', 1);
    let caught: unknown;
    try {
      driver.run(failing(breakdowns[0]));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(PreconditionerError);
    expect(caught).toMatchObject({ cause: breakdowns[0], failures: 1 });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'tells of what holds %d without computing from it',
    (bad) => {
      const driver = new RefreshDriver(sync, 'layer', 3);
      const broken = placeRounded(
        sync,
        build(2, 2, (i, j) => (i + j === 2 ? bad : 1)),
      );
      const finite: boolean[] = [];
      driver.run({
        ...failing(new Error('computed')),
        reads: [slot, broken],
        failed: (areFinite) => finite.push(areFinite),
      });
      driver.run({ ...failing(breakdowns[0]), failed: (areFinite) => finite.push(areFinite) });
      expect([finite, driver.failures]).toEqual([[false, true], 2]);
    },
  );

  test('counts a breakdown whatever becomes of it, and forgets none for what cannot be put in place', () => {
    const driver = new RefreshDriver(sync, 'layer', 3);
    expect(() => driver.run({ ...failing(breakdowns[0]), failed: refuse })).toThrow('refused');
    expect(driver.failures).toBe(1);
    expect(() => driver.run({ ...good, compute: () => refuse })).toThrow('refused');
    expect(driver.state.map(({ holds }) => ('value' in holds ? holds.value : undefined))).toEqual([
      1, 1,
    ]);
  });

  test('what is no breakdown is thrown as it is, and not counted', async () => {
    const misuse = new RangeError('a wrong shape');
    const driver = new RefreshDriver(sync, 'layer', 1);
    expect(() => driver.run(failing(misuse))).toThrow(misuse);
    expect(driver.failures).toBe(0);
    const later = new RefreshDriver(asyncBackend('float64'), 'layer', 1);
    later.run(failing(misuse));
    await expect(later.flush()).rejects.toBe(misuse);
    await later.flush();
  });

  test('an error that came later surfaces once, at the next run or at a flush', async () => {
    const driver = new RefreshDriver(asyncBackend('float64'), 'layer', 1);
    driver.run(failing(breakdowns[0]));
    expect(driver.inFlight).toBeDefined();
    await turn();
    expect(driver.inFlight).toBeUndefined();
    let computed = 0;
    const counting = { ...good, compute: () => () => computed++ };
    expect(() => driver.run(counting)).toThrow(PreconditionerError);
    await turn();
    expect(computed).toBe(0);
    driver.run(counting);
    await driver.flush();
    expect(computed).toBe(1);
  });

  test('a read that fails surfaces like any error', async () => {
    const lost = new Error('the device is lost');
    const backend = backendFrom({
      ...primitivesOf(cpuBackend('float64')),
      read: () => Promise.reject(lost),
    });
    const driver = new RefreshDriver(backend, 'layer', 1);
    driver.run({ ...good, reads: [backend.allocate(1, 1)] });
    await expect(driver.flush()).rejects.toBe(lost);
    expect(driver.inFlight).toBeUndefined();
  });

  test('the counts are state: a restored driver gives up when the original would have', async () => {
    const [original, copy] = [1, 2].map(() => new RefreshDriver(sync, 'layer', 3));
    for (const error of [breakdowns[0], undefined, breakdowns[1], breakdowns[2]]) {
      original.run(error === undefined ? good : failing(error));
    }
    restoreState(sync, {}, copy.state, await exportState(sync, {}, original.state));
    expect(copy.failures).toBe(3);
    expect(() => copy.run(failing(breakdowns[0]))).toThrow(PreconditionerError);
    const saved = await exportState(sync, {}, copy.state);
    for (const name of Object.keys(saved.entries)) {
      const entries = { ...saved.entries, [name]: -1 };
      const restore = () => restoreState(sync, {}, copy.state, { ...saved, entries });
      expect(restore).toThrow(`restoreState: entry '${name}' is -1, expected an integer >= 0`);
    }
  });

  test('abandoning lets go of what is in flight, and of an error that nobody has seen', async () => {
    const { backend, close, open } = gatedBackend('float64');
    const driver = new RefreshDriver(backend, 'layer', 1);
    let installed = 0;
    const reads = [backend.allocate(1, 1)];
    const counting = { ...good, reads, compute: () => () => installed++ };

    const release = close();
    driver.run(counting);
    driver.abandon();
    expect(driver.inFlight).toBeUndefined();
    open();
    driver.run(counting);
    release();
    await driver.flush();
    await turn();
    expect(installed).toBe(1);

    driver.run(failing(breakdowns[0]));
    await turn();
    driver.abandon();
    await driver.flush();
    expect(() => driver.run(good)).not.toThrow();
  });
});
