// Promises that nobody watches: a test that leaves one rejected fails.

import { afterEach, beforeEach, expect } from 'vitest';

/** One turn of the event loop: everything that was ready to happen has happened. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes every test of the file fail that leaves a rejection unhandled. */
export function forbidUnhandledRejections(): void {
  const reasons: unknown[] = [];
  const note = (reason: unknown) => reasons.push(reason);
  beforeEach(() => {
    process.on('unhandledRejection', note);
  });
  afterEach(async () => {
    await turn();
    process.off('unhandledRejection', note);
    expect(reasons.splice(0)).toEqual([]);
  });
}
