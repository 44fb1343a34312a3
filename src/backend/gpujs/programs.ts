// The compiled kernels of a device: one for each shape, the ones used last kept.

import type { GpuInstance } from './library.js';
import { Program } from './program.js';
import type { Source } from './sources.js';

/** Compiled kernels by what they compute. */
export class ProgramCache {
  readonly #gpu: GpuInstance;
  readonly #asynchronous: boolean;
  readonly #most: number;
  /** The least recently used comes first. */
  readonly #programs = new Map<string, Program>();

  /** Keeps at most `most`, and those besides whose outcomes still live. */
  constructor(gpu: GpuInstance, asynchronous: boolean, most: number) {
    this.#gpu = gpu;
    this.#asynchronous = asynchronous;
    this.#most = most;
  }

  get size(): number {
    return this.#programs.size;
  }

  /** The kernel for `source`, whose outcome stays on the device or is read. */
  of(source: Source, resident: boolean): Program {
    const key = `${resident ? 'run' : 'read'} ${source.key}`;
    const known = this.#programs.get(key);
    const program = known ?? new Program(this.#gpu, source, this.#asynchronous, resident);
    this.#programs.delete(key);
    this.#programs.set(key, program);
    if (known === undefined) this.#evict(program);
    return program;
  }

  #evict(newest: Program): void {
    for (const [key, program] of this.#programs) {
      if (this.#programs.size <= this.#most) return;
      if (program.live > 0 || program === newest) continue;
      this.#programs.delete(key);
      program.destroy();
    }
  }
}
