// Imports run one way: optimize → precondition → nystrom → rows → sketch → {backend, linalg} → kernels
// → core. Hosts (tfjs) and published sit on top and nothing imports them; the files beside the folders
// are entrances of the package.

const layers = [
  ['core'],
  ['kernels'],
  ['backend', 'linalg'],
  ['sketch'],
  ['rows'],
  ['nystrom'],
  ['precondition'],
  ['optimize'],
  ['published', 'tfjs', 'tfjs-wasm'],
];

const upward = layers.slice(0, -1).map((folders, level) => ({
  name: `${folders.join('-')}-imports-nothing-above`,
  severity: 'error',
  from: { path: `^src/(${folders.join('|')})/` },
  to: {
    path: `^src/(${layers
      .slice(level + 1)
      .flat()
      .join('|')})/`,
  },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'nothing-imports-an-entrance',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/[^/]+\\.ts$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'backend-and-linalg-stay-apart',
      severity: 'error',
      from: { path: '^src/(backend|linalg)/' },
      to: { path: '^src/(backend|linalg)/', pathNot: '^src/$1/' },
    },
    {
      name: 'nothing-imports-a-host',
      severity: 'error',
      from: { pathNot: '^src/tfjs/' },
      to: { path: '^src/tfjs/' },
    },
    {
      name: 'nothing-imports-the-kernels-of-a-host',
      severity: 'error',
      from: { pathNot: '^src/tfjs-wasm/' },
      to: { path: '^src/tfjs-wasm/' },
    },
    {
      // It holds errors on purpose.
      name: 'nothing-imports-published',
      severity: 'error',
      from: { pathNot: '^src/published/' },
      to: { path: '^src/published/' },
    },
    {
      name: 'nothing-imports-the-gpu-backend',
      severity: 'error',
      from: { pathNot: '^src/backend/gpujs/' },
      to: { path: '^src/backend/gpujs/' },
    },
    {
      // It takes the class as an argument, and knows it by types of its own.
      name: 'nothing-imports-gpu-js',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '(^|/)gpu\\.js(/|$)' },
    },
    {
      name: 'ml-matrix-in-one-file',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/ml-matrix\\.ts$' },
      to: { path: 'node_modules/ml-matrix' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-development-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    // AssemblyScript has a grammar of its own, and is compiled ahead.
    exclude: { path: '^src/(kernels|tfjs-wasm)/assembly/' },
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
};
