// `npm run bench -- <name> [options]`: runs one of the benchmarks.

/** Reads its own options, prints its findings and writes them to bench/results. */
type Benchmark = (args: string[]) => void | Promise<void>;

const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  approximation: async () => (await import('./approximation/main.js')).run,
  complexity: async () => (await import('./complexity/main.js')).run,
  gpu: async () => (await import('./gpu/main.js')).run,
  kernels: async () => (await import('./kernels/main.js')).run,
  rest: async () => (await import('./rest/main.js')).run,
  sketches: async () => (await import('./sketches/main.js')).run,
  tfjs: async () => (await import('./tfjs/main.js')).run,
  tracking: async () => (await import('./tracking/main.js')).run,
};

const [name = '', ...args] = process.argv.slice(2);

if (Object.hasOwn(benchmarks, name)) {
  const run = await benchmarks[name]();
  await run(args);
} else {
  console.error(
    `usage: npm run bench -- <name> [options]\nwith <name> one of: ${Object.keys(benchmarks).join(', ')}`,
  );
  process.exitCode = 2;
}
