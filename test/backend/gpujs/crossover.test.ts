// The crossover: products timed with their transfers, and the side from which the device stays ahead.

import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/backend/backend.js';
import { measureCrossover } from '../../../src/backend/gpujs/index.js';
import { asyncBackend } from '../../support/backends.js';

/** A clock that work moves, and a device that takes `times[side]` for a product of that side. */
function timed(times: Readonly<Record<number, number>>) {
  let time = 0;
  const cpu = asyncBackend('float32');
  const device: Backend<'float32'> = {
    ...cpu,
    // Enqueued at once, as on a real device, and waited for by the read.
    read(A) {
      time += times[A.rows];
      return cpu.read(A);
    },
  };
  // Every look at the clock costs one: the CPU, whose products move it not at all, takes one.
  return { device, clock: () => time++ };
}

// Large enough that one product is a sample.
const SIDES = [256, 264, 272, 280];
const of = (...times: readonly number[]) =>
  Object.fromEntries(SIDES.map((side, k) => [side, times[k]]));

describe('the device pays', () => {
  test.each([
    ['from the first side on', of(-0.5, -0.5, -0.5, -0.5), 256 ** 3],
    ['from where it is ahead for good', of(-0.5, 5, -0.5, -0.5), 272 ** 3],
    ['never, where it is behind in the end', of(-0.5, -0.5, -0.5, 1e6), Number.POSITIVE_INFINITY],
    ['never, where it is as fast', of(0, 0, 0, 0), Number.POSITIVE_INFINITY],
    ['never, where a time is NaN', of(1, 1, 1, Number.NaN), Number.POSITIVE_INFINITY],
  ])('%s', async (_, times, expected) => {
    const { device, clock } = timed(times);
    const { multiplyAdds } = await measureCrossover(device, { clock, sides: SIDES, budget: 1e9 });
    expect(multiplyAdds).toBe(expected);
  });
});

test('reading is part of the time, and launching alone none of it', async () => {
  const { device, clock } = timed(of(100, 100, 100, 100));
  const { rows } = await measureCrossover(device, { clock, sides: SIDES, budget: 1 });
  expect(rows).toEqual([{ side: 256, cpu: 1, device: 101 }]);
});

test('no product is begun once the budget is used up', async () => {
  const { device, clock } = timed(of(100, 300, 1, 1));
  const { rows } = await measureCrossover(device, { clock, sides: SIDES, budget: 1000 });
  expect(rows.map(({ side }) => side)).toEqual([256, 264]);
});

test.each([0, -1, Number.NaN])('a budget of %d is refused', async (budget) => {
  await expect(measureCrossover(asyncBackend('float32'), { budget })).rejects.toThrow(
    `measureCrossover: budget is ${budget}, expected a finite number > 0`,
  );
});

test('a side that is none is refused', async () => {
  await expect(measureCrossover(asyncBackend('float32'), { sides: [8, 0] })).rejects.toThrow(
    'measureCrossover: sides is 0, expected an integer >= 1',
  );
});
