// The page of the benchmark in a Chromium, with the sources served as they are.

import { chromium } from 'playwright';
import { createServer } from 'vite';
import { ISOLATION_HEADERS, SOFTWARE_FLAGS } from './chromium.js';
import type { HostReport, MeasureOptions } from './modes.js';

/** Lets the browser use a graphics card that it would rather not. */
const HARDWARE_FLAGS = ['--no-sandbox', '--enable-unsafe-webgpu', '--ignore-gpu-blocklist'];

const PAGE = '<!doctype html><title>gpu</title>';

/**
 * What the page measures, in the Chromium at `executablePath`: on software by default, on the
 * machine's graphics card where `hardware` is set.
 */
export async function measureInBrowser(
  executablePath: string,
  hardware: boolean,
  options: MeasureOptions,
): Promise<HostReport> {
  const server = await createServer({
    configFile: false,
    logLevel: 'error',
    server: { headers: ISOLATION_HEADERS, port: 0, hmr: false, watch: null },
    optimizeDeps: { include: ['gpu.js', 'ml-matrix'], noDiscovery: true },
    plugins: [
      {
        name: 'page',
        configureServer: ({ middlewares }) => {
          middlewares.use('/bench-gpu', (_request, response) => {
            for (const [name, value] of Object.entries(ISOLATION_HEADERS)) {
              response.setHeader(name, value);
            }
            response.setHeader('Content-Type', 'text/html');
            response.end(PAGE);
          });
        },
      },
    ],
  });
  const args = [...(hardware ? HARDWARE_FLAGS : SOFTWARE_FLAGS)];
  const browser = await chromium.launch({ executablePath, args });
  try {
    await server.listen();
    const [origin = ''] = server.resolvedUrls?.local ?? [];
    const page = await browser.newPage();
    await page.goto(`${origin}bench-gpu`);
    // As text, because a function would be compiled for Node, imports and all.
    const report: HostReport = await page.evaluate(
      `import('/bench/gpu/page.ts').then(({ measure }) => measure(${JSON.stringify(options)}))`,
    );
    return report;
  } finally {
    await browser.close();
    await server.close();
  }
}
