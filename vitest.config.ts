import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    testTimeout: 60_000,
    execArgv: ['--expose-gc'],
    // Every core works: by default one is left idle.
    maxWorkers: '100%',
    coverage: {
      provider: 'v8',
      reporter: ['text-summary', 'html'],
      include: ['src/**/*.ts'],
      exclude: ['src/kernels/assembly/**'],
      thresholds: { branches: 90, functions: 90, lines: 90, statements: 90 },
    },
    projects: [
      { extends: true, test: { name: 'nysact', include: ['test/**/*.test.ts'] } },
      {
        // Whatever computes must compute right on the fallback too.
        extends: true,
        test: {
          name: 'typescript kernels',
          include: ['test/{kernels,linalg,golden}/**/*.test.ts', 'test/backend/cpu.test.ts'],
          exclude: ['test/kernels/{binaries,selection,overlap,level1}.test.ts'],
          setupFiles: ['test/support/typescript-kernels.ts'],
        },
      },
    ],
  },
});
