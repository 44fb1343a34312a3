// Memory that is used again: what a refresh allocates on its way goes back when it ends.

/** The arrays that matrices are made of. */
type Elements = Float32Array | Float64Array;

/** Gives an array of zeros. */
type Take = <E extends Elements>(Stored: new (length: number) => E, length: number) => E;

/** Idle arrays are kept up to so many bytes; larger work pays for its memory by its flops. */
const LIMIT = 2 ** 27;

/**
 * A store of arrays. While {@link run} runs a body, `allocate` (and so `zeros`, `convert`, …) takes its
 * arrays from here, and all of them come back at the end: a body must hand out copies, and never a matrix
 * that it made. What may keep a matrix, as an engine may, runs in {@link outsideRegion}.
 */
export class Region {
  /** The one that came back last is at the end. */
  readonly #idle: Elements[] = [];
  #taken: Elements[] = [];

  /**
   * Runs `body` on memory that is used again by the next one.
   *
   * @throws Error where another region is running.
   */
  run<T>(body: () => T): T {
    if (running !== undefined) throw new Error('Region.run: a region is running');
    running = (Stored, length) => {
      const array = this.#reuse(Stored, length) ?? new Stored(length);
      this.#taken.push(array);
      return array;
    };
    try {
      return body();
    } finally {
      running = undefined;
      // Last in, first out: the next body finds its first array where this one took it.
      this.#idle.push(...this.#taken.toReversed());
      this.#taken = [];
      this.#trim();
    }
  }

  #reuse<E extends Elements>(Stored: new (length: number) => E, length: number): E | undefined {
    for (let index = this.#idle.length - 1; index >= 0; index--) {
      const array: unknown = this.#idle[index];
      if (!(array instanceof Stored) || array.length !== length) continue;
      this.#idle.splice(index, 1);
      array.fill(0);
      return array;
    }
    return undefined;
  }

  #trim(): void {
    let bytes = this.#idle.reduce((sum, { byteLength }) => sum + byteLength, 0);
    while (bytes > LIMIT) bytes -= this.#idle.shift()?.byteLength ?? 0;
  }
}

/**
 * Runs `body` on memory of its own, whatever region is running: for what may keep the matrices that it
 * makes.
 */
export function outsideRegion<T>(body: () => T): T {
  const before = running;
  running = undefined;
  try {
    return body();
  } finally {
    running = before;
  }
}

/** What gives arrays while a region runs. */
let running: Take | undefined;

/** An array of zeros: of the region that runs, or a new one. */
export const takeArray: Take = (Stored, length) =>
  running === undefined ? new Stored(length) : running(Stored, length);
