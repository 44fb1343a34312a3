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

/** Where a tile is read: of a matrix, at row `top` and column `left`. */
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
  #disposed = false;

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
   * @throws GpuDisposedError after {@link dispose}; GpuContextLostError where the context is lost, or what
   *   went wrong in a step before.
   */
  check(): void {
    if (this.#disposed) throw new GpuDisposedError(this.mode);
    // First: a loss that came to be known after the failure that it caused is what matters.
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
   * A context that is lost yields zeros, and tells of the loss in a later task only: where 1 is 0, what was
   * read is nothing either.
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

  /** Gives everything back: what lives on the device, and then its context. */
  async dispose(): Promise<void> {
    // What went wrong has been reported; here it only ends the waiting.
    await this.settled().catch(() => {});
    this.#disposed = true;
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

  /** What a body throws on a context that is lost is that loss, whatever it says. */
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
   * Begins to read a tile. A kernel that is still being compiled looks at its operand only afterwards:
   * until the read has ended, neither may be given back. A rejection waits until somebody asks.
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
    // Where GPU.js computes on the host, its outcomes are plain arrays.
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
