// What can go wrong with a device, as types.

/** GPU.js offers no device here, or not the one that was asked for. */
export class GpuUnavailableError extends Error {
  override readonly name = 'GpuUnavailableError';

  constructor(wanted: string, reasons: readonly string[]) {
    super(`gpuBackend: ${wanted} is not to be had here: ${reasons.join('; ')}`);
  }
}

/** The device computes, but not to the precision of float32. */
export class GpuPrecisionError extends Error {
  override readonly name = 'GpuPrecisionError';
  /** The largest relative error that was measured; NaN if the device gave one. */
  readonly error: number;
  /** The largest that is accepted. */
  readonly bound: number;

  constructor(mode: string, error: number, bound: number) {
    super(
      `gpuBackend: ${mode} computes with a relative error of ${error}, expected at most ${bound} (float32)`,
    );
    this.error = error;
    this.bound = bound;
  }
}

/**
 * The device lost its context, and with it the contents of all slots. Nothing that lives on the host
 * is touched: go on with a new backend and the state that was exported last.
 */
export class GpuContextLostError extends Error {
  override readonly name = 'GpuContextLostError';

  constructor(mode: string, options?: ErrorOptions) {
    super(
      `the GPU context (${mode}) is lost, and what its slots held: make a new backend and restore the state that was exported last`,
      options,
    );
  }
}

/** The backend was disposed, and all its slots with it. */
export class GpuDisposedError extends Error {
  override readonly name = 'GpuDisposedError';

  constructor(mode: string) {
    super(`the GPU backend (${mode}) was disposed, expected one in use`);
  }
}

/** GPU.js could not translate a kernel for the device, and ran it elsewhere. */
export class GpuFallbackError extends Error {
  override readonly name = 'GpuFallbackError';

  constructor(mode: string, ran: string, reason: string) {
    super(`GPU.js ran a kernel on ${ran} instead of ${mode}: ${reason}`);
  }
}
