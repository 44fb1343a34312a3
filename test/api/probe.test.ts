// Every export and every public method is called with bad arguments: all are refused in words of ours.

import { describe, expect, test } from 'vitest';
import { backends } from './probe/backends.js';
import { matrices } from './probe/matrices.js';
import { probe, type Routine } from './probe/probe.js';
import { sketches } from './probe/sketches.js';
import { training } from './probe/training.js';

const ROUTINES: readonly Routine[] = [...matrices, ...sketches, ...backends, ...training];

describe('bad arguments are refused by name, with nothing changed', () => {
  test.each(ROUTINES.map((routine) => [routine.name, routine] as const))('%s', async (_, routine) => {
    const { calls, problems } = await probe(routine);
    process.env.PROBE_COUNT === undefined || console.log(routine.name, calls);
    expect(problems).toEqual([]);
  });
});
