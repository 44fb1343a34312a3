// `npm run build:wasm`: compiles the AssemblyScript beside this file, strict and relaxed, and writes
// both as base64 into ../wasm/binaries.ts, with the digest of the sources that they were built from.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = dirname(fileURLToPath(import.meta.url));

/** The SHA-256 of all sources (and of this script), in the order of their names. */
export function sourceDigest() {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).filter((file) => /(?<!\.d)\.[jt]s$/.test(file)).sort()) {
    hash.update(`${name}\n${readFileSync(join(folder, name), 'utf8')}\n`);
  }
  return hash.digest('hex');
}

/** One module: the memory is imported, so that the host can size and share it. */
async function compile(entry, features) {
  let binary;
  const { error, stderr } = await asc.main(
    [
      entry,
      '--outFile', 'kernels.wasm',
      '-O3',
      '--converge',
      '--noAssert',
      '--runtime', 'stub',
      '--importMemory',
      '--initialMemory', '1',
      '--maximumMemory', '65536',
      '--enable', 'simd',
      ...features.flatMap((feature) => ['--enable', feature]),
    ],
    {
      readFile: (name, base) => {
        try {
          return readFileSync(join(base, name), 'utf8');
        } catch {
          return null;
        }
      },
      writeFile: (_name, content) => {
        binary = content;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return Buffer.from(binary).toString('base64');
}

/** The two variants of one entry file. */
export async function compileVariants(entry) {
  return { strict: await compile(entry, []), relaxed: await compile(entry, ['relaxed-simd']) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { strict, relaxed } = await compileVariants(join(folder, 'index.ts'));
  writeFileSync(
    join(folder, '../wasm/binaries.ts'),
    `// Built from ../assembly by \`npm run build:wasm\`; not to be edited.

/** The SHA-256 of the sources. */
export const SOURCE_DIGEST = '${sourceDigest()}';

/** The modules, in base64. */
export const BINARIES: Readonly<Record<'strict' | 'relaxed', string>> = {
  strict:
    '${strict}',
  relaxed:
    '${relaxed}',
};
`,
  );
}
