// What tests use of build.js. Paths are from the root.

/** One module and the variants that it is built in. */
export interface Target {
  readonly entry: string;
  readonly output: string;
  readonly variants: readonly ('strict' | 'relaxed')[];
}

/** What is built from what. */
export const TARGETS: readonly Target[];

/** The SHA-256 of all sources. */
export function sourceDigest(): string;

/** The variants of a target, in base64, by their names. */
export function compileVariants(target: Target): Promise<Readonly<Record<string, string>>>;
