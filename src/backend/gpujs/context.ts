// The context of a device: whether it is lost, and how large a matrix it takes.
//
// Textures of GPU.js carry their context: a WebGL context, or the device of WebGPU. Both are told by
// their properties, because their types are unknown to the compiler here.

import { isObject } from '../../core/check.js';
import type { GpuMode } from './library.js';

/** `MAX_TEXTURE_SIZE` of WebGL. */
const MAX_TEXTURE_SIZE = 0x0d33;

/** How many turns of the queue of microtasks a lost device is given to say that it is. */
const TURNS = 16;

/** The context that a texture of GPU.js belongs to, if it has one. */
export function contextOf(handle: object): object | undefined {
  return 'context' in handle && isObject(handle.context) ? handle.context : undefined;
}

/** Which of its WebGL modes GPU.js runs in: told by a method that WebGL 2 alone has, and by the page. */
export function modeOfGl(context: object | undefined): GpuMode {
  if (context !== undefined && 'texStorage2D' in context) return 'webgl2';
  return 'document' in globalThis || 'OffscreenCanvas' in globalThis ? 'webgl' : 'headlessgl';
}

/** Whether a context has been lost, and everything on it. */
export function isLost(context: object | undefined): boolean {
  if (context === undefined) return false;
  if ('isContextLost' in context && typeof context.isContextLost === 'function') {
    return context.isContextLost() === true;
  }
  return 'isLost' in context && context.isLost === true;
}

/** {@link isLost}, waiting for the device to say so: WebGPU fails first and tells why afterwards. */
export async function becomesLost(context: object | undefined): Promise<boolean> {
  for (let turn = 0; turn < TURNS && !isLost(context); turn++) await Promise.resolve();
  return isLost(context);
}

/** The most rows and columns of one matrix of float32 on this context; Infinity if it does not say. */
export function largestEdge(context: object | undefined): number {
  if (context === undefined) return Number.POSITIVE_INFINITY;
  if ('getParameter' in context && typeof context.getParameter === 'function') {
    return edgeOf(context.getParameter(MAX_TEXTURE_SIZE));
  }
  if ('device' in context && isObject(context.device) && 'limits' in context.device) {
    const { limits } = context.device;
    if (isObject(limits) && 'maxStorageBufferBindingSize' in limits) {
      return edgeOf(Math.sqrt(Number(limits.maxStorageBufferBindingSize) / 4));
    }
  }
  return Number.POSITIVE_INFINITY;
}

/** A lost context answers null, and a matrix in tiles of no rows would be none. */
function edgeOf(limit: unknown): number {
  const edge = Math.floor(Number(limit));
  return edge >= 1 ? edge : Number.POSITIVE_INFINITY;
}
