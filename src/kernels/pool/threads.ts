// Threads, as Node and browsers have them.

import { checkType, isObject } from '../../core/check.js';
import type { WasmMemory, WasmModule } from '../wasm/platform.js';

/** What a worker is given when it starts. */
export interface Assignment {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  readonly control: SharedArrayBuffer;
  /** Which worker this is, of how many. */
  readonly index: number;
  readonly workers: number;
}

/** Whether a message is an {@link Assignment}. */
export function isAssignment(message: unknown): message is Assignment {
  return isObject(message) && 'control' in message;
}

/** A started thread. */
export interface Thread {
  /** Resolves at the first message; rejects where the thread could not start. */
  readonly ready: Promise<void>;
  end(): void;
}

/** A Worker of node:worker_threads. */
export interface NodeWorker {
  postMessage(message: unknown): void;
  terminate(): Promise<number>;
  unref(): void;
  once(event: string, listener: (value: unknown) => void): void;
}

/** A Worker of a browser. */
export interface WebWorker {
  postMessage(message: unknown): void;
  terminate(): void;
  addEventListener(type: string, listener: (event: object) => void): void;
}

/** What a thread runs on: the address of the worker's script, or a function that starts it. */
export type WorkerSource = URL | (() => NodeWorker | WebWorker);

interface NodePort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (value: unknown) => void): void;
}

interface NodeThreads {
  readonly Worker: new (script: URL) => NodeWorker;
  readonly parentPort: NodePort | null;
}

interface NodeProcess {
  getBuiltinModule(name: 'node:worker_threads'): NodeThreads;
  getBuiltinModule(name: 'node:os'): { availableParallelism(): number };
}

function isNodeProcess(value: unknown): value is NodeProcess {
  return isObject(value) && 'getBuiltinModule' in value;
}

/** The process, where this is Node: asked at run time, so that bundlers need not know its modules. */
function nodeProcess(): NodeProcess | undefined {
  const candidate: unknown = Reflect.get(globalThis, 'process');
  return isNodeProcess(candidate) ? candidate : undefined;
}

function nodeThreads(): NodeThreads | undefined {
  return nodeProcess()?.getBuiltinModule('node:worker_threads');
}

/** The cores that the platform admits to. */
export function cores(): number {
  return (
    nodeProcess()?.getBuiltinModule('node:os').availableParallelism() ??
    navigator.hardwareConcurrency
  );
}

/**
 * Memory must be shareable.
 *
 * @throws Error where it is not, saying what a page has to do about it.
 */
export function checkShareable(): void {
  const refused = typeof crossOriginIsolated === 'boolean' && !crossOriginIsolated;
  if (typeof SharedArrayBuffer === 'function' && !refused) return;
  throw new Error(
    'openPool: this page may not share memory between threads, because it is not cross-origin isolated: serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
  );
}

/** A worker that has not reported after so many milliseconds never will: its script is another one. */
const START = 30_000;

/** The one report of a thread that starts, and who gives it. */
interface Startup {
  readonly ready: Promise<void>;
  readonly succeed: () => void;
  readonly fail: (error: Error) => void;
}

function startup(): Startup {
  let succeed: () => void = ignore;
  let fail: (error: Error) => void = ignore;
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail(failure(`no report within ${START} ms`)), START);
    succeed = () => {
      clearTimeout(timer);
      resolve();
    };
    fail = (error) => {
      clearTimeout(timer);
      reject(error);
    };
  });
  // Where another thread fails first, nobody asks for this one.
  ready.catch(ignore);
  return { ready, succeed, fail };
}

function ignore(): void {}

function failure(why: string, options?: ErrorOptions): Error {
  return new Error(`openPool: the worker did not start: ${why}`, options);
}

/**
 * Starts a thread on `source`, or on ./worker.js without one, and hands it its assignment; `onDeath` is
 * called where it fails or ends.
 *
 * @throws Error where the platform has no threads, or this build does not know where ./worker.js lies.
 */
export function startThread(
  assignment: Assignment,
  source: WorkerSource | undefined,
  onDeath: () => void,
): Thread {
  const worker = typeof source === 'function' ? source() : startWorker(source);
  const fits =
    isObject(worker) &&
    'postMessage' in worker &&
    ('once' in worker || 'addEventListener' in worker);
  checkType('openPool', 'what worker() gives', worker, fits, 'a Worker');
  const { ready, succeed, fail } = startup();
  if (isNodeWorker(worker)) {
    worker.once('message', () => {
      // From here on an idle pool does not keep the process from ending.
      worker.unref();
      succeed();
    });
    worker.once('error', (cause) => fail(failure(String(cause), { cause })));
    worker.once('exit', () => {
      fail(failure('it ended'));
      onDeath();
    });
  } else {
    worker.addEventListener('message', succeed);
    worker.addEventListener('error', (event) => {
      const message = 'message' in event ? event.message : undefined;
      fail(failure(typeof message === 'string' && message ? message : 'no script is there'));
      onDeath();
    });
  }
  worker.postMessage(assignment);
  const end = (): void => {
    void worker.terminate();
    fail(failure('it was ended'));
  };
  return { ready, end };
}

function isNodeWorker(worker: NodeWorker | WebWorker): worker is NodeWorker {
  return 'once' in worker;
}

function startWorker(script: URL | undefined): NodeWorker | WebWorker {
  // A script of another format than ECMAScript modules has no address.
  const address: unknown = import.meta.url;
  if (script === undefined && typeof address !== 'string') {
    throw new Error(
      "openPool: worker is undefined, expected the URL of 'nysact/worker' or a function that starts it, because this build does not know where its files lie",
    );
  }
  const node = nodeThreads();
  if (node !== undefined) {
    return new node.Worker(script ?? new URL('./worker.js', import.meta.url));
  }
  if (typeof Worker === 'undefined') {
    throw new Error('openPool: this platform has no threads (neither worker_threads nor Worker)');
  }
  return script === undefined
    ? // Bundlers know this very expression, and bring the script along.
      new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
    : new Worker(script, { type: 'module' });
}

/** In a worker: calls `listener` with what the thread that started it posts. */
export function onMessage(listener: (message: unknown) => void): void {
  const port = nodeThreads()?.parentPort ?? undefined;
  if (port !== undefined) port.on('message', listener);
  else globalThis.addEventListener('message', ({ data }) => listener(data));
}

/** In a worker: posts to the thread that started it. */
export function report(message: string): void {
  const port = nodeThreads()?.parentPort ?? undefined;
  if (port !== undefined) port.postMessage(message);
  else globalThis.postMessage(message);
}
