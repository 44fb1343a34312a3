// One device: its compiled kernels, the order of its work, and what lives on it.

import { isTypedArray } from '../../core/dtype.js';
import { isPromiseLike } from '../../core/promise.js';
import { becomesLost, contextOf, isLost, largestEdge, modeOfGl } from './context.js';
import { GpuContextLostError, GpuDisposedError } from './errors.js';
import type { GpuInstance } from './library.js';
import type { Operand, Program } from './program.js';
import { ProgramCache } from './programs.js';
import { ImmediateQueue, PromiseQueue } from './queue.js';
import { copySource, oneSource, type Source, zeroSource } from './sources.js';
import { Grid, Texture, Tile } from './tiles.js';

/** Whether a device can be read at once, or answers later. */
export type Reading = 'sync' | 'async';

/** What lives on a device. */
export interface DeviceMemory {
  /** Matrices, or tiles of them. */
  readonly textures: number;
  /** Bytes of those textures. */
  readonly bytes: number;
  /** Compiled kernels; each keeps up to two textures of its own for the next call. */
  readonly kernels: number;
}

/** The rows of one tile. */
export type Rows = readonly Float32Array[];

/** Takes the rows of a tile whose first element is in row `top` and column `left` of the matrix. */
export type Place = (top: number, left: number, rows: Rows) => void;

/** How a device is used. */
export interface DeviceSettings {
  readonly reading: Reading;
  /** The most rows and columns of a tile. */
  readonly edge: number;
  /** Compiled kernels that are kept at most. */
  readonly kernels: number;
}

/** A context of GPU.js at work. */
export class Device {
  readonly reading: Reading;
  readonly #edge: number;
  readonly #gpu: GpuInstance;
  readonly #immediate = new ImmediateQueue();
  readonly #later: PromiseQueue | undefined;
  readonly #programs: ProgramCache;
  #context: object | undefined;
  /** Asked once: a context that is lost has no limits any more. */
  #largestEdge = Number.POSITIVE_INFINITY;
  #kind: string | undefined;
  readonly #textures = new Set<Texture>();
  #bytes = 0;
  /** Begun, if the device is being given back or has been. */
  #disposed: Promise<void> | undefined;

  constructor(gpu: GpuInstance, { reading, edge, kernels }: DeviceSettings) {
    this.#gpu = gpu;
    this.reading = reading;
    this.#edge = edge;
    this.#programs = new ProgramCache(gpu, reading === 'async', kernels);
    this.#later = reading === 'async' ? new PromiseQueue() : undefined;
  }

  /** The mode of GPU.js that really runs, known after the first kernel. */
  get mode(): string {
    // Kernels of all kinds of GL give themselves the same name.
    return this.#kind === 'gpu' ? modeOfGl(this.#context) : (this.#kind ?? 'unknown');
  }

  /** The most rows and columns that the device's own limits allow, known after the first kernel. */
  get largestEdge(): number {
    return this.#largestEdge;
  }

  /** The most rows and columns of a tile: no more than was asked for, nor than the device takes. */
  get edge(): number {
    return Math.min(this.#edge, this.largestEdge);
  }

  get memory(): DeviceMemory {
    return { textures: this.#textures.size, bytes: this.#bytes, kernels: this.#programs.size };
  }

  /**
   * The device must be able to compute.
   *
   * @throws GpuDisposedError after {@link dispose}.
   * @throws GpuContextLostError if the context is lost.
   * @throws The failure of an earlier step.
   */
  check(): void {
    if (this.#disposed !== undefined) throw new GpuDisposedError(this.mode);
    // First: a loss may be known only after the failure that it caused.
    if (isLost(this.#context)) throw new GpuContextLostError(this.mode);
    this.#later?.check();
  }

  /** A grid of zeros. */
  grid(rows: number, cols: number): Grid {
    return new Grid(rows, cols, this.edge);
  }

  /** output ← the outcome of `source` on `operands`; the output may be an operand too. */
  launch(source: Source, operands: readonly (Tile | Operand)[], output: Tile): void {
    this.check();
    for (const operand of operands) {
      if (operand instanceof Tile && !operand.filled) this.zero(operand);
    }
    this.#enqueue(
      () => {
        const program = this.#programs.of(source, true);
        return whenKnown(this.#run(program, operands), (handle) => ({ program, handle }));
      },
      ({ program, handle }) => this.#put(output, program, handle),
    );
    output.filled = true;
  }

  /** tile ← 0. */
  zero(tile: Tile): void {
    this.launch(zeroSource(tile.rows, tile.cols), [], tile);
  }

  /** Hands every tile that is not all zeros to `place`. Of a device that reads at once. */
  readNow(grid: Grid, place: Place): void {
    this.check();
    grid.forEach((tile, i, j) => {
      if (!tile.filled) return;
      const rows = this.#named(() =>
        rowsOf(this.#run(this.#programs.of(readSource(tile), false), [tile])),
      );
      place(grid.down[i].start, grid.across[j].start, rows);
    });
    this.#named(() => this.#checkAlive());
  }

  /**
   * A lost context yields zeros, and says that it is lost in a later task only. If it reads 1 as 0, what
   * was read before is worth nothing.
   */
  #checkAlive(): void {
    this.check();
    if (this.#kind !== 'gpu') return;
    const [[one]] = rowsOf(this.#run(this.#programs.of(oneSource(), false), []));
    if (one === 0) throw new GpuContextLostError(this.mode);
  }

  /** {@link readNow}, of what has been enqueued so far, on a device that answers later. */
  async readLater(grid: Grid, place: Place): Promise<void> {
    this.check();
    const reads: (() => Promise<void>)[] = [];
    grid.forEach((tile, i, j) => {
      if (!tile.filled) return;
      this.#enqueue(
        // In an object, so that the steps behind it wait for no more than its beginning.
        () => ({ pending: this.#begin(tile) }),
        ({ pending }) => {
          reads.push(async () => {
            place(grid.down[i].start, grid.across[j].start, rowsOf(await pending));
          });
        },
      );
    });
    await this.settled();
    await this.#guarded(() => Promise.all(reads.map((finish) => finish())));
    await this.#guarded(() => this.#checkAliveLater());
    this.check();
  }

  /** {@link Device.#checkAlive} on a device that answers later; WebGPU fails by itself. */
  async #checkAliveLater(): Promise<void> {
    if (this.#kind !== 'gpu') return;
    const program = this.#programs.of(oneSource(), false);
    program.live += 1;
    try {
      const [[one]] = rowsOf(await this.#run(program, []));
      if (one === 0) throw new GpuContextLostError(this.mode);
    } finally {
      program.live -= 1;
    }
  }

  /** Gives back what the tiles hold, once everything enqueued before has run. */
  release(grid: Grid): void {
    grid.forEach((tile) => {
      this.#enqueue(
        () => undefined,
        () => this.#release(tile),
      );
    });
  }

  /** Resolves when everything enqueued so far has run. */
  async settled(): Promise<void> {
    await this.#guarded(() => this.#later?.settled());
  }

  /** Gives everything back: what lives on the device, and then its context. Again, it does nothing more. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#giveBack();
    return this.#disposed;
  }

  async #giveBack(): Promise<void> {
    // A failure has been reported already. Here it only ends the waiting.
    await this.settled().catch(() => {});
    for (const texture of this.#textures) this.#delete(texture);
    await this.#gpu.destroy();
  }

  #enqueue<T>(step: () => T | PromiseLike<T>, done: (outcome: T) => void): void {
    if (this.#later !== undefined) {
      this.#later.enqueue(() => this.#guarded(step), done);
      return;
    }
    this.#named(() => this.#immediate.enqueue(step, done));
  }

  /** Runs `body`. Any error on a lost context is reported as the loss. */
  #named<T>(body: () => T): T {
    try {
      return body();
    } catch (cause) {
      if (cause instanceof GpuContextLostError || !isLost(this.#context)) throw cause;
      throw new GpuContextLostError(this.mode, { cause });
    }
  }

  /** {@link Device.#named}, of a step that may answer later. */
  async #guarded<T>(step: () => T | PromiseLike<T>): Promise<T> {
    try {
      if (isLost(this.#context)) throw new GpuContextLostError(this.mode);
      return await step();
    } catch (cause) {
      if (cause instanceof GpuContextLostError || !(await becomesLost(this.#context))) throw cause;
      throw new GpuContextLostError(this.mode, { cause });
    }
  }

  #run(program: Program, operands: readonly (Tile | Operand)[]): unknown {
    return program.run(operands.map(loaded));
  }

  /**
   * Begins to read a tile. A kernel looks at its operand only once it is compiled, so neither may be given
   * back until the read has ended. A rejection is for the caller who awaits the read.
   */
  #begin(tile: Tile): Promise<unknown> {
    const program = this.#programs.of(readSource(tile), false);
    const { texture } = tile;
    program.live += 1;
    if (texture !== undefined) texture.readers += 1;
    const end = () => {
      program.live -= 1;
      if (texture === undefined) return;
      texture.readers -= 1;
      if (texture.dropped && texture.readers === 0) this.#delete(texture);
    };
    const pending = Promise.resolve(this.#run(program, [tile]));
    pending.then(end, end);
    return pending;
  }

  #put(output: Tile, program: Program, handle: unknown): void {
    if (typeof handle !== 'object' || handle === null) {
      throw new TypeError(`GPU.js answered with ${String(handle)}, expected a texture`);
    }
    const texture = new Texture(handle, program);
    this.#textures.add(texture);
    this.#bytes += program.bytes;
    program.live += 1;
    this.#release(output);
    output.texture = texture;
    this.#kind ??= program.kind;
    if (this.#context === undefined) {
      this.#context = contextOf(handle);
      this.#largestEdge = largestEdge(this.#context);
    }
    program.checkKind(this.#kind);
  }

  #release(tile: Tile): void {
    if (tile.texture === undefined) return;
    this.#drop(tile.texture);
    tile.texture = undefined;
  }

  #drop(texture: Texture): void {
    texture.dropped = true;
    if (texture.readers === 0) this.#delete(texture);
  }

  #delete(texture: Texture): void {
    const { handle, program } = texture;
    if (!this.#textures.delete(texture)) return;
    this.#bytes -= program.bytes;
    program.live -= 1;
    // On the host GPU.js returns plain arrays.
    if ('delete' in handle && typeof handle.delete === 'function') handle.delete();
  }
}

function readSource({ rows, cols }: Tile): Source {
  return copySource(rows, cols);
}

function loaded(operand: Tile | Operand): Operand {
  if (!(operand instanceof Tile)) return operand;
  if (operand.texture === undefined)
    throw new TypeError('GPU.js was given a tile that holds nothing');
  return operand.texture.handle;
}

function whenKnown<T>(handle: unknown, use: (handle: unknown) => T): T | PromiseLike<T> {
  return isPromiseLike(handle) ? handle.then(use) : use(handle);
}

function rowsOf(value: unknown): Rows {
  if (!Array.isArray(value)) {
    throw new TypeError(`GPU.js read ${String(value)}, expected rows of numbers`);
  }
  return value.map((row: unknown) => {
    if (isTypedArray(row, 'float32')) return row;
    throw new TypeError(`GPU.js read ${String(row)}, expected a row of float32`);
  });
}
