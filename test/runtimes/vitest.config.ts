// The tests that need Deno and Bun, which `npm run runtimes` installs: they are no part of `npm test`.

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/runtimes/*.test.ts'], testTimeout: 300_000 },
});
