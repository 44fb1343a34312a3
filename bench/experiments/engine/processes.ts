// Runs in processes of their own, several at a time.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './outcome.js';
import type { OnStep, Work } from './work.js';

/** What a process tells. */
export type Answer =
  | { readonly kind: 'step'; readonly step: number; readonly loss: number }
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'failure'; readonly message: string };

const CHILD = fileURLToPath(new URL('../child.js', import.meta.url));

/**
 * Carries a run out in a process of its own.
 *
 * @throws Error where it fails there, or the process ends without an outcome.
 */
export function performApart(work: Work, onStep: OnStep): Promise<Outcome> {
  const child = fork(CHILD, { serialization: 'advanced' });
  return new Promise((resolve, reject) => {
    child.on('message', (answer: Answer) => {
      if (answer.kind === 'step') onStep(answer.step, answer.loss);
      else if (answer.kind === 'outcome') resolve(answer.outcome);
      else reject(new Error(answer.message));
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      reject(new Error(`the process of the run ended with ${signal ?? `code ${code}`}`));
    });
    child.send(work);
  });
}

/** Calls `carryOut` for every item, with at most so many calls under way at once. */
export async function severalAtOnce<T>(
  items: readonly T[],
  atOnce: number,
  carryOut: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    for (const item of waiting) await carryOut(item);
  });
  await Promise.all(workers);
}
