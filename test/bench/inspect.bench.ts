/**
 * Opening and inspecting, as a user waits for it: made checkpoints of the sizes people have, a real ResNet-20, and one
 * 4096 × 4096 matrix beside scipy's `svdvals` in the same run.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeLlama7b, makeManyTensors, makeRandomMatrix } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot, sharedFolder } from '../harness/shared';
import { benchTable, median, type BenchRow } from './benchTable';

const REPEATS = 5;
/** The 4096 matrix takes seconds on both sides. */
const SLOW_REPEATS = 3;

const cli = path.join(repositoryRoot, 'dist', 'cli.js');
const openProbe = path.join(repositoryRoot, 'dist', 'test', 'bench', 'openProbe.main.js');
const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-bench-'));

function opened(file: string): { seconds: number; megabytes: number } {
  const runs = Array.from({ length: REPEATS }, () => {
    const text = execFileSync(process.execPath, [openProbe, file], { encoding: 'utf8' });
    return JSON.parse(text) as { seconds: number; megabytes: number };
  });
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    megabytes: Math.max(...runs.map(({ megabytes }) => megabytes)),
  };
}

function inspected(file: string, options: string[], repeats: number): number {
  const runs = Array.from({ length: repeats }, () => {
    const started = performance.now();
    const args = [cli, 'inspect', file, '--json', '--no-cache', ...options];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 30 });
    if (status !== 0) throw new Error(`inspect ${file} ended with ${status}: ${stderr}`);
    return (performance.now() - started) / 1000;
  });
  return median(runs);
}

/** Seconds scipy takes for the singular values of the very same matrix; undefined without python3 and scipy. */
function scipySvdvals(file: string, side: number): number | undefined {
  const script = `
import sys, time, statistics, numpy as np
from scipy.linalg import svdvals
w = np.fromfile(sys.argv[1], dtype=np.float32)[-${side * side}:].reshape(${side}, ${side})
times = []
for _ in range(${SLOW_REPEATS}):
    t = time.perf_counter(); svdvals(w); times.append(time.perf_counter() - t)
print(statistics.median(times))`;
  for (const python of ['/usr/bin/python3', 'python3']) {
    const { status, stdout } = spawnSync(python, ['-c', script, file], { encoding: 'utf8' });
    if (status === 0) return Number(stdout);
  }
  return undefined;
}

function main(): void {
  const rows: BenchRow[] = [];
  const llama = opened(makeLlama7b(path.join(folder, 'llama')));
  const many = opened(makeManyTensors(folder));
  for (const [name, { seconds, megabytes }, limit] of [
    ['open LLaMA-7B shards, 291 tensors', llama, 0.3],
    ['open 100 000 tensors', many, 1.5],
  ] as const) {
    rows.push({ work: name, ours: seconds, bounds: 'value', limit });
    rows.push({ work: `${name}: memory`, ours: megabytes, bounds: 'value', limit: 200, unit: 'MB' });
  }
  if (sharedFolder) {
    const resnet = path.join(sharedFolder, 'checkpoints/resnet-cifar10/resnet20-12fca82f.th');
    const note = 'whole process, FARMS too';
    rows.push({ work: 'inspect ResNet-20', ours: inspected(resnet, [], REPEATS), bounds: 'value', limit: 2, note });
  }
  const square = makeRandomMatrix(folder, 4096, 4096);
  const peer = scipySvdvals(square, 4096);
  rows.push({
    work: 'inspect 4096 × 4096 F32, no FARMS',
    ours: inspected(square, ['--no-farms'], SLOW_REPEATS),
    bounds: 'ratio',
    limit: 3,
    ...(peer !== undefined && { peer }),
    note: peer === undefined ? 'no python3 with scipy here' : 'whole process; peer: scipy svdvals',
  });
  process.stdout.write(benchTable('Opening and inspecting', rows));
}

try {
  main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
