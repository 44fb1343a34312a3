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

interface Platform {
  readonly WebAssembly?: WebAssemblyApi;
  atob(text: string): string;
}

function isPlatform(value: object): value is Platform {
  return 'atob' in value;
}

function platform(): Platform {
  const all: object = globalThis;
  if (!isPlatform(all)) throw new Error('nysact: this platform has no atob');
  return all;
}

/** WebAssembly, where the platform has it. */
export function webAssembly(): WebAssemblyApi | undefined {
  return platform().WebAssembly;
}

/** The bytes that `text` stands for in base64. */
export function decodeBase64(text: string): Uint8Array {
  const characters = platform().atob(text);
  return Uint8Array.from({ length: characters.length }, (_, i) => characters.charCodeAt(i));
}
