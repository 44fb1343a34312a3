// What tests use of build.js.

/** The SHA-256 of all sources. */
export function sourceDigest(): string;

/** The strict and the relaxed module of an entry file, in base64. */
export function compileVariants(
  entry: string,
): Promise<Readonly<Record<'strict' | 'relaxed', string>>>;
