// `npm run package [-- PLATFORM …]`: one VSIX for each platform in platforms.js, in dist/packages/. Every platform's
// package is made on any machine: onnxruntime-node has the libraries of all of them.
const { execFile } = require('node:child_process');
const { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const { ensureDependencies, repositoryRoot, run } = require('../setup');
const platforms = require('./platforms');

const packageFolder = path.join(repositoryRoot, 'dist/packages');

/** @returns where the package of a platform is put */
function packagePath(platform) {
  const { name, version } = JSON.parse(readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8'));
  return path.join(packageFolder, `${name}-${platform}-${version}.vsix`);
}

/**
 * Builds and packages.
 *
 * @param chosen names of platforms
 * @throws Error for an unknown platform; if the build or vsce fails
 */
async function makePackages(chosen) {
  const unknown = chosen.find((platform) => !Object.hasOwn(platforms, platform));
  if (unknown !== undefined) {
    throw new Error(`no package is made for "${unknown}"; there are ${Object.keys(platforms).join(', ')}`);
  }
  const { stage } = require('./stage');
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-package-'));
  try {
    const bundles = path.join(scratch, 'bundles');
    await run(process.execPath, ['esbuild.js', '--minify', `--out=${bundles}`]);
    mkdirSync(packageFolder, { recursive: true });
    for (const platform of chosen) {
      const folder = path.join(scratch, platform);
      stage(platform, bundles, folder);
      await makeVsix(platform, folder);
      rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Under another name until it is whole: two runs may make the same package at once. */
async function makeVsix(platform, folder) {
  const target = packagePath(platform);
  const partial = path.join(packageFolder, `.${process.pid}-${path.basename(target)}`);
  const { repository } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const options = [
    ...['--target', platform, '--out', partial, '--no-dependencies'],
    // Relative links can only be made absolute if it is known what they are relative to.
    ...(repository ? [] : ['--allow-missing-repository', '--no-rewrite-relative-links']),
  ];
  const vsce = path.join(repositoryRoot, 'node_modules/@vscode/vsce/vsce');
  try {
    await promisify(execFile)(process.execPath, [vsce, 'package', ...options], { cwd: folder }).catch((error) => {
      throw new Error(`vsce made no package for ${platform}:\n${error.stdout}${error.stderr}`, { cause: error });
    });
    renameSync(partial, target);
  } catch (error) {
    rmSync(target, { force: true }); // one of an earlier run must not be taken for this one's
    throw error;
  } finally {
    rmSync(partial, { force: true });
  }
}

async function printTable(made) {
  const { readVsix } = require('./vsix');
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1).padStart(6);
  console.log('platform      files  packed MB  unpacked MB');
  for (const platform of made) {
    const { entries, packed, unpacked } = await readVsix(packagePath(platform));
    const files = String(entries.length).padStart(5);
    console.log(`${platform.padEnd(13)} ${files}     ${megabytes(packed)}       ${megabytes(unpacked)}`);
  }
}

async function main() {
  const given = process.argv.slice(2);
  const chosen = given.length > 0 ? given : Object.keys(platforms);
  await ensureDependencies();
  await makePackages(chosen);
  console.log(`${path.relative(process.cwd(), packageFolder)}:`);
  await printTable(chosen);
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}

module.exports = { packagePath };
