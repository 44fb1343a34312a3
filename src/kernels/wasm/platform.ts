// The little of the platform that ECMAScript does not name, as browsers and Node both have it.

/** A WebAssembly memory. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  /** Grows by pages of 64 KiB; throws a RangeError where the platform has no more. */
  grow(pages: number): number;
}

/** A compiled module. */
export type WasmModule = object;

interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  compile(bytes: Uint8Array): Promise<WasmModule>;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: unknown };
  readonly Memory: new (options: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared?: boolean;
  }) => WasmMemory;
}

/** WebAssembly, where the platform has it. */
export function webAssembly(): WebAssemblyApi | undefined {
  const all: object = globalThis;
  return hasWebAssembly(all) ? all.WebAssembly : undefined;
}

function hasWebAssembly(all: object): all is { readonly WebAssembly?: WebAssemblyApi } {
  return 'WebAssembly' in all;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The bytes that `text` stands for in base64: written out here, because not every platform has `atob`. */
export function decodeBase64(text: string): Uint8Array {
  const values = new Uint8Array(128);
  for (let digit = 0; digit < DIGITS.length; digit++) values[DIGITS.charCodeAt(digit)] = digit;
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array((3 * digits.length) >> 2);
  let bits = 0;
  let to = 0;
  for (let i = 0; i < digits.length; i++) {
    bits = (bits << 6) | values[digits.charCodeAt(i)];
    // Every digit but the first of four completes a byte.
    if (i % 4 !== 0) bytes[to++] = bits >> (6 - 2 * (i % 4));
  }
  return bytes;
}
