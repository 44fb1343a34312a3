// A team of threads on one shared memory.

import { type Instance, instantiate, sharedMemory } from '../wasm/instance.js';
import type { WasmModule } from '../wasm/platform.js';
import { runCall, type Team } from '../wasm/team.js';
import { Caller, createControl } from './control.js';
import { checkShareable, startThread, type Thread } from './threads.js';

/** Threads that have started, and the instance whose memory they share. */
export interface StartedTeam {
  readonly team: Team;
  readonly instance: Instance;
  readonly close: () => void;
}

/**
 * Starts `threads` − 1 workers beside the calling thread, on one memory.
 *
 * @throws (rejects) Error where memory cannot be shared or a worker does not start; those that did are
 *   ended then.
 */
export async function startTeam(
  module: WasmModule,
  threads: number,
  script: URL | undefined,
): Promise<StartedTeam> {
  checkShareable();
  const workers = threads - 1;
  const memory = sharedMemory();
  const instance = instantiate(module, memory);
  const control = createControl(workers);
  const started: Thread[] = [];
  try {
    for (let index = 0; index < workers; index++) {
      started.push(startThread({ module, memory, control, index }, script));
    }
    await Promise.all(started.map(({ ready }) => ready));
  } catch (error) {
    for (const thread of started) thread.end();
    throw error;
  }
  const caller = new Caller(control, workers);
  return {
    instance,
    team: {
      size: threads,
      run([own, ...others], work, stride) {
        if (own === undefined) return;
        if (others.length === 0) {
          runCall(instance.exports, own, work);
          return;
        }
        caller.start(others, work + stride, stride);
        runCall(instance.exports, own, work);
        caller.finish();
      },
    },
    close: () => {
      caller.close();
      for (const thread of started) thread.end();
    },
  };
}
