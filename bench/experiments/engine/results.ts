// Results as lines of JSON: what ran, on which machine, and what came out.

import { cpus, loadavg, totalmem } from 'node:os';
import type { TensorFlow } from '../../data/tensorflow.js';
import { environment, toJsonLine } from '../../report/json.js';
import { addJsonLine, type JsonLine, readJsonLines } from '../../report/json-lines.js';
import { type Configuration, type DataChoice, identify } from './configuration.js';
import type { Outcome } from './outcome.js';

/** The machine, and the versions of what ran on it. */
export interface Machine {
  readonly nysact: string;
  readonly node: string;
  readonly tensorflow: string;
  readonly backend: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Processes that wanted to run. */
  readonly load: number;
}

/** A line of the file. */
type Line = RunLine | MeasurementLine;

interface RunLine {
  readonly kind: 'run';
  readonly id: string;
  readonly configuration: Configuration;
  readonly machine: Machine;
  readonly result: Outcome;
}

interface MeasurementLine {
  readonly kind: 'measurement';
  readonly id: string;
  readonly configuration: object;
  readonly machine: Machine;
  /** Which images it saw, where its result tells them from others. */
  readonly data?: DataChoice;
  readonly result: object;
}

/** How fast this machine is, in seconds. */
export interface Speed {
  /** What SGD takes for one image of so many pixels a side, in a step of a network. */
  image(network: string, side: number): number;
  /** What the refreshes of so many steps take, where their cubes count beside the steps. */
  refreshes(
    optimizer: Configuration['optimizer'],
    steps: number,
    network: string,
    side: number,
  ): number;
}

/** What a measurement is of, and that it gives an R. */
export interface Measured<R extends object> {
  readonly configuration: object;
  /** Images that it sees, where its result tells them from others. */
  readonly data?: DataChoice;
  /** Seconds that it takes, about. */
  readonly seconds: (speed: Speed) => number;
  /** Whether it reads nothing at once, so that it can be taken on WebGPU too. */
  readonly readsLater?: boolean;
  /** Takes it. */
  readonly measure: (bench: Bench) => Promise<R>;
}

/** What measurements are taken with. */
export interface Bench {
  readonly tf: TensorFlow;
  /** What the user named with `--data`. */
  readonly folder: string | undefined;
  /** The folder of checkpoints. */
  readonly checkpoints: string;
  /** Whether a measurement that was cut goes on from its checkpoint. */
  readonly resume: boolean;
  /** Told a short remark now and then. */
  readonly remark: (text: string) => void;
}

/** What is known of runs and measurements, by their configurations. */
export interface Found {
  outcomeOf(configuration: Configuration): Outcome | undefined;
  measured<R extends object>(measurement: Measured<R>): R | undefined;
}

/** This machine, now, and the adapter that WebGPU computes on where it does. */
export function machineOf(tf: TensorFlow, adapter?: string): Machine {
  return {
    ...environment(),
    tensorflow: tf.version_core,
    backend: `${tf.getBackend()}, ${adapter ?? 'kernels of nysact/tfjs-wasm'}`,
    cores: cpus().length,
    memoryBytes: totalmem(),
    load: loadavg()[0],
  };
}

/** The results in a file, to which others are added. */
export class Results implements Found {
  readonly #path: string;
  readonly #results = new Map<string, string>();
  readonly #images = new Map<string, Set<string>>();
  readonly #machines: Machine[] = [];

  /** @throws RangeError where a line is no result. */
  constructor(path: string) {
    this.#path = path;
    for (const line of readJsonLines(path)) this.#take(checkedLine(line));
  }

  outcomeOf(configuration: Configuration): Outcome | undefined {
    return this.measured<Outcome>({ configuration });
  }

  /** What was once written for such a configuration, which decides its type. */
  measured<R extends object>({ configuration }: Pick<Measured<R>, 'configuration'>): R | undefined {
    const text = this.#results.get(identify(configuration));
    if (text === undefined) return undefined;
    const { result }: { result: R } = JSON.parse(text);
    return result;
  }

  /** Tells the images that results of a choice have seen from others. */
  imagesOf(choice: DataChoice): ReadonlySet<string> {
    return this.#images.get(identify(choice)) ?? new Set();
  }

  /** The file. */
  get path(): string {
    return this.#path;
  }

  /** The machines that results are from. */
  get machines(): readonly Machine[] {
    return this.#machines;
  }

  addRun(configuration: Configuration, machine: Machine, result: Outcome): void {
    this.#add({ kind: 'run', id: identify(configuration), configuration, machine, result });
  }

  addMeasurement<R extends object>(
    { configuration, data }: Measured<R>,
    machine: Machine,
    result: R,
  ): void {
    const id = identify(configuration);
    const seen = data === undefined ? {} : { data };
    this.#add({ kind: 'measurement', id, configuration, machine, ...seen, result });
  }

  #add(line: Line): void {
    addJsonLine(this.#path, line);
    this.#take(line);
  }

  /** As text, so that what was read and what was just found look the same. */
  #take(line: Line): void {
    const { id, result, machine } = line;
    this.#results.set(id, toJsonLine({ result }));
    this.#machines.push(machine);
    const data = line.kind === 'run' ? line.configuration.data : line.data;
    if (data === undefined) return;
    const choice = identify(data);
    this.#images.set(choice, (this.#images.get(choice) ?? new Set()).add(imagesIn(result)));
  }
}

/** What a result says of the images that it saw. */
function imagesIn(result: object): string {
  return 'images' in result ? String(result.images) : 'unknown';
}

function checkedLine({ value, where }: JsonLine): Line {
  if (isLine(value)) return value;
  throw new RangeError(`${where}: no result of a run or a measurement`);
}

/** Only this program writes the file: a line that says what it is of holds what belongs to it. */
function isLine(value: unknown): value is Line {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    (value.kind === 'run' || value.kind === 'measurement') &&
    'id' in value &&
    'configuration' in value &&
    'machine' in value &&
    'result' in value
  );
}
