// Two backends as one: work that is worth the way goes to the device, the rest stays on the CPU.

import { checkInteger } from '../../core/check.js';
import type { DenseMatrix, Op } from '../../core/matrix.js';
import type { BackendOperations } from '../backend.js';
import { checkSketch } from '../check-sketch.js';
import { type CpuBackend, cpuBackend } from '../cpu.js';
import { Scratch } from '../scratch.js';
import type { BackendInfo, SketchOperand, Slot } from '../slot.js';
import type { GpuBackend } from './backend.js';
import { checkFloat32 } from './errors.js';

type F32 = 'float32';
type Side = 'host' | 'device';

/** A matrix that is on the host, on the device, or the same on both. */
class HybridSlot implements Slot<F32> {
  readonly owner: object;
  readonly dtype = 'float32';
  readonly rows: number;
  readonly cols: number;
  freed = false;
  readonly slots: Record<Side, Slot<F32> | undefined> = { host: undefined, device: undefined };
  /** Where its content is. A side without a slot stands for the zeros that a new one would hold. */
  current: Readonly<Record<Side, boolean>> = { host: true, device: true };

  constructor(owner: object, rows: number, cols: number) {
    this.owner = owner;
    this.rows = rows;
    this.cols = cols;
  }
}

/** What an operation reads and writes, by the names that messages give. */
interface Operands {
  readonly inputs: Readonly<Record<string, Slot<F32>>>;
  readonly outputs: Readonly<Record<string, Slot<F32>>>;
  /** Whether the old content of the output counts. */
  readonly accumulates: boolean;
  /** Multiply-adds of a product; 0 for what is not worth the way. */
  readonly work: number;
}

/** An operation on the backend of one side, where `at` gives the slots. */
type Run = (backend: BackendOperations<F32>, at: (A: Slot<F32>) => Slot<F32>) => void;

/**
 * A backend that runs a product on `device` where that pays, and on the CPU where it does not. It pays
 * for n×n matrices with n³ ≥ `crossover`, and for every product of so many multiply-adds that moves no
 * more elements for each of them than those of n³ = `crossover` do: 3/n, n² for each factor and for the
 * outcome. Of a product, what counts is the operands that the device lacks, and the outcome, whether it
 * is read or not. A long sum of thin factors, as Xᵀ(XS) is, hence stays on the CPU unless X is on the
 * device. A device that takes a fixed time for a product, and more for each element and multiply-add in
 * proportion, is never chosen where it is slower.
 *
 * Everything else goes where its operands are; what is only on the device
 * stays there until it is read or overwritten, since fetching it would mean waiting.
 *
 * So small layers never leave the host, and what was once worth the way is not carried back and
 * forth. Where something runs does not depend on when reads arrive: the same calls give the same bits.
 */
export function hybridOf(device: GpuBackend, crossover: number): GpuBackend {
  const hybrid = new Hybrid(device, crossover);
  const shared = {
    ...hybrid.operations(),
    memory: () => device.memory(),
    settled: () => device.settled(),
    dispose: () => device.dispose(),
  };
  return device.reading === 'sync'
    ? {
        ...shared,
        reading: 'sync',
        read: (A) => hybrid.onHost(A) ?? hybrid.fetched(A, device.read(hybrid.onDevice(A))),
      }
    : {
        ...shared,
        reading: 'async',
        // What is read is not kept on the host: where work runs would depend on when it came.
        read: async (A) => hybrid.onHost(A) ?? device.read(hybrid.onDevice(A)),
      };
}

class Hybrid {
  readonly #device: GpuBackend;
  readonly #cpu: CpuBackend<F32> = cpuBackend('float32');
  readonly #crossover: number;
  readonly #scratch: Scratch<F32>;

  constructor(device: GpuBackend, crossover: number) {
    this.#device = device;
    this.#crossover = crossover;
    this.#scratch = new Scratch(device);
  }

  /** A copy of what a slot holds, where the host has it. */
  onHost(A: Slot<F32>): DenseMatrix<F32> | undefined {
    const slot = this.#own('read', 'A', A);
    return slot.current.host ? this.#cpu.read(this.#slot(slot, 'host')) : undefined;
  }

  /** The slot of the device. */
  onDevice(A: Slot<F32>): Slot<F32> {
    return this.#slot(this.#own('read', 'A', A), 'device');
  }

  /** What was read at once is on both sides from then on. */
  fetched(A: Slot<F32>, value: DenseMatrix<F32>): DenseMatrix<F32> {
    const slot = this.#own('read', 'A', A);
    this.#cpu.write(this.#slot(slot, 'host'), value);
    slot.current = { host: true, device: true };
    return value;
  }

  operations(): BackendOperations<F32> {
    return {
      dtype: 'float32',
      info: this.#info(),
      allocate: (rows, cols) => {
        checkInteger('allocate', 'rows', rows);
        checkInteger('allocate', 'cols', cols);
        return new HybridSlot(this, rows, cols);
      },
      write: (A, value) => {
        const slot = this.#own('write', 'A', A);
        checkFloat32('write', 'value', value);
        this.#cpu.write(this.#slot(slot, 'host'), value);
        this.#wrote(slot, 'host');
      },
      free: (A) => {
        const slot = this.#own('free', 'A', A);
        slot.freed = true;
        for (const side of ['host', 'device'] as const) this.#free(slot, side);
      },
      checkFinite: (where, name, A) => {
        const slot = this.#own(where, name, A);
        if (!slot.current.host) return undefined;
        return this.#cpu.checkFinite(where, name, this.#slot(slot, 'host'));
      },
      gemm: (alpha, A, opA, B, opB, beta, C) => {
        const work = C.rows * C.cols * innerOf(A, opA);
        this.#run(
          'gemm',
          { inputs: { A, B }, outputs: { C }, accumulates: beta !== 0, work },
          (on, at) => on.gemm(alpha, at(A), opA, at(B), opB, beta, at(C)),
        );
      },
      syrk: (alpha, A, beta, C) => {
        const work = A.rows * A.cols ** 2;
        this.#run(
          'syrk',
          { inputs: { A }, outputs: { C }, accumulates: beta !== 0, work },
          (on, at) => on.syrk(alpha, at(A), beta, at(C)),
        );
      },
      sketchMoment: (X, sketch, weight, decay, C) =>
        this.#sketchMoment(X, sketch, weight, decay, C),
      axpby: (alpha, A, beta, C) =>
        this.#run('axpby', light({ A }, { C }, beta !== 0), (on, at) =>
          on.axpby(alpha, at(A), beta, at(C)),
        ),
      multiply: (alpha, A, B, beta, C) =>
        this.#run('multiply', light({ A, B }, { C }, beta !== 0), (on, at) =>
          on.multiply(alpha, at(A), at(B), beta, at(C)),
        ),
      divide: (A, B, shift, C) =>
        this.#run('divide', light({ A, B }, { C }, false), (on, at) =>
          on.divide(at(A), at(B), shift, at(C)),
        ),
      divideByRoot: (alpha, A, beta, B, shift, C) =>
        this.#run('divideByRoot', light({ A, B }, { C }, false), (on, at) =>
          on.divideByRoot(alpha, at(A), beta, at(B), shift, at(C)),
        ),
      dot: (alpha, A, B, beta, s) =>
        this.#run('dot', light({ A, B }, { s }, beta !== 0), (on, at) =>
          on.dot(alpha, at(A), at(B), beta, at(s)),
        ),
      clip: (s, limit, C) =>
        this.#run('clip', light({ s }, { C }, true), (on, at) => on.clip(at(s), limit, at(C))),
      gatherColumns: (A, indices, C) =>
        this.#run('gatherColumns', light({ A }, { C }, false), (on, at) =>
          on.gatherColumns(at(A), indices, at(C)),
        ),
      copyColumns: (A, from, C, to, count) =>
        this.#run('copyColumns', light({ A }, { C }, true), (on, at) =>
          on.copyColumns(at(A), from, at(C), to, count),
        ),
    };
  }

  #info(): BackendInfo {
    const { info: device } = this.#device;
    const { info: cpu } = this.#cpu;
    return {
      name: 'hybrid',
      get variant() {
        return `${cpu.variant} and ${device.variant}`;
      },
      get threads() {
        return cpu.threads;
      },
      ...(device.error === undefined ? {} : { error: device.error }),
      crossover: this.#crossover,
    };
  }

  /** C ← decay·C + weight·Xᵀ(XS): in one pass where a side can, else as two products. */
  #sketchMoment(
    X: Slot<F32>,
    sketch: SketchOperand<F32>,
    weight: number,
    decay: number,
    C: Slot<F32>,
  ): void {
    checkSketch(X, sketch, C);
    const dense = sketch.kind === 'dense';
    const inputs = dense ? { X, S: sketch.S } : { X };
    const work = (dense ? 2 : 1) * X.rows * X.cols * C.cols;
    const operands = { inputs, outputs: { C }, accumulates: decay !== 0, work };
    this.#run('sketchMoment', operands, (on, at) => {
      if (on.sketchMoment !== undefined) {
        const placed = dense ? { ...sketch, S: at(sketch.S) } : sketch;
        on.sketchMoment(at(X), placed, weight, decay, at(C));
        return;
      }
      this.#scratch.borrow((take) => {
        const XS = take(X.rows, C.cols);
        if (dense) on.gemm(1, at(X), 'N', at(sketch.S), 'N', 0, XS);
        else on.gatherColumns(at(X), sketch.indices, XS);
        on.gemm(weight, at(X), 'T', XS, 'N', decay, at(C));
      });
    });
  }

  #run(where: string, { inputs, outputs, accumulates, work }: Operands, run: Run): void {
    const owned = (operands: Readonly<Record<string, Slot<F32>>>) =>
      Object.entries(operands).map(([name, A]) => this.#own(where, name, A));
    const read = owned(inputs);
    const written = owned(outputs);
    if (accumulates) read.push(...written);
    const isHosted = read.every(({ current }) => current.host);
    const side = !isHosted || this.#pays(work, read, written) ? 'device' : 'host';
    if (side === 'device') for (const slot of read) this.#upload(slot);
    run(side === 'device' ? this.#device : this.#cpu, (A) =>
      this.#slot(this.#own(where, 'an operand', A), side),
    );
    for (const slot of written) this.#wrote(slot, side);
  }

  /** Whether a product is worth its way to the device and back. */
  #pays(work: number, read: readonly HybridSlot[], written: readonly HybridSlot[]): boolean {
    if (work < this.#crossover) return false;
    const uploads = [...new Set(read)].filter(({ current }) => !current.device);
    const moved = [...uploads, ...written].reduce((sum, { rows, cols }) => sum + rows * cols, 0);
    return 3 * work >= Math.cbrt(this.#crossover) * moved;
  }

  #upload(slot: HybridSlot): void {
    if (slot.current.device) return;
    this.#device.write(this.#slot(slot, 'device'), this.#cpu.read(this.#slot(slot, 'host')));
    slot.current = { host: true, device: true };
  }

  #wrote(slot: HybridSlot, side: Side): void {
    slot.current = { host: side === 'host', device: side === 'device' };
    this.#free(slot, side === 'host' ? 'device' : 'host');
  }

  #slot(slot: HybridSlot, side: Side): Slot<F32> {
    const backend = side === 'host' ? this.#cpu : this.#device;
    slot.slots[side] ??= backend.allocate(slot.rows, slot.cols);
    return slot.slots[side];
  }

  #free(slot: HybridSlot, side: Side): void {
    const held = slot.slots[side];
    if (held === undefined) return;
    slot.slots[side] = undefined;
    if (side === 'host') this.#cpu.free(held);
    else this.#device.free(held);
  }

  #own(where: string, name: string, A: Slot<F32>): HybridSlot {
    if (!(A instanceof HybridSlot) || A.owner !== this) {
      throw new TypeError(
        `${where}: ${name} belongs to another engine, expected a slot of this one (hybrid)`,
      );
    }
    if (A.freed) throw new TypeError(`${where}: ${name} was freed, expected a slot in use`);
    return A;
  }
}

/** Operands of what goes where they are. */
function light(
  inputs: Operands['inputs'],
  outputs: Operands['outputs'],
  accumulates: boolean,
): Operands {
  return { inputs, outputs, accumulates, work: 0 };
}

function innerOf(A: Slot<F32>, op: Op): number {
  return op === 'N' ? A.cols : A.rows;
}
