// The packed library in a fresh project: in Node, in bundles of Vite and esbuild, in a browser, under a
// strict content security policy.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { type Browser, chromium } from 'playwright';
import * as vite from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium, ISOLATION_HEADERS, SOFTWARE_FLAGS } from '../../bench/gpu/chromium.js';
import { installedProject, type Project } from './project.js';
import { serve } from './server.js';

/** What runs, what it computes, and whether threads can be had. */
const PROGRAM = `
import { kernelInfo, openPool, zeros } from 'nysact';
import { gemm } from 'nysact/linalg';

function product(n) {
  const [A, C] = [zeros('float32', n, n), zeros('float32', n, n)];
  A.data.fill(0.5);
  gemm(1, A, 'N', A, 'N', 0, C);
  return C.data.every((x) => x === n / 4);
}

async function threads() {
  try {
    const pool = await openPool({ threads: 2 });
    const right = product(256) && kernelInfo().threads === 2;
    pool.close();
    return right ? 'right' : 'wrong';
  } catch (error) {
    return error.message;
  }
}

export async function report() {
  return { right: product(40), engine: kernelInfo().kind, threads: await threads() };
}
`;

interface Report {
  readonly right: boolean;
  readonly engine: string;
  readonly threads: string;
}

/** Milliseconds that a program may take to start on a machine that is busy with other work. */
const STARVED = 100_000;

let project: Project;
const app = (): string => join(project.folder, 'app.js');

beforeAll(() => {
  project = installedProject();
  project.write('report.js', PROGRAM);
  project.write(
    'node.js',
    "import { report } from './report.js';\nconsole.log(JSON.stringify(await report()));\n",
  );
  project.write(
    'app.js',
    "import { report } from './report.js';\nreport().then((found) => { globalThis.found = found; });\n",
  );
  project.write(
    'index.html',
    '<!doctype html><title>nysact</title><script type="module" src="/app.js"></script>\n',
  );
}, 3 * STARVED);

afterAll(() => project.remove());

function runInNode(script: string): Report {
  const printed = execFileSync(process.execPath, [script], { encoding: 'utf8', timeout: STARVED });
  const report: Report = JSON.parse(printed);
  return report;
}

describe('in Node', () => {
  test('as it is installed, with its threads', () => {
    const found = runInNode(join(project.folder, 'node.js'));
    expect(found).toEqual({ right: true, engine: 'wasm', threads: 'right' });
  });

  test('bundled by esbuild; the worker script is named, as it is a file of its own', async () => {
    const outfile = join(project.folder, 'bundle', 'node.mjs');
    await esbuild.build({
      entryPoints: [join(project.folder, 'node.js')],
      outfile,
      logLevel: 'error',
      bundle: true,
      format: 'esm',
      platform: 'node',
    });
    const { right, engine, threads } = runInNode(outfile);
    expect([right, engine]).toEqual([true, 'wasm']);
    expect(threads).toMatch(/^openPool: the worker did not start: /);
  });
});

/** Builds the page with a bundler, and returns the folder to serve. */
const bundlers = {
  vite: async (): Promise<string> => {
    const outDir = join(project.folder, 'vite');
    const build = { outDir, emptyOutDir: true, modulePreload: false };
    await vite.build({ root: project.folder, logLevel: 'error', configFile: false, build });
    return outDir;
  },
  esbuild: async (): Promise<string> => {
    const outdir = join(project.folder, 'esbuild');
    const worker = 'node_modules/nysact/dist/kernels/pool/worker.js';
    await esbuild.build({
      entryPoints: [app(), join(project.folder, worker)],
      outdir,
      logLevel: 'error',
      bundle: true,
      format: 'esm',
      platform: 'browser',
      entryNames: '[name]',
    });
    mkdirSync(outdir, { recursive: true });
    const page =
      '<!doctype html><title>nysact</title><script type="module" src="/app.js"></script>\n';
    writeFileSync(join(outdir, 'index.html'), page);
    return outdir;
  },
};

const executablePath = findChromium();
if (executablePath === undefined && process.env.CI === 'true') {
  throw new Error('no Chromium was found: CI has to try the bundles in a browser');
}
if (executablePath === undefined) console.warn('No Chromium was found: bundles run in Node alone.');

const STRICT = "default-src 'none'; script-src 'self'; worker-src 'self'";
const policies = {
  "with 'wasm-unsafe-eval'": {
    policy: STRICT.replace("'self'", "'self' 'wasm-unsafe-eval'"),
    engine: 'wasm',
  },
  without: { policy: STRICT, engine: 'typescript' },
} as const;

const pages = executablePath === undefined ? [] : (['vite', 'esbuild'] as const);

describe.each(pages)('in a browser, bundled by %s, under a strict policy', (bundler) => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = await bundlers[bundler]();
    browser = await chromium.launch({
      args: [...SOFTWARE_FLAGS],
      timeout: STARVED,
      ...(executablePath === undefined ? {} : { executablePath }),
    });
  }, 3 * STARVED);

  afterAll(() => browser.close());

  async function open(headers: Readonly<Record<string, string>>): Promise<Report> {
    const server = await serve(folder, headers);
    const page = await browser.newPage();
    page.setDefaultTimeout(STARVED);
    try {
      await page.goto(server.origin);
      const found = await page.waitForFunction(() => Reflect.get(globalThis, 'found'));
      const report: Report = await found.jsonValue();
      return report;
    } finally {
      await page.close();
      await server.close();
    }
  }

  test.each(Object.entries(policies))('%s', async (_name, { policy, engine }) => {
    const { right, engine: ran } = await open({ 'Content-Security-Policy': policy });
    expect({ right, ran }).toEqual({ right: true, ran: engine });
  });

  test('threads need isolation, and say so', async () => {
    const { threads } = await open({});
    expect(threads).toMatch(/not cross-origin isolated: serve it with the headers/);
  });

  test('threads compute on an isolated page', async () => {
    const found = await open({
      ...ISOLATION_HEADERS,
      'Content-Security-Policy': policies["with 'wasm-unsafe-eval'"].policy,
    });
    expect(found).toEqual({ right: true, engine: 'wasm', threads: 'right' });
  });
});
