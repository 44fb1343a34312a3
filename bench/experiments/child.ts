// The process of one run: is sent it, sends its steps and what came out.

import { openDevice } from './device.js';
import type { Answer } from './engine/processes.js';
import { perform, type Work } from './engine/work.js';

/** Milliseconds between two steps that are told. */
const QUIET = 200;

// When nobody is left to hear of the result. A step in between may be told to nobody before that is known.
process.on('disconnect', () => process.exit());
process.once('message', (work: Work) => {
  void carryOut(work);
});

async function carryOut(work: Work): Promise<void> {
  const answer = await answerTo(work);
  process.send?.(answer, () => process.disconnect());
}

async function answerTo(work: Work): Promise<Answer> {
  try {
    const { tf } = await openDevice(work.backend);
    let told = Number.NEGATIVE_INFINITY;
    const outcome = await perform(tf, work, (step, loss) => {
      if (performance.now() - told < QUIET) return;
      told = performance.now();
      const news: Answer = { kind: 'step', step, loss };
      process.send?.(news, (error: Error | null) => {
        if (error !== null) process.exit();
      });
    });
    return { kind: 'outcome', outcome };
  } catch (error) {
    return { kind: 'failure', message: error instanceof Error ? error.message : String(error) };
  }
}
