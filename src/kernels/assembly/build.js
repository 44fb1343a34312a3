// `npm run build:wasm`: compiles AssemblyScript, strict and relaxed, into modules of base64 strings,
// with the digest of the sources that they were built from.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

/** The variants, by the features that they need beside SIMD. */
const FEATURES = { strict: [], relaxed: ['relaxed-simd'] };

/**
 * What is built: the kernels, those on the memory of TensorFlow.js, and what benchmarks hold them against.
 * Paths from the root.
 */
export const TARGETS = [
  {
    entry: 'src/kernels/assembly/index.ts',
    output: 'src/kernels/wasm/binaries.ts',
    variants: ['strict', 'relaxed'],
  },
  {
    entry: 'src/tfjs-wasm/assembly/index.ts',
    output: 'src/tfjs-wasm/binaries.ts',
    variants: ['strict'],
  },
  {
    entry: 'bench/kernels/assembly/calibrator.ts',
    output: 'bench/kernels/calibrator-binaries.ts',
    variants: ['strict', 'relaxed'],
  },
];

const FOLDERS = ['src/kernels/assembly', 'src/tfjs-wasm/assembly', 'bench/kernels/assembly'];

/** The SHA-256 of all sources, this script included, in the order of their names. */
export function sourceDigest() {
  const hash = createHash('sha256');
  for (const folder of FOLDERS) {
    for (const name of readdirSync(folder).filter((file) => /(?<!\.d)\.[jt]s$/.test(file)).sort()) {
      hash.update(`${folder}/${name}\n${readFileSync(join(folder, name), 'utf8')}\n`);
    }
  }
  return hash.digest('hex');
}

/** The variants of one target, in base64, by their names. */
export async function compileVariants({ entry, variants }) {
  const binaries = {};
  for (const name of variants) binaries[name] = await compile(entry, FEATURES[name]);
  return binaries;
}

/** One module: the memory is imported, so that the host can size and share it. */
async function compile(entry, features) {
  let binary;
  const options = [
    ['--outFile', 'kernels.wasm'],
    ['-O3', '--converge', '--noAssert'],
    ['--runtime', 'stub'],
    ['--importMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
    ...['simd', ...features].map((feature) => ['--enable', feature]),
  ];
  const { error, stderr } = await asc.main([entry, ...options.flat()], {
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
  });
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return Buffer.from(binary).toString('base64');
}

function moduleText(entry, binaries) {
  const names = Object.keys(binaries).map((name) => `'${name}'`);
  const lines = Object.entries(binaries).map(([name, text]) => `  ${name}:\n    '${text}',\n`);
  return `// Built from ${entry} by \`npm run build:wasm\`; not to be edited.

/** The SHA-256 of the sources. */
export const SOURCE_DIGEST = '${sourceDigest()}';

/** The modules, in base64. */
export const BINARIES: Readonly<Record<${names.join(' | ')}, string>> = {
${lines.join('')}};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.chdir(join(dirname(fileURLToPath(import.meta.url)), '../../..'));
  for (const target of TARGETS) {
    writeFileSync(target.output, moduleText(target.entry, await compileVariants(target)));
  }
}
