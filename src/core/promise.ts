// Promises, of this realm or another.

/** Whether a value is a Promise, of whatever realm. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
