// A team of threads on one shared memory.

import { type Instance, instantiate, sharedMemory } from '../wasm/instance.js';
import type { WasmModule } from '../wasm/platform.js';
import { runCall, type Team } from '../wasm/team.js';
import { Caller, createControl } from './control.js';
import { checkShareable, startThread, type Thread, type WorkerSource } from './threads.js';

/** Threads that have started, and the instance whose memory they share. */
export interface StartedTeam {
  readonly team: Team;
  readonly instance: Instance;
  readonly close: () => void;
}

/**
 * Starts `threads` − 1 workers beside the calling thread, on one memory. If one of them dies, or does not
 * answer, the team is closed and `onBroken` called; a call that waits for it throws a Refusal.
 *
 * @throws (rejects) Error where memory cannot be shared or a worker does not start; those that did are
 *   ended then.
 */
export async function startTeam(
  module: WasmModule,
  threads: number,
  source: WorkerSource | undefined,
  onBroken: () => void,
): Promise<StartedTeam> {
  checkShareable();
  const workers = threads - 1;
  const memory = sharedMemory();
  const instance = instantiate(module, memory);
  const control = createControl(workers);
  const caller = new Caller(control, workers);
  const started: Thread[] = [];
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    caller.close();
    for (const thread of started) thread.end();
  };
  const breakUp = (): void => {
    if (closed) return;
    close();
    onBroken();
  };
  try {
    for (let index = 0; index < workers; index++) {
      started.push(startThread({ module, memory, control, index, workers }, source, breakUp));
    }
    await Promise.all(started.map(({ ready }) => ready));
  } catch (error) {
    close();
    throw error;
  }
  return {
    instance,
    close,
    team: {
      size: threads,
      run([own, ...others], work, stride) {
        if (own === undefined) return;
        if (others.length === 0) {
          runCall(instance.exports, own, work);
          return;
        }
        caller.offer(others, work + stride, stride);
        try {
          runCall(instance.exports, own, work);
        } finally {
          // Whatever became of the caller's own part: nobody may write any more when this returns.
          finish(work);
        }
      },
    },
  };

  function finish(work: number): void {
    try {
      caller.finish((call) => runCall(instance.exports, call, work));
    } catch (error) {
      breakUp();
      throw error;
    }
  }
}
