// The timer of all benchmarks, on a clock that nothing but the work moves.

import { describe, expect, test } from 'vitest';
import { timeAsync, timeInTurn, timeWork, type Work } from '../../bench/measure/timing.js';

/** A clock, and work whose k-th call moves it by `costs(k)` milliseconds. */
function scripted() {
  let time = 0;
  const calls: string[] = [];
  const work = (name: string, costs: (k: number) => number): Required<Work> => {
    let k = 0;
    return {
      // Takes time too, which must not count.
      prepare: () => {
        calls.push(`prepare ${name}`);
        time += 1000;
      },
      run: () => {
        calls.push(name);
        time += costs(k++);
      },
    };
  };
  return { calls, work, now: () => time };
}

/** The costs of the first calls; later ones cost what the last of these does. */
const costs = (list: readonly number[]) => (k: number) => list[Math.min(k, list.length - 1)];

describe('timeWork', () => {
  test('prepares before every call, leaves warming up out, and ends when the budget is spent', () => {
    const { calls, work, now } = scripted();
    // 20 + 30 warm up; 10 + 20 + 40 < 100 ≤ 10 + 20 + 40 + 80, of median 30 and distances 20, 10, 10, 50.
    const timing = timeWork(work('A', costs([20, 30, 10, 20, 40, 80])), 100, now);
    expect(timing).toEqual({ median: 30, deviation: 15, samples: 4 });
    expect(calls).toEqual(Array.from({ length: 6 }, () => ['prepare A', 'A']).flat());
  });

  test('calls once what uses up the budget', () => {
    const { calls, work, now } = scripted();
    const timing = timeWork(work('A', costs([100, 1])), 100, now);
    expect(timing).toEqual({ median: 100, deviation: 0, samples: 1 });
    expect(calls).toEqual(['prepare A', 'A']);
  });

  test.each([false, true])('repeats what is short, prepared or not: %s', (prepared) => {
    const { calls, work, now } = scripted();
    const { run, prepare } = work('A', costs([4]));
    const timing = timeWork(prepared ? { run, prepare } : { run }, 40, now);
    // Three calls a sample, 12 ms, so that four of them spend the budget; and three to warm up.
    expect(timing).toEqual({ median: 4, deviation: 0, samples: 4 });
    expect(calls.filter((name) => name === 'A')).toHaveLength(3 + 4 * 3);
  });
});

describe('timeInTurn', () => {
  test('samples every work once a round, as many rounds as were asked for', () => {
    const { calls, work, now } = scripted();
    const [a, b] = [work('A', costs([10, 20, 30, 40])), work('B', costs([100]))];
    const samples = timeInTurn([{ run: a.run }, { run: b.run }], { budget: 1, rounds: 3, now });
    expect(samples).toEqual([
      [20, 30, 40],
      [100, 100, 100],
    ]);
    expect(calls.join('')).toBe('ABABABAB');
  });

  test('goes on past the rounds while the budget lasts', () => {
    const { work, now } = scripted();
    const { run } = work('A', costs([10]));
    const [samples] = timeInTurn([{ run }], { budget: 100, rounds: 3, now });
    expect(samples).toHaveLength(10);
  });
});

describe('timeAsync', () => {
  test('waits for every call, leaves the first out, and takes one at least', async () => {
    const { calls, work, now } = scripted();
    const { run } = work('A', costs([50, 7]));
    const timing = await timeAsync(async () => run(), 1, now);
    expect(timing).toEqual({ median: 7, deviation: 0, samples: 1 });
    expect(calls).toEqual(['A', 'A']);
  });
});
