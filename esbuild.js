// Builds everything into dist/: the WASM kernels first (they are embedded in the bundles that use them), then the
// extension host, the engine, its worker, the CLI, the webview, and with --tests the test suites.
// Flags: --tests, --minify, --watch.
const { execFileSync } = require('node:child_process');
const { mkdirSync, readdirSync, statSync, existsSync, rmSync } = require('node:fs');
const path = require('node:path');
const esbuild = require('esbuild');

const flags = new Set(process.argv.slice(2));
const root = __dirname;
const dist = path.join(root, 'dist');

/** All files below `folder` whose name ends in `suffix` (globSync is Node 22). */
function filesBelow(folder, suffix) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(suffix))
    .map((name) => path.join(folder, name));
}

function buildKernels() {
  const sources = filesBelow(path.join(root, 'extension/linalg/kernels'), '.ts');
  const target = path.join(dist, 'kernels.wasm');
  // The flags below count as a source too.
  const newest = Math.max(...[...sources, __filename].map((file) => statSync(file).mtimeMs));
  if (existsSync(target) && statSync(target).mtimeMs > newest) return;
  mkdirSync(dist, { recursive: true });
  execFileSync(
    process.execPath,
    [
      path.join(root, 'node_modules/assemblyscript/bin/asc.js'),
      'extension/linalg/kernels/index.ts',
      '--outFile',
      target,
      '-O3',
      '--noAssert',
      '--converge',
      '--enable',
      'simd',
      '--runtime',
      'stub',
      '--use',
      'abort=',
      '--maximumMemory',
      '65536',
      '--initialMemory',
      '16',
    ],
    { cwd: root, stdio: 'inherit' },
  );
}

const node = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  sourcemap: true,
  minify: flags.has('--minify'),
  loader: { '.wasm': 'binary' },
  external: [
    'vscode',
    'onnxruntime-node',
    'mocha',
    'playwright-core',
    'esbuild',
    '@vscode/test-electron',
    'fast-check',
  ],
  logLevel: 'warning',
  outdir: dist,
};

const builds = [
  {
    ...node,
    entryPoints: {
      extension: 'extension/host/main.ts',
      engine: 'extension/engine/main.ts',
      worker: 'extension/engine/worker.ts',
      trial: 'extension/engine/trial.ts',
    },
  },
  { ...node, entryPoints: { cli: 'extension/engine/cli.ts' }, banner: { js: '#!/usr/bin/env node' } },
  {
    bundle: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    sourcemap: true,
    // Always: the page is loaded through VS Code's service worker while a person waits for the first row.
    minify: true,
    loader: { '.svg': 'text' },
    logLevel: 'warning',
    outdir: dist,
    entryPoints: { webview: 'webview/app.ts' },
  },
];
if (flags.has('--tests')) {
  rmSync(path.join(dist, 'test'), { recursive: true, force: true });
  builds.push({
    ...node,
    entryPoints: filesBelow(path.join(root, 'test'), '.ts').filter(
      (file) =>
        !file.includes(`${path.sep}page${path.sep}`) &&
        (/\.(test|bench|main)\.ts$/.test(file) || file.endsWith(path.join('vscode', 'index.ts'))),
    ),
    outbase: path.join(root, 'test'),
    outdir: path.join(dist, 'test'),
  });
}

async function main() {
  buildKernels();
  for (const options of builds) {
    const present = Array.isArray(options.entryPoints)
      ? options.entryPoints
      : Object.fromEntries(Object.entries(options.entryPoints).filter(([, file]) => existsSync(path.join(root, file))));
    if (Object.keys(present).length === 0) continue;
    const resolved = { ...options, entryPoints: present, absWorkingDir: root };
    if (flags.has('--watch')) await (await esbuild.context(resolved)).watch();
    else await esbuild.build(resolved);
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
