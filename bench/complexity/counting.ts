// Counting what typed arrays take, by standing in for their constructors.

/** The constructors of an environment that are replaced. */
export interface Constructors {
  Float32Array: Float32ArrayConstructor;
  Float64Array: Float64ArrayConstructor;
  Int32Array: Int32ArrayConstructor;
}

/**
 * Replaces the constructors of `environment`, whose arrays stay what they were, and returns a
 * function that gives the bytes of all arrays made while some work runs. Views of a buffer that
 * exists already cost nothing and are not counted. There is no way back: use it in a worker.
 */
export function countTypedArrays(environment: Constructors): (work: () => void) => number {
  let bytes = 0;
  const counting = <
    T extends Float32ArrayConstructor | Float64ArrayConstructor | Int32ArrayConstructor,
  >(
    original: T,
  ): T => {
    const standIn = new Proxy(original, {
      construct(target, args: unknown[], newTarget): object {
        const made: object = Reflect.construct(target, args, newTarget);
        if (ArrayBuffer.isView(made) && !(args[0] instanceof ArrayBuffer)) bytes += made.byteLength;
        return made;
      },
    });
    // slice, map and their like ask an array for its constructor.
    Object.defineProperty(original.prototype, 'constructor', { value: standIn });
    return standIn;
  };
  environment.Float32Array = counting(environment.Float32Array);
  environment.Float64Array = counting(environment.Float64Array);
  environment.Int32Array = counting(environment.Int32Array);
  return (work) => {
    const before = bytes;
    work();
    return bytes - before;
  };
}
