// Builds everything into dist/: the WASM kernels first (they are embedded in the bundles that use them), then the
// extension host, the engine, its worker, the CLI, the webview, and with --tests the test suites. Then the licences of
// all packages that are in the bundles, as ThirdPartyNotices.txt.
// Flags: --tests, --minify, --watch, --out=FOLDER (instead of dist/, where the kernels stay).
const { execFileSync } = require('node:child_process');
const { mkdirSync, readdirSync, readFileSync, statSync, existsSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const esbuild = require('esbuild');

const flags = new Set(process.argv.slice(2));
const root = __dirname;
const dist = path.join(root, 'dist');
const chosenFolder = process.argv.find((argument) => argument.startsWith('--out='));
const out = chosenFolder ? path.resolve(chosenFolder.slice('--out='.length)) : dist;

/** All files below `folder` whose name ends in `suffix` (globSync is Node 22). */
function filesBelow(folder, suffix) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(suffix))
    .map((name) => path.join(folder, name));
}

function buildKernels() {
  const sources = filesBelow(path.join(root, 'extension/linalg/assembly'), '.ts');
  const target = path.join(dist, 'kernels.wasm');
  // The flags below count as a source too.
  const newest = Math.max(...[...sources, __filename].map((file) => statSync(file).mtimeMs));
  if (existsSync(target) && statSync(target).mtimeMs > newest) return;
  mkdirSync(dist, { recursive: true });
  execFileSync(
    process.execPath,
    [
      path.join(root, 'node_modules/assemblyscript/bin/asc.js'),
      'extension/linalg/assembly/index.ts',
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

/** Minified bundles are packaged without their maps, and must not name files that are not there. */
const SOURCE_MAPS = flags.has('--minify') ? 'external' : true;

const node = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  sourcemap: SOURCE_MAPS,
  minify: flags.has('--minify'),
  loader: { '.wasm': 'binary', '.py': 'text' },
  external: [
    'vscode',
    'onnxruntime-node',
    'mocha',
    'playwright-core',
    'esbuild',
    'typescript',
    '@vscode/test-electron',
    'fast-check',
  ],
  logLevel: 'warning',
  outdir: out,
};

const builds = [
  {
    ...node,
    entryPoints: {
      extension: 'extension/host/main.ts',
      engine: 'extension/engine/main.ts',
      headers: 'extension/engine/headers.ts',
      worker: 'extension/engine/worker/worker.ts',
      trial: 'extension/engine/resources/trial.ts',
      assignment: 'extension/compression/assignment/solver.ts',
      modelRun: 'extension/engine/models/modelRun.ts',
    },
  },
  { ...node, entryPoints: { cli: 'extension/engine/terminal/cli.ts' }, banner: { js: '#!/usr/bin/env node' } },
  {
    bundle: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    sourcemap: SOURCE_MAPS,
    // Always: the page is loaded through VS Code's service worker while a person waits for the first row.
    minify: true,
    loader: { '.svg': 'text' },
    logLevel: 'warning',
    outdir: out,
    entryPoints: { webview: 'webview/app.ts', report: 'webview/report/report.ts' },
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

/** Licences that go with ours (MIT) in one package. CC-BY-4.0 is that of pictures. */
const COMPATIBLE = new Set(['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'CC-BY-4.0']);

/** Compiled into the kernels, so that no bundle lists it. */
const COMPILER = 'node_modules/assemblyscript';

/** Files of a package that are shown: its licences, and what it says of code by others. */
const LEGAL_FILE = /^(licen[cs]e|copying|notice|copyright|third.?party.?notices)/i;

/** Packages whose licence stands in their repository alone, and where it is the same. */
const WITHOUT_FILE = [[/^@microsoft\/fast-/, 'node_modules/@vscode/webview-ui-toolkit/LICENSE']];

/** Folders of the packages whose code is in a bundle. */
function bundledPackages({ outputs }) {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).flatMap((input) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []),
  );
}

/** @throws Error where a licence is missing or may not be packaged */
function writeNotices(bundled) {
  const folders = [...new Set([...bundled, COMPILER])];
  const packages = folders.map((folder) => {
    const { name, version, license, homepage } = JSON.parse(
      readFileSync(path.join(root, folder, 'package.json'), 'utf8'),
    );
    if (!COMPATIBLE.has(license)) throw new Error(`${name} has the licence ${license}, which may not be packaged`);
    const files = readdirSync(path.join(root, folder)).filter((file) => LEGAL_FILE.test(file));
    const same = WITHOUT_FILE.find(([pattern]) => pattern.test(name))?.[1];
    const paths = files.length === 0 && same ? [same] : files.map((file) => path.join(folder, file));
    if (paths.length === 0) throw new Error(`${name} has no licence file: its text has to be found`);
    const texts = paths.map((file) => readFileSync(path.join(root, file), 'utf8').replaceAll('\r\n', '\n').trim());
    return { title: `${name} ${version} (${license})`, homepage: homepage ?? '', texts };
  });
  packages.sort((a, b) => a.title.localeCompare(b.title, 'en'));
  const head = 'Eigenscope has code of the following packages in it.';
  const rule = '='.repeat(80);
  const sections = packages.map(({ title, homepage, texts }) =>
    [rule, title, ...(homepage ? [homepage] : []), rule, '', texts.join('\n\n')].join('\n'),
  );
  const contents = packages.map(({ title }) => `- ${title}`);
  const text = [head, contents.join('\n'), ...sections].join('\n\n');
  writeFileSync(path.join(out, 'ThirdPartyNotices.txt'), `${text}\n`);
}

async function main() {
  buildKernels();
  const bundled = [];
  for (const options of builds) {
    const resolved = { ...options, absWorkingDir: root };
    if (flags.has('--watch')) await (await esbuild.context(resolved)).watch();
    else {
      const { metafile } = await esbuild.build({ ...resolved, metafile: true });
      if (!Array.isArray(options.entryPoints)) bundled.push(...bundledPackages(metafile));
    }
  }
  if (!flags.has('--watch')) writeNotices(bundled);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
