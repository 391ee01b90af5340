/** What is in each platform's package, by the packages that `npm run package` has just made. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { packagePath } from '../harness/package/package';
import platforms from '../harness/package/platforms';
import { readVsix, readVsixFile } from '../harness/package/vsix';
import { repositoryRoot } from '../harness/shared';
import { neededLibraries } from './neededLibraries';

/** In every package, below `extension/`. vsce gives the texts these names. */
const EVERYWHERE = [
  ...['package.json', 'readme.md', 'changelog.md', 'LICENSE.txt', 'dist/ThirdPartyNotices.txt'],
  ...['extension', 'engine', 'worker', 'headers', 'trial', 'modelRun', 'assignment', 'webview', 'report'].map(
    (name) => `dist/${name}.js`,
  ),
  ...['dist/webview.css', 'dist/report.css'],
  ...['icon.png', 'icon.svg', 'checkpoint-dark.svg', 'checkpoint-light.svg'].map((name) => `media/${name}`),
  ...['compress', 'hover', 'open', 'read'].map((name) => `media/walkthrough-${name}.svg`),
  'media/schemas/eigenplan.schema.json',
  ...['package.nls.json', 'package.nls.de.json', 'media/l10n/bundle.l10n.json', 'media/l10n/bundle.l10n.de.json'],
];

const MODULES = 'dist/node_modules';

/** Beside onnxruntime's libraries: what loads them, and licences. */
const WITH_ONNXRUNTIME = [
  ...['package.json', 'LICENSE', 'ThirdPartyNotices.txt'].map((name) => `onnxruntime-node/${name}`),
  ...['backend', 'binding', 'index', 'version'].map((name) => `onnxruntime-node/dist/${name}.js`),
  ...['package.json', 'LICENSE', 'dist/cjs/package.json'].map((name) => `onnxruntime-common/${name}`),
].map((name) => `${MODULES}/${name}`);

/** onnxruntime-common's own modules, which are for it to name. */
const COMMON = /^dist\/node_modules\/onnxruntime-common\/dist\/cjs\/[\w-]+\.js$/;

/** Megabytes that packages may be at most: the first target, and that of packages without onnxruntime. */
const MOST_MB = { linux: 25, wasm: 4 };

/** A package whose size is further from the table than this is looked at, and the table changed. */
const SIZE_TOLERANCE = 0.05;
const SIZE_TOLERANCE_MB = 0.1;

/** Libraries that come with the system. On Windows those of Visual C++ are installed with most programs. */
const SYSTEM_LIBRARIES = {
  linux: /^(lib(c|m|dl|rt|pthread|gcc_s)\.so\.\d|libstdc\+\+\.so\.6|ld-linux-(x86-64|aarch64)\.so\.\d)$/,
  win32:
    /^(api-ms-win-[\w-]+|kernel32|user32|shell32|advapi32|ole32|oleaut32|setupapi|dbghelp|d3d12|dxgi|msvcp140\w*|vcruntime140\w*)\.dll$|^node\.exe$/i,
  darwin: /^(\/System\/Library\/Frameworks|\/usr\/lib)\//,
};

for (const [platform, { onnxruntime, files, packedMB, unpackedMB }] of Object.entries(platforms)) {
  describe(`the package for ${platform}`, () => {
    const file = packagePath(platform);
    const folder = `${MODULES}/onnxruntime-node/bin/napi-v6/${platform.replace('-', '/')}`;
    const system = platform.split('-')[0]!;
    let paths: string[];

    before(async () => {
      assert.ok(existsSync(file), `${file} is missing: npm run package makes it`);
      paths = (await readVsix(file)).entries.map((entry) => entry.path);
    });

    it('has what it needs and nothing else', () => {
      const own = paths.flatMap((each) => (each.startsWith('extension/') ? each.slice('extension/'.length) : []));
      const outside = paths.filter((each) => !each.startsWith('extension/'));
      assert.deepEqual(outside.sort(), ['[Content_Types].xml', 'extension.vsixmanifest']);
      const common = own.filter((each) => COMMON.test(each));
      assert.equal(common.includes(`${MODULES}/onnxruntime-common/dist/cjs/index.js`), onnxruntime.length > 0);
      const expected = [...EVERYWHERE, ...onnxruntime.map((library) => `${folder}/${library}`)];
      if (onnxruntime.length > 0) expected.push(...WITH_ONNXRUNTIME);
      if (system === 'win32') expected.push(`${MODULES}/onnxruntime-node/ThirdPartyNotices-Windows.txt`);
      assert.deepEqual(own.filter((each) => !COMMON.test(each)).sort(), expected.sort());
    });

    it('has the size that the table says, within the target', async () => {
      const { entries, packed, unpacked } = await readVsix(file);
      const found = { files: entries.length, packedMB: round(packed), unpackedMB: round(unpacked) };
      const near = (value: number, known: number): boolean =>
        Math.abs(value - known) <= Math.max(SIZE_TOLERANCE * known, SIZE_TOLERANCE_MB);
      const matches = found.files === files && near(found.packedMB, packedMB) && near(found.unpackedMB, unpackedMB);
      assert.ok(
        matches,
        `platforms.js says ${JSON.stringify({ files, packedMB, unpackedMB })}, it is ${JSON.stringify(found)}`,
      );
      if (platform === 'linux-x64') assert.ok(found.packedMB <= MOST_MB.linux);
      if (onnxruntime.length === 0) assert.ok(found.packedMB <= MOST_MB.wasm);
    });

    it('has that size in the table for people, too', () => {
      const table = readFileSync(path.join(repositoryRoot, 'CONTRIBUTING.md'), 'utf8').split('\n');
      const row = table.find((line) => line.startsWith('| ') && line.split('|')[1]!.includes(platform));
      assert.ok(row?.includes(`| ${packedMB} MB | ${unpackedMB} MB |`), row);
    });

    it('has every file that its manifest names', async () => {
      const manifest = (await readVsixFile(file, 'extension/package.json')).toString('utf8');
      const named = manifest.matchAll(/"(?:\.\/)?((?:dist|media)\/[^"]+)"/g);
      // Translations are named by their folder.
      const isThere = (name: string): boolean => paths.some((each) => each === name || each.startsWith(`${name}/`));
      const missing = [...named].map(([, name]) => `extension/${name}`).filter((name) => !isThere(name));
      assert.deepEqual(missing, []);
      assert.match(manifest, /"main":"\.\/dist\/extension\.js"/);
    });

    if (onnxruntime.length === 0) return;

    it('has every library that one of its own loads, and none that none loads', async () => {
      const contents = await Promise.all(
        onnxruntime.map(async (name) => ({ name, bytes: await readVsixFile(file, `extension/${folder}/${name}`) })),
      );
      const known = SYSTEM_LIBRARIES[system as keyof typeof SYSTEM_LIBRARIES];
      for (const { name, bytes } of contents) {
        const needed = neededLibraries(bytes).map((each) => each.replace(/^@rpath\//, ''));
        assert.ok(needed.length > 0, `${name} needs no library: it was not read rightly`);
        const missing = needed.filter((each) => !onnxruntime.includes(each) && !known.test(each));
        assert.deepEqual(missing, [], `missing for ${name}`);
      }
      for (const { name } of contents.filter((each) => !each.name.endsWith('.node'))) {
        const users = contents.filter((other) => other.name !== name && other.bytes.includes(name));
        assert.ok(users.length > 0, `no other library names ${name}`);
      }
    });
  });
}

function round(bytes: number): number {
  return Math.round(bytes / 1e5) / 10;
}
