// The tests that need WebGPU in plain Node, which `npm run webgpu` installs: they are no part of
// `npm test`. The browser's on WebGPU are among them.

import { defineConfig } from 'vitest/config';
import { softwareVulkan } from '../../bench/gpu/vulkan.js';
import { seedShift } from '../support/seed-shift.js';

// The processes that tests run in start with this environment.
Object.assign(process.env, softwareVulkan());

export default defineConfig({
  test: {
    include: ['test/webgpu/*.test.ts', 'test/browser/webgpu*.test.ts'],
    setupFiles: ['test/support/seeded.ts', 'test/webgpu/setup.ts'],
    provide: { seedShift: seedShift() },
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
