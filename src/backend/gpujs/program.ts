// A compiled kernel, and how many of its outcomes still live.

import { GpuFallbackError } from './errors.js';
import type { GpuInstance, GpuKernel } from './library.js';
import type { Source } from './sources.js';

/** What a kernel takes: textures, numbers, and elements to upload. */
export type Operand = object | number;

/** One compiled kernel. Compiling happens at the first run, in GPU.js. */
export class Program {
  readonly #kernel: GpuKernel;
  readonly #asynchronous: boolean;
  /** The end of the first call, which compiles, and moves the kernel to another device if it must. */
  #compiled: Promise<void> | undefined;
  readonly bytes: number;
  /** Outcomes that have not been released: a kernel must outlive them, as they are freed through it. */
  live = 0;

  /** `asynchronous`: calls answer with a Promise; `resident`: the outcome stays on the device. */
  constructor(gpu: GpuInstance, source: Source, asynchronous: boolean, resident: boolean) {
    this.bytes = 4 * source.rows * source.cols;
    this.#asynchronous = asynchronous;
    this.#kernel = gpu.createKernel(source.text, {
      output: [source.cols, source.rows],
      // Without `immutable`, every call of a resident kernel would return the same texture.
      pipeline: resident,
      immutable: resident,
      asyncMode: asynchronous,
      precision: 'single',
      // The other tactics choose 16 bits where they think that enough.
      tactic: 'precision',
      // Would replace the division of whole numbers by another one.
      fixIntegerDivisionAccuracy: false,
    });
  }

  /** The outcome, or a Promise of it. Later calls wait for the first: GPU.js confuses those that do not. */
  run(operands: readonly Operand[]): unknown {
    if (!this.#asynchronous) return this.#call(operands);
    if (this.#compiled !== undefined) return this.#compiled.then(() => this.#call(operands));
    const outcome = Promise.resolve(this.#call(operands));
    this.#compiled = outcome.then(ignore, ignore);
    return outcome;
  }

  #call(operands: readonly Operand[]): unknown {
    return Reflect.apply(this.#kernel, undefined, [...operands]);
  }

  /** What runs it, known after the first run: webgpu, webasm, cpu, or gpu for every kind of GL. */
  get kind(): string {
    const { constructor: kind } = this.#kernel.kernel;
    return 'mode' in kind ? String(kind.mode) : 'unknown';
  }

  /** @throws GpuFallbackError if it ran elsewhere than on `kind`. */
  checkKind(kind: string): void {
    const ran = this.kind;
    if (ran === kind) return;
    const { kernel } = this.#kernel;
    const reason = 'fallbackReason' in kernel ? String(kernel.fallbackReason) : 'no reason given';
    throw new GpuFallbackError(kind, ran, reason);
  }

  destroy(): void {
    this.#kernel.destroy();
  }
}

/** The caller of the first run gets its failure. */
function ignore(): void {}
