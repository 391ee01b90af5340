/**
 * How many layers are judged by their alpha: of random ones, which should be none; of the reference checkpoints, where
 * they lie beside the repository, with what each verdict lacks.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { InspectReport } from '../../extension/shared/inspectReport';
import { commandLine } from '../harness/commandLine';
import { CHECKPOINT_ENDINGS } from '../../extension/shared/names/checkpointNames';
import { goldenFiles } from '../harness/golden';
import { INITIALISERS, initialised, SHAPES, storedLayer, STORED_TYPES } from '../harness/numbers/randomLayers';
import { sharedFolder } from '../harness/shared';

const SEEDS = 10;

function line(name: string, judged: number, of: number, note = ''): void {
  const share = of === 0 ? '–' : `${((100 * judged) / of).toFixed(1)} %`;
  process.stdout.write(
    `${name.padEnd(58)}${String(judged).padStart(4)} of ${String(of).padEnd(5)}${share.padStart(7)}  ${note}\n`,
  );
}

function counted(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
  return parts.join(', ');
}

function random(): void {
  process.stdout.write(`Random layers with a verdict (${SEEDS} seeds of each shape)\n\n`);
  let [judged, all] = [0, 0];
  for (const initialiser of INITIALISERS) {
    for (const dtype of STORED_TYPES) {
      const verdicts = SHAPES.flatMap((shape) =>
        Array.from({ length: SEEDS }, (_, seed) =>
          storedLayer(initialised(initialiser, shape, seed + 1), shape, dtype),
        ),
      );
      const given = verdicts.filter(({ verdict }) => verdict.verdict !== 'no verdict');
      line(
        `${initialiser} ${dtype}`,
        given.length,
        verdicts.length,
        counted(given.map(({ verdict }) => verdict.verdict_reason)),
      );
      judged += given.length;
      all += verdicts.length;
    }
  }
  line('all', judged, all);
}

function reference(folder: string): void {
  process.stdout.write('\nLayers of the reference checkpoints with a verdict\n\n');
  const temporary = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-verdicts-'));
  try {
    const run = commandLine(temporary);
    const checkpoints = [...new Set(goldenFiles(folder, CHECKPOINT_ENDINGS).map(({ golden }) => golden.checkpoint))];
    for (const checkpoint of checkpoints) {
      const { stdout, stderr } = run('inspect', path.join(folder, 'checkpoints', checkpoint), '--json');
      if (stdout === '') throw new Error(`${checkpoint}: ${stderr}`);
      const layers = (JSON.parse(stdout) as InspectReport).layers.filter(({ matrices }) => matrices > 0);
      const given = layers.filter(({ verdict }) => verdict !== 'no verdict');
      const lacking = layers.flatMap(({ verdict_evidence: evidence = [] }) =>
        evidence.filter(({ holds }) => !holds).map(({ check }) => check),
      );
      line(checkpoint, given.length, layers.length, lacking.length > 0 ? `lacking: ${counted(lacking)}` : '');
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

random();
if (sharedFolder) reference(sharedFolder);
else process.stdout.write('\nNo reference checkpoints: ../shared is not there.\n');
