// What tests use of build.js. Paths are from the root.

/** What is built from what. */
export const TARGETS: readonly { readonly entry: string; readonly output: string }[];

/** The SHA-256 of all sources. */
export function sourceDigest(): string;

/** The strict and the relaxed module of an entry file, in base64. */
export function compileVariants(
  entry: string,
): Promise<Readonly<Record<'strict' | 'relaxed', string>>>;
