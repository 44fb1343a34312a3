import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { findChromium, ISOLATION_HEADERS, SOFTWARE_FLAGS } from './bench/gpu/chromium.js';
import { ENTRANCES } from './test/api/entrances.js';
import { seedShift } from './test/support/seed-shift.js';

/** The tests that run in a real browser, where there is one. */
function browserProject(): TestProjectInlineConfiguration[] {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    const advice = 'install chromium, or set CHROME_PATH';
    if (process.env.CI === 'true') throw new Error(`No Chromium for the browser tests: ${advice}`);
    console.log(`Browser tests left out: no Chromium found (${advice}).`);
    return [];
  }
  return [
    {
      extends: true,
      server: { headers: ISOLATION_HEADERS },
      optimizeDeps: {
        include: [
          '@observablehq/plot',
          '@tensorflow/tfjs',
          '@tensorflow/tfjs-backend-wasm',
          '@tensorflow/tfjs-backend-webgpu',
          'gpu.js',
          'fast-check',
          '@fast-check/vitest',
          'ml-matrix',
        ],
      },
      test: {
        name: 'browser',
        // Devices and engines, and what the core computes on them.
        include: [
          'test/browser/**/*.test.ts',
          'test/core/{matrix,random}.test.ts',
          'test/linalg/{eigh,qr}.test.ts',
          'test/nystrom/{activation-sketch,inverse}.test.ts',
        ],
        browser: {
          enabled: true,
          headless: true,
          connectTimeout: 600_000,
          screenshotFailures: false,
          provider: playwright({ launchOptions: { executablePath, args: [...SOFTWARE_FLAGS] } }),
          instances: [{ browser: 'chromium' }],
        },
      },
    },
  ];
}

/** Files that reset or replace modules or what the process has one of, or measure the heap that they run in. */
const ALONE = [
  'test/bench/experiments.main.test.ts',
  'test/kernels/selection.test.ts',
  'test/optimize/steady-state.test.ts',
  'test/precondition/memory.test.ts',
];

// `isolate: false`: to import everything anew for each file took most of the time. So the files of a
// worker share their modules, ours and those of others, with the state that these keep. A file that
// changes some of it takes that back; one that cannot runs alone.
export default defineConfig({
  // What examples import by the names that users import is the sources.
  resolve: {
    alias: Object.entries(ENTRANCES).map(([name, replacement]) => ({
      find: new RegExp(`^${name}$`),
      replacement,
    })),
  },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    execArgv: ['--expose-gc'],
    provide: { seedShift: seedShift() },
    setupFiles: ['test/support/seeded.ts'],
    // Every core works: by default one is left idle. VITEST_MAX_WORKERS has the last word, and it
    // alone: an option on the command line does not reach the projects.
    maxWorkers: '100%',
    coverage: {
      provider: 'v8',
      reporter: ['text-summary', 'html'],
      include: ['src/**/*.ts'],
      exclude: ['src/kernels/assembly/**', 'src/tfjs-wasm/assembly/**'],
      thresholds: { branches: 90, functions: 90, lines: 90, statements: 90 },
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'nysact',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/{browser,runtimes,webgpu}/**', ...ALONE],
        },
      },
      {
        extends: true,
        test: { name: 'alone', isolate: true, include: ALONE },
      },
      {
        // Whatever computes must compute right on the fallback too.
        extends: true,
        test: {
          name: 'typescript kernels',
          isolate: false,
          include: ['test/{kernels,linalg,golden}/**/*.test.ts', 'test/backend/cpu.test.ts'],
          exclude: ['test/kernels/{binaries,selection,overlap,level1}.test.ts'],
          setupFiles: ['test/support/typescript-kernels.ts'],
        },
      },
      ...browserProject(),
    ],
  },
});
