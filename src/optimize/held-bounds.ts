// What buffers can hold, known without looking at them.

/**
 * Bounds of what buffers hold, carried along from step to step so that nobody has to look. They take
 * effect when the step that they were made for is taken.
 */
export class HeldBounds {
  readonly #look: (index: number) => number | undefined;
  readonly #proposed: number[];
  /** Undefined where the buffers have to be looked at. */
  #held: number[] | undefined;

  constructor(count: number, look: (index: number) => number | undefined) {
    this.#look = look;
    this.#held = Array.from({ length: count }, () => 0);
    this.#proposed = Array.from({ length: count }, () => 0);
  }

  at(index: number): number {
    this.#held ??= this.#proposed.map((_, i) => this.#look(i) ?? 0);
    return this.#held[index];
  }

  propose(index: number, bound: number): void {
    this.#proposed[index] = bound;
  }

  accept(): void {
    this.#held = [...this.#proposed];
  }

  forget(): void {
    this.#held = undefined;
  }
}
