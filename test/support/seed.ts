// The one seed of all random tests: NYSACT_SEED_SHIFT moves it, and every test holds wherever it lies.

import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    seedShift: number;
  }
}

export const SEED = 20240229 + inject('seedShift');
