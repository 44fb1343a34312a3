// The browser's own view of a device: what exists on it, and how it is lost.

/** Counts the calls of two methods, of all instances: what has been made and not been given back. */
function counting(makers: object, make: string, made: object, giveBack: string): () => number {
  let count = 0;
  const tap = (prototype: object, method: string, step: number) => {
    const original: unknown = Reflect.get(prototype, method);
    if (typeof original !== 'function') throw new TypeError(`${method} is no method`);
    Reflect.set(prototype, method, function tapped(this: object, ...given: unknown[]): unknown {
      count += step;
      return Reflect.apply(original, this, given);
    });
  };
  tap(makers, make, 1);
  tap(made, giveBack, -1);
  return () => count;
}

/** Keeps the last value that a method returned or resolved to. */
function lastOf(prototype: object, method: string): () => object {
  const original: unknown = Reflect.get(prototype, method);
  if (typeof original !== 'function') throw new TypeError(`${method} is no method`);
  let last: unknown;
  Reflect.set(prototype, method, function tapped(this: object, ...given: unknown[]): unknown {
    const outcome: unknown = Reflect.apply(original, this, given);
    if (outcome instanceof Promise) {
      return outcome.then((value: unknown) => {
        last = value;
        return value;
      });
    }
    last = outcome ?? last;
    return outcome;
  });
  return () => {
    if (typeof last === 'object' && last !== null) return last;
    throw new TypeError(`${method} has given nothing yet`);
  };
}

/** What exists on a kind of device, and what loses the one that was opened last. */
export interface Native {
  readonly existing: () => number;
  readonly lose: () => void;
}

/** Of WebGL 2: textures. */
export function nativeWebGl2(): Native {
  const prototype = WebGL2RenderingContext.prototype;
  const context = lastOf(HTMLCanvasElement.prototype, 'getContext');
  return {
    existing: counting(prototype, 'createTexture', prototype, 'deleteTexture'),
    lose: () => {
      const gl = context();
      if (!(gl instanceof WebGL2RenderingContext)) throw new TypeError('no WebGL 2 was opened');
      gl.getExtension('WEBGL_lose_context')?.loseContext();
    },
  };
}

function prototypeOf(name: string): object {
  const type: unknown = Reflect.get(globalThis, name);
  if (typeof type === 'function') return type.prototype;
  throw new TypeError(`${name} is not there`);
}

/** Of WebGPU: buffers. */
export function nativeWebGpu(): Native {
  const device = lastOf(prototypeOf('GPUAdapter'), 'requestDevice');
  const existing = counting(
    prototypeOf('GPUDevice'),
    'createBuffer',
    prototypeOf('GPUBuffer'),
    'destroy',
  );
  return {
    existing,
    lose: () => {
      const destroy: unknown = Reflect.get(device(), 'destroy');
      if (typeof destroy === 'function') Reflect.apply(destroy, device(), []);
    },
  };
}
