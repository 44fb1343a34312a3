// The last link of a chain: the step itself.

import { LearningRate } from './learning-rate.js';
import { asSchedule, type Schedule } from './schedules.js';
import type { Transform } from './transform.js';

/**
 * θ ← θ − η·u: the last link, which takes the step.
 *
 * @throws RangeError for a number that is not finite and ≥ 0; the step throws it where a schedule
 *   gives one.
 */
export function descend(learningRate: number | Schedule): Transform {
  const schedule = asSchedule('descend', learningRate);
  return {
    description: {
      learningRate: typeof learningRate === 'number' ? learningRate : 'a function',
    },
    schedule,
    init({ backend }) {
      const rate = new LearningRate(schedule, backend.dtype);
      return {
        state: [rate.entry()],
        learningRate: rate,
        bound: (updates, step) => updates.map((size) => step.learningRate * size),
        update(updates, step) {
          updates.forEach((u, index) => {
            backend.axpby(-step.learningRate, u, 1, step.parameters[index]);
          });
          return updates;
        },
      };
    },
  };
}
