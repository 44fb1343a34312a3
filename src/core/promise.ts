// Promises, of this realm or another.

import { isObject } from './check.js';

/** Whether a value is a Promise, of whatever realm. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && 'then' in value;
}
