// Every export and every public method is called with bad arguments: all are refused in words of ours.

import { describe, expect, test } from 'vitest';
import { tf } from '../tfjs/backends.js';
import { ENTRANCES } from './entrances.js';
import { backends } from './probe/backends.js';
import { hosts } from './probe/hosts.js';
import { matrices } from './probe/matrices.js';
import { isCallable, probe, type Routine } from './probe/probe.js';
import { sketches } from './probe/sketches.js';
import { training } from './probe/training.js';

const ROUTINES: readonly Routine[] = [...matrices, ...sketches, ...backends, ...training, ...hosts];
const NAMES = new Set(ROUTINES.map(({ name }) => name));

/** What is not probed, and why. */
const REASONS: Readonly<Record<string, string>> = {
  'DenseMatrix.at': 'element access is documented as not bounds-checked',
  'DenseMatrix.set': 'element access is documented as not bounds-checked',
  DivergenceError: 'errors are made by the library',
  InaccurateInverseError: 'errors are made by the library',
  NonFiniteError: 'errors are made by the library',
  NotConvergedError: 'errors are made by the library',
  NotPositiveDefiniteError: 'errors are made by the library',
  PreconditionerError: 'errors are made by the library',
  GpuContextLostError: 'errors are made by the library',
  GpuDisposedError: 'errors are made by the library',
  GpuFallbackError: 'errors are made by the library',
  GpuPrecisionError: 'errors are made by the library',
  GpuUnavailableError: 'errors are made by the library',
  '*.hold': 'it is protected',
  '*.contentOf': 'it is protected',
  Workspace: 'its constructor takes nothing',
  'Pool.close': 'it takes nothing, and threads would have to start for it: test/kernels/pool',
};

describe('bad arguments are refused by name, with nothing changed', () => {
  test.each(ROUTINES.map((routine) => [routine.name, routine] as const))(
    '%s',
    async (_, routine) => {
      const { calls, problems } = await probe(routine);
      expect(calls).toBeGreaterThanOrEqual(Object.keys(routine.kinds).length);
      expect(problems).toEqual([]);
    },
  );
});

describe('the probe', () => {
  test.each(Object.entries(ENTRANCES))('has every export of %s', async (entrance, file) => {
    const module: object = await import(/* @vite-ignore */ file);
    const called = Object.entries(module).filter(([, value]) => isCallable(value));
    const missing = called
      .map(([name]) => name)
      .filter((name) => !(isProbed(name) || isProbed(`${entrance.slice(7)}.${name}`)));
    expect(called.length).toBeGreaterThan(0);
    expect(missing).toEqual([]);
  });

  test('has every method of the objects that it makes', async () => {
    const missing = new Set<string>();
    for (const { name: title, make } of ROUTINES) {
      const object = title.slice(0, title.lastIndexOf('.'));
      const { self } = await make();
      for (const name of self === undefined ? [] : methodsOf(self)) {
        if (!isProbed(`${object}.${name}`) && !isProbed(`*.${name}`))
          missing.add(`${object}.${name}`);
      }
    }
    expect([...missing]).toEqual([]);
  });

  test('leaves out nothing without a reason that still holds', () => {
    expect(Object.keys(REASONS).filter((name) => NAMES.has(name))).toEqual([]);
  });
});

function isProbed(name: string): boolean {
  return NAMES.has(name) || Object.hasOwn(REASONS, name);
}

/** What can be called or set on an object, of its own and by its classes, but for those of TensorFlow.js. */
function methodsOf(object: object): string[] {
  const names = new Set<string>();
  const ends: unknown[] = [null, Object.prototype, tf.Optimizer.prototype];
  for (let level: object = object; !ends.includes(level); level = Object.getPrototypeOf(level)) {
    for (const [name, found] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      const settable = 'set' in found && found.set !== undefined;
      if (name !== 'constructor' && (isCallable(found.value) || settable)) names.add(name);
    }
  }
  return [...names];
}
