// GPU.js with a device that it has not: its mode on the host, dressed as any other, so that what a
// real device does at will can be made to happen. What it computes is computed by GPU.js.

import { GPU } from 'gpu.js';
import type {
  GpuInstance,
  GpuJs,
  GpuJsMode,
  GpuKernel,
  GpuKernelSettings,
} from '../../src/backend/gpujs/library.js';

/** What the double is to be. */
export interface DoubleOptions {
  /** The modes that it has; asking for another one fails (default: none). */
  readonly devices?: readonly GpuJsMode[];
  /** What it makes of every number that a kernel computes. */
  readonly arithmetic?: (x: number) => number;
  /** Where a kernel runs, by its source, if not where it should. */
  readonly ranOn?: (source: string) => string | undefined;
  /** Rows and columns that a texture may have. */
  readonly maxTextureSize?: number;
  /** Whether kernels answer with a Promise, asked to or not, as those of version 3 do (default false). */
  readonly promises?: boolean;
  /** Called whenever a kernel runs and where an outcome is read. */
  readonly observe?: (event: 'run' | 'read') => void;
}

/** A double and what can be seen of it. */
export interface Double {
  readonly GPU: GpuJs;
  /** Textures that exist, kernels' own not counted. */
  readonly textures: () => number;
  readonly kernels: () => number;
  /** Instances that were destroyed. */
  readonly destroyed: () => number;
  /** Loses the context of all instances. */
  readonly lose: () => void;
  /** Before a context that is lost says so, kernels yield zeros, or fail. */
  readonly crash: (how: 'zeros' | 'error') => void;
}

/** What GPU.js calls the kernels of each mode. */
const KIND: Readonly<Record<string, string>> = {
  webgl2: 'gpu',
  webgl: 'gpu',
  headlessgl: 'gpu',
};

class DoubleTexture {
  readonly rows: unknown;
  readonly context: object;
  #deleted = false;
  readonly #onDelete: () => void;

  constructor(rows: unknown, context: object, onDelete: () => void) {
    this.rows = rows;
    this.context = context;
    this.#onDelete = onDelete;
  }

  get isDeleted(): boolean {
    return this.#deleted;
  }

  delete(): void {
    if (this.#deleted) throw new Error('a texture was deleted twice');
    this.#deleted = true;
    this.#onDelete();
  }
}

/** Turns of the queue of microtasks that a compilation takes. */
const COMPILATION = 20;

async function turns(count: number): Promise<void> {
  for (let k = 0; k < count; k++) await Promise.resolve();
}

/** GPU.js with the devices of `options`. */
export function doubleOf(options: DoubleOptions = {}): Double {
  const {
    devices = [],
    arithmetic = (x) => x,
    ranOn,
    maxTextureSize = 8192,
    promises,
    observe,
  } = options;
  let [textures, kernels, destroyed, lost] = [0, 0, 0, false];
  let crashed: 'zeros' | 'error' | undefined;

  const instance = (asked: GpuJsMode | undefined): GpuInstance => {
    const isHost = asked === 'cpu' || asked === 'webasm' || asked === undefined;
    const mode = asked === 'async' ? devices[0] : asked;
    if (!isHost && (mode === undefined || !devices.includes(mode))) {
      throw new Error(`A requested mode of "${asked}" and is not supported`);
    }
    const name = mode ?? 'webasm';
    const later = name === 'webgpu' || asked === 'async';
    const gpu = new GPU({ mode: 'cpu' });
    const context =
      name === 'webgpu'
        ? {
            get isLost() {
              return lost;
            },
            device: { limits: { maxStorageBufferBindingSize: 4 * maxTextureSize ** 2 } },
          }
        : {
            isContextLost: () => lost,
            getParameter: () => maxTextureSize,
            ...(name === 'webgl2' ? { texStorage2D: () => {} } : {}),
          };
    return {
      mode: name,
      createKernel(source: string, settings: GpuKernelSettings) {
        const inner = gpu.createKernel(source, { ...settings, asyncMode: false });
        kernels += 1;
        class DoubleKernel {
          static mode = ranOn?.(source) ?? KIND[name] ?? name;
          fallbackReason = 'the double was told so';
        }
        const compute = (operands: readonly unknown[]): unknown => {
          if (lost || crashed === 'error') throw new Error('the device went away');
          // What takes nothing and is read is the sign of life behind a read.
          if (settings.pipeline) observe?.('run');
          else if (operands.length > 0) observe?.('read');
          const plain = operands.map((operand) => {
            if (!(operand instanceof DoubleTexture)) return operand;
            if (operand.isDeleted) throw new Error('a deleted texture was used');
            return operand.rows;
          });
          const rows: unknown = Reflect.apply(inner, undefined, plain);
          if (!Array.isArray(rows)) throw new Error('expected rows');
          const number = crashed === undefined ? arithmetic : () => 0;
          const outcome = rows.map((row: Float32Array) => row.map(number));
          if (!settings.pipeline) return outcome;
          textures += 1;
          return new DoubleTexture(outcome, context, () => {
            textures -= 1;
          });
        };
        let compiling: Promise<void> | undefined;
        const run = (...operands: readonly unknown[]): unknown => {
          if (!later && !settings.asyncMode && !promises) return compute(operands);
          // Operands are looked at when the kernel has been compiled, some turns after the first call.
          compiling ??= turns(COMPILATION);
          return compiling.then(() => compute(operands));
        };
        return Object.assign(run, {
          kernel: new DoubleKernel(),
          destroy: () => {
            kernels -= 1;
          },
        });
      },
      destroy: async () => {
        destroyed += 1;
        await gpu.destroy();
      },
    };
  };

  class DoubleGpu implements GpuInstance {
    static isWebGPUAvailable = () => Promise.resolve(devices.includes('webgpu'));
    readonly #instance: GpuInstance;

    constructor({ mode }: { mode?: GpuJsMode }) {
      this.#instance = instance(mode);
    }

    get mode(): string {
      return this.#instance.mode;
    }

    createKernel(source: string, settings: GpuKernelSettings): GpuKernel {
      return this.#instance.createKernel(source, settings);
    }

    destroy(): Promise<void> {
      return this.#instance.destroy();
    }
  }
  return {
    GPU: DoubleGpu,
    textures: () => textures,
    kernels: () => kernels,
    destroyed: () => destroyed,
    lose: () => {
      lost = true;
    },
    crash: (how) => {
      crashed = how;
    },
  };
}
