/** What the bundled extension loads and starts when VS Code activates it, seen through a stand-in for VS Code's API. */
import assert from 'node:assert/strict';
import childProcess from 'node:child_process';
import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import Module from 'node:module';
import path from 'node:path';
import { repositoryRoot } from '../../harness/shared';

const BUNDLE = path.join(repositoryRoot, 'dist/extension.js');

/** Anything: it can be called, made new, asked for any property, and is empty as a list and 1 as a number. */
const anything: object = new Proxy(function () {}, {
  get: (_, key) => {
    if (key === 'then') return undefined;
    if (key === Symbol.iterator) return () => [].values();
    return key === Symbol.toPrimitive ? () => 1 : anything;
  },
  set: () => true,
  apply: () => anything,
  construct: () => anything,
});

/** As much of the API as the bundle names. */
function fakeApi(found: string[]): Record<string, unknown> {
  const names = fs.readFileSync(BUNDLE, 'utf8').matchAll(/\bvscode\d*\.(\w+)/g);
  const api = Object.fromEntries([...names].map(([, name]) => [name!, anything as unknown]));
  const files = found.map((fsPath) => ({ scheme: 'file', fsPath }));
  const own: Record<string, unknown> = {
    findFiles: () => Promise.resolve(files),
    textDocuments: [{ languageId: 'python' }],
  };
  api['workspace'] = new Proxy(own, { get: (target, key: string) => target[key] ?? anything });
  return api;
}

interface Done {
  programs: string[];
  files: string[];
  /** What other extensions get of it. */
  exports: string[];
}

/** Activates a fresh copy of the bundle in a workspace where a search finds `found`. */
async function activated(found: string[]): Promise<Done> {
  const done: Done = { programs: [], files: [], exports: [] };
  const { fork } = childProcess;
  const { readFile } = fsPromises;
  const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
  const { _load } = loader;
  childProcess.fork = ((program: string) => {
    done.programs.push(path.basename(program));
    throw new Error('no process in this test');
  }) as typeof fork;
  fsPromises.readFile = ((file: string) => {
    done.files.push(path.basename(file));
    return Promise.resolve('');
  }) as typeof readFile;
  const api = fakeApi(found);
  loader._load = (request, ...rest) => (request === 'vscode' ? api : _load(request, ...rest));
  try {
    const fresh = new Module(BUNDLE) as Module & { load(file: string): void };
    fresh.paths = [];
    fresh.load(BUNDLE);
    const { activate } = fresh.exports as { activate: (context: unknown) => object };
    const exported = activate({
      extensionPath: repositoryRoot,
      extensionUri: { fsPath: repositoryRoot },
      globalStorageUri: { fsPath: repositoryRoot },
      subscriptions: [],
      extension: anything,
      workspaceState: { get: () => undefined },
    });
    done.exports = Object.keys(exported);
    // Whatever follows from what was found happens in a few turns of the event loop; nothing here waits for a clock.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  } finally {
    loader._load = _load;
    childProcess.fork = fork;
    fsPromises.readFile = readFile;
  }
  return done;
}

describe('activation', () => {
  it('starts no process and reads no file in a workspace without checkpoints', async () => {
    assert.deepEqual(await activated([]), { programs: [], files: [], exports: ['getApi'] });
  });

  it('prepares engine and view where there is a checkpoint', async () => {
    const { programs, files } = await activated([path.join(repositoryRoot, 'model.safetensors')]);
    assert.ok(programs.includes('engine.js'), programs.join());
    assert.ok(files.includes('webview.js'), files.join());
  });
});
