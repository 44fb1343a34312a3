// Slots of a scope are freed, all of them and once, however the work ends.

import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { withSlots } from '../../src/backend/scope.js';
import { countingBackend } from '../support/backends.js';
import { build } from '../support/matrices.js';

test('what work returns comes back, and its slots are freed', () => {
  const backend = countingBackend('float64');
  const sum = withSlots(backend, ({ allocate, upload }) => {
    const A = upload(build(2, 3, (i, j) => 1 + i + j));
    const s = allocate(1, 1);
    backend.dot(1, A, A, 0, s);
    expect(backend.count.live).toBe(2);
    return backend.readSync?.(s).at(0, 0);
  });
  expect(sum).toBe(1 + 4 + 9 + 4 + 9 + 16);
  expect(backend.count.live).toBe(0);
});

test('a slot that is kept outlives the scope', () => {
  const backend = countingBackend('float64');
  const kept = withSlots(backend, ({ allocate, keep }) => {
    allocate(3, 3);
    return keep(allocate(2, 2));
  });
  expect(backend.count.live).toBe(1);
  expect(backend.readSync?.(kept).rows).toBe(2);
});

test('slots are freed where work throws', () => {
  const backend = countingBackend('float64');
  const run = () =>
    withSlots(backend, ({ allocate }) => {
      allocate(1, 1);
      throw new Error('in the middle');
    });
  expect(run).toThrow('in the middle');
  expect(backend.count.live).toBe(0);
});

test('a slot that work freed itself does not cost the others', () => {
  const backend = countingBackend('float64');
  const run = () =>
    withSlots(backend, ({ allocate }) => {
      backend.free(allocate(1, 1));
      allocate(2, 2);
    });
  expect(run).toThrow(TypeError);
  expect(backend.count.live).toBe(0);
});

test('slots live until a Promise settles, either way', async () => {
  const backend = countingBackend('float64');
  const pending = withSlots(backend, async ({ allocate }) => {
    const A = allocate(1, 1);
    return (await backend.read(A)).at(0, 0);
  });
  expect(backend.count.live).toBe(1);
  expect(await pending).toBe(0);
  expect(backend.count.live).toBe(0);
  const failing = withSlots(backend, async ({ allocate }) => {
    allocate(1, 1);
    throw await Promise.resolve(new Error('later'));
  });
  await expect(failing).rejects.toThrow('later');
  expect(backend.count.live).toBe(0);
});

test('slots live until a Promise of another realm settles', async () => {
  const backend = countingBackend('float64');
  const elsewhere: unknown = runInNewContext('Promise.resolve(2)');
  expect(elsewhere).not.toBeInstanceOf(Promise);
  const foreign = withSlots(backend, ({ allocate }) => {
    allocate(1, 1);
    return elsewhere;
  });
  expect(backend.count.live).toBe(1);
  expect(await foreign).toBe(2);
  expect(backend.count.live).toBe(0);
});
