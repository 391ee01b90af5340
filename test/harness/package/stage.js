// The folder from which one platform's package is made. What of it is packaged, `.vscodeignore` says.
const { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { repositoryRoot } = require('../setup');
const platforms = require('./platforms');

/** Parts of package.json for those who work on the source, or for the terminal's package. vsce refuses `files`. */
const SOURCE_ONLY = [
  ...['files', 'bin', 'private', 'scripts', 'mocha', 'prettier'],
  ...['dependencies', 'optionalDependencies', 'devDependencies'],
];

const AS_THEY_ARE = [
  ...['README.md', 'CHANGELOG.md', 'LICENSE', '.vscodeignore', 'media'],
  ...['package.nls.json', 'package.nls.de.json'],
];

/**
 * @param bundles folder of the minified build
 * @param folder receives the files; made here
 * @throws Error if a file of onnxruntime is missing
 */
function stage(platform, bundles, folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of AS_THEY_ARE) {
    cpSync(path.join(repositoryRoot, name), path.join(folder, name), { recursive: true });
  }
  const manifest = JSON.parse(readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8'));
  for (const key of SOURCE_ONLY) delete manifest[key];
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  cpSync(bundles, path.join(folder, 'dist'), { recursive: true });
  const { onnxruntime } = platforms[platform];
  if (onnxruntime.length > 0) stageOnnxruntime(platform, onnxruntime, path.join(folder, 'dist/node_modules'));
}

/** onnxruntime's JavaScript and the named libraries of one platform, with the licences that it has no file of. */
function stageOnnxruntime(platform, libraries, modules) {
  const copy = (name) => {
    const target = path.join(modules, name);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(path.join(repositoryRoot, 'node_modules', name), target);
  };
  const binaries = `onnxruntime-node/bin/napi-v6/${platform.replace('-', '/')}`;
  for (const library of libraries) copy(`${binaries}/${library}`);
  for (const name of ['onnxruntime-node', 'onnxruntime-common']) copy(`${name}/package.json`);
  for (const folder of ['onnxruntime-node/dist', 'onnxruntime-common/dist/cjs']) {
    cpSync(path.join(repositoryRoot, 'node_modules', folder), path.join(modules, folder), { recursive: true });
  }
  for (const [name, text] of Object.entries(licenceFiles(platform))) {
    const target = path.join(modules, name);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(text, target);
  }
}

/** By place in the package: the texts that onnxruntime's wheel of the same version has and its package for Node lacks. */
function licenceFiles(platform) {
  const { version } = JSON.parse(
    readFileSync(path.join(repositoryRoot, 'node_modules/onnxruntime-node/package.json'), 'utf8'),
  );
  const folder = path.join(repositoryRoot, `media/onnxruntime-${version}`);
  if (!existsSync(folder)) {
    throw new Error(`${folder} is missing: take LICENSE and ThirdPartyNotices.txt from onnxruntime's wheel ${version}`);
  }
  const windows = platform.startsWith('win32');
  return {
    'onnxruntime-node/LICENSE': path.join(folder, 'LICENSE'),
    'onnxruntime-node/ThirdPartyNotices.txt': path.join(folder, 'ThirdPartyNotices.txt'),
    ...(windows && {
      'onnxruntime-node/ThirdPartyNotices-Windows.txt': path.join(folder, 'ThirdPartyNotices-Windows.txt'),
    }),
    'onnxruntime-common/LICENSE': path.join(folder, 'LICENSE'),
  };
}

module.exports = { stage };
