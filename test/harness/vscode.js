// A real VS Code workbench and extension host without a desktop: code-server from the npm registry, opened by a browser.
const { spawn } = require('node:child_process');
const {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} = require('node:fs');
const { symlinkSync, writeFileSync } = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { patience } = require('./machineSpeed');
const { step } = require('./step');
const { cacheFolder, ensureSystemPackages, npm, repositoryRoot, runQuietly, succeeds } = require('./setup');

/**
 * code-server is built for one Node major each. The one for Node 20 (VS Code 1.100.3, the oldest we support) is the one
 * the tests are written against; the others are the newest whose package.json asks for that major.
 */
const VERSION_BY_NODE_MAJOR = { 20: '4.100.3', 22: '4.117.0', 24: '4.139.1' };

/** Newer than code-server's own, which downloads its program from elsewhere: this one has it in npm packages. */
const RIPGREP_VERSION = '1.18.0';

/** The modules with native code that the server loads on start or on first use. */
const NATIVE_MODULES = ['node-pty', '@vscode/spdlog', '@parcel/watcher', 'native-watchdog', 'kerberos'];

/** Part of the stamp: raise it when the steps below change, so that old installations are made anew. */
const RECIPE = 2;

/** It ends at once, unless an extension host hangs. */
const STOP_LIMIT_MS = 5000;

function codeServerVersion() {
  const major = Number(process.versions.node.split('.')[0]);
  const version = VERSION_BY_NODE_MAJOR[major];
  if (!version) {
    const known = Object.keys(VERSION_BY_NODE_MAJOR).join(', ');
    throw new Error(`No code-server is known for Node ${major}; use Node ${known}, or desktop VS Code.`);
  }
  return version;
}

/** Installs the workbench into the cache once. @returns path of code-server's entry script */
async function installWorkbench() {
  await ensureSystemPackages();
  const version = codeServerVersion();
  const folder = path.join(cacheFolder, `code-server-${version}-node${process.versions.modules}-${process.arch}`);
  const entry = path.join(folder, 'node_modules/code-server/out/node/entry.js');
  const stamp = path.join(folder, 'complete.json');
  if (existsSync(stamp) && JSON.parse(readFileSync(stamp, 'utf8')).recipe === RECIPE) return entry;

  console.log(`Installing code-server ${version} into ${folder} (once, about a minute)…`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const dependencies = { 'code-server': version, '@vscode/ripgrep': RIPGREP_VERSION };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  // Its own install script wants a global npm and downloads: the steps are taken one by one instead.
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const server = path.join(folder, 'node_modules/code-server/lib/vscode');
  await step('1 of 4: downloading it', () => npm(install, { cwd: folder }));
  await step('2 of 4: downloading its modules', () => npm([...install, '--omit=dev'], { cwd: server }));
  await step('3 of 4: downloading its extensions', () =>
    npm([...install, '--omit=dev'], { cwd: path.join(server, 'extensions') }),
  );
  await step('4 of 4: building its native modules', async () => {
    for (const name of NATIVE_MODULES) await rebuild(name, server);
    await rebuild('argon2', folder);
  });
  symlinkSync('node_modules', path.join(server, 'node_modules.asar'), 'junction');
  placeRipgrep(folder, server);
  writeFileSync(stamp, JSON.stringify({ version, recipe: RECIPE }));
  return entry;
}

/** npm's verdict is not asked: node-pty's last install step fails after a good build. Loading it is what counts. */
async function rebuild(name, cwd) {
  let failure;
  try {
    // This repository's .npmrc turns scripts off, and `npm test` hands that on to every npm below it.
    await npm(['rebuild', name, '--ignore-scripts=false', '--loglevel=silent'], {
      cwd,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
  } catch (error) {
    failure = error;
  }
  if (!succeeds(process.execPath, ['-e', `require(${JSON.stringify(name)})`], { cwd })) {
    throw new Error(`${name} could not be built for the workbench; try "npm rebuild ${name}" in ${cwd}`, {
      cause: failure,
    });
  }
}

function placeRipgrep(folder, server) {
  const program = process.platform === 'win32' ? 'rg.exe' : 'rg';
  const source = path.join(folder, `node_modules/@vscode/ripgrep-${process.platform}-${process.arch}/bin`, program);
  const target = path.join(server, 'node_modules/@vscode/ripgrep/bin', program);
  mkdirSync(path.dirname(target), { recursive: true });
  copyFileSync(source, target);
  chmodSync(target, 0o755);
}

/**
 * Starts a workbench over fresh user data.
 *
 * @param options `settings`: user settings; `environment`: for the extension host too; `installed`:
 *   folders of extensions beside ours (an address can name only one in development); `linked`: folder that the server opens
 *   by itself, with this repository as an installed extension, so that `address` is all that a person needs; `vsix`: package
 *   that is installed in place of this repository; `language`: VS Code's display language, in which its own texts stay
 *   English; `trust`: folders are in Restricted Mode until trusted, without a question; `log`: receives
 *   the output
 * @returns `url(target)` (see `workbenchUrl`), `address`, `useSettings(settings)`, `data` (the folder of all user data), `ended` (a
 *   promise) and `stop()`
 */
async function startWorkbench({
  settings = {},
  environment = {},
  installed = [],
  linked = undefined,
  vsix = undefined,
  language = undefined,
  trust = false,
  log = () => undefined,
} = {}) {
  const entry = await installWorkbench();
  const data = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-vscode-'));
  const userFolder = path.join(data, 'User');
  mkdirSync(userFolder, { recursive: true });
  const useSettings = (chosen) =>
    writeFileSync(
      path.join(userFolder, 'settings.json'),
      JSON.stringify({ ...QUIET_SETTINGS, ...(trust && RESTRICTED), ...chosen }, null, 2),
    );
  useSettings(settings);
  if (language) displayIn(language, data);
  for (const extension of installed) {
    cpSync(extension, path.join(data, 'extensions', path.basename(extension)), { recursive: true });
  }
  mkdirSync(path.join(data, 'extensions'), { recursive: true });
  if (linked) symlinkSync(repositoryRoot, path.join(data, 'extensions', 'eigenscope'), 'junction');
  if (vsix) await installPackage(entry, data, vsix);
  const port = await freePort();
  const child = spawnServer(entry, data, port, environment, { trust, folder: linked });
  child.stdout.setEncoding('utf8').on('data', log);
  child.stderr.setEncoding('utf8').on('data', log);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const endWithUs = () => {
    signalGroup(child, 'SIGKILL');
    rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      signalGroup(child, 'SIGTERM');
      const late = setTimeout(() => signalGroup(child, 'SIGKILL'), STOP_LIMIT_MS);
      await ended;
      clearTimeout(late);
    }
    process.off('exit', endWithUs);
    endWithUs();
  };
  // Ctrl-C does not reach another process group: who starts a server ends it, however they end themselves.
  process.once('exit', endWithUs);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => void stop().then(() => process.exit(128 + os.constants.signals[signal])));
  }
  try {
    await Promise.race([
      answers(port),
      ended.then((code) => Promise.reject(new Error(`code-server ended with status ${code} before it answered`))),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  const development = vsix === undefined;
  const url = (target) => workbenchUrl(port, { ...target, development });
  return { stop, ended, useSettings, data, url, address: `http://127.0.0.1:${port}` };
}

/** As "Configure Display Language" and a language pack that translates nothing leave it. */
function displayIn(language, data) {
  writeFileSync(path.join(data, 'User', 'argv.json'), JSON.stringify({ locale: language }));
  const translation = path.join(data, `${language}.i18n.json`);
  writeFileSync(translation, JSON.stringify({ version: '1.0.0', contents: {} }));
  const extension = { extensionIdentifier: { id: 'eigenscope.no-texts' }, version: '1.0.0' };
  const pack = {
    hash: 'no-texts',
    extensions: [extension],
    translations: { vscode: translation },
    label: language,
  };
  writeFileSync(path.join(data, 'languagepacks.json'), JSON.stringify({ [language]: pack }));
}

function dataOptions(data) {
  return [
    ...['--config', path.join(data, 'config.yaml')],
    ...['--user-data-dir', data, '--extensions-dir', path.join(data, 'extensions')],
  ];
}

/** As "Install from VSIX…" does. @throws Error with what VS Code says against the package */
async function installPackage(entry, data, vsix) {
  await runQuietly(process.execPath, [entry, '--install-extension', vsix, ...dataOptions(data)]);
}

/** In a process group of its own: the extension host and the engine end with it. */
function spawnServer(entry, data, port, environment, { trust, folder }) {
  const options = [
    ...['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, ...dataOptions(data)],
    ...['--disable-telemetry', '--disable-update-check'],
    ...(trust ? [] : ['--disable-workspace-trust']),
    '--disable-getting-started-override',
    ...(folder ? [folder] : []),
  ];
  return spawn(process.execPath, [entry, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    env: { ...process.env, ...environment },
  });
}

/** Nothing in front of what is tested or shown: no welcome page, no prompts. */
const QUIET_SETTINGS = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'extensions.ignoreRecommendations': true,
  'git.openRepositoryInParentFolders': 'never',
};

/** Folders are not trusted, and nobody is asked whether they are. */
const RESTRICTED = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
  'security.workspace.trust.banner': 'never',
};

/**
 * @param target `folder` to open; `tests`: a script whose `run()` the extension host calls; `development`: this
 *   repository is loaded as a development extension
 * @returns address of the workbench
 */
function workbenchUrl(port, { folder, tests, development }) {
  const remote = (local) => `vscode-remote://127.0.0.1:${port}${local.replaceAll('\\', '/')}`;
  const payload = development ? [['extensionDevelopmentPath', remote(repositoryRoot)]] : [];
  if (tests) payload.push(['extensionTestsPath', remote(tests)]);
  const query = new URLSearchParams({ folder, payload: JSON.stringify(payload) });
  return `http://127.0.0.1:${port}/?${query.toString()}`;
}

function signalGroup(child, signal) {
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // already gone
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(port) {
  const limit = patience();
  const giveUp = Date.now() + limit;
  while (Date.now() < giveUp) {
    const status = await new Promise((resolve) => {
      const request = http.get({ host: '127.0.0.1', port, path: '/healthz', timeout: 10_000 }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('timeout', () => request.destroy()).on('error', () => resolve(undefined));
    });
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`code-server did not answer on port ${port} within ${limit / 1000} s`);
}

module.exports = { installWorkbench, startWorkbench };
