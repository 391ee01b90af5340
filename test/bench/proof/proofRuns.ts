/**
 * What the proof asks of `eigenscope`, as a person would: statistics, plans, evaluations. Each answer is kept outside the
 * repository, under a hash of all that it depends on, so that a bench that was interrupted goes on.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SensitivityReport } from '../../../extension/engine/sensitivity/sensitivityRecords';
import type { DecoderEvaluationReport } from '../../../extension/shared/decoderRuns';
import { cli } from '../../harness/commandLine';
import type { ProofModel } from './proofModels';

export interface Asked {
  readonly ratio: number;
  readonly method: string;
  /** As `eigenscope plan` calls it; `…, relative` for errors that are relative to each layer's own. */
  readonly allocation: string;
  /** METHOD:SHARE of groups. */
  readonly groups?: readonly string[];
}

export interface MadePlan {
  readonly file: string;
  readonly parameters: number;
}

export class ProofRuns {
  /** @param folder of kept answers */
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  statistics({ calibration, path: model, length, windows, statistics }: ProofModel): string {
    if (statistics !== undefined) return statistics;
    const file = path.join(
      this.folder,
      `${hashOf(readFileSync(calibration), `${model} ${length} ${windows}`)}.safetensors`,
    );
    if (!existsSync(file)) {
      this.eigenscope('calibrate', model, '--tokens', calibration, ...sizes({ length, windows }), '--out', file);
    }
    return file;
  }

  /** @returns the plan's file, and the share of parameters that it keeps; or why there is none, as `eigenscope plan` says it */
  plan({ path: model }: ProofModel, statistics: string, asked: Asked): MadePlan | { why: string } {
    const { ratio, method, allocation, groups = [] } = asked;
    const file = path.join(
      this.folder,
      `${hashOf(readFileSync(statistics), JSON.stringify([model, asked]))}.eigenplan.json`,
    );
    const [share, relative] = allocation.split(', ');
    const said = `${file}.txt`;
    try {
      if (existsSync(said)) return { file, parameters: parametersIn(readFileSync(said, 'utf8')) };
      const text = this.eigenscope(
        ...['plan', model, '--target', 'parameters', '--ratio', `${ratio}`],
        ...['--method', method, '--allocation', share!, ...(relative === undefined ? [] : ['--relative'])],
        ...groups.flatMap((group) => ['--group', group]),
        ...['--stats', statistics, '--out', file, '--overwrite'],
      );
      writeFileSync(said, text);
      return { file, parameters: parametersIn(text) };
    } catch (error) {
      return { why: String((error as { stderr?: unknown }).stderr ?? error).trim() };
    }
  }

  /** The dense model, then the plans in their order. */
  evaluation(model: ProofModel, statistics: string, plans: readonly string[]): DecoderEvaluationReport {
    const texts = [model.evaluation, statistics, ...plans].map((file) => readFileSync(file));
    const kept = path.join(
      this.folder,
      `${hashOf(...texts, JSON.stringify([model.path, model.length, model.windows]))}.json`,
    );
    if (!existsSync(kept)) {
      const report = this.eigenscope(
        ...['evaluate', model.path, ...plans.flatMap((plan) => ['--plan', plan]), '--stats', statistics],
        ...['--tokens', model.evaluation, ...sizes(model), '--json'],
      );
      writeFileSync(`${kept}.partial`, report);
      renameSync(`${kept}.partial`, kept);
    }
    return JSON.parse(readFileSync(kept, 'utf8')) as DecoderEvaluationReport;
  }

  /** One layer at a time, at this ratio. */
  sensitivity(model: ProofModel, ratio: number): SensitivityReport {
    const key = JSON.stringify([model.path, model.length, model.windows, ratio]);
    const kept = path.join(this.folder, `${hashOf(readFileSync(model.evaluation), key)}.sensitivity.json`);
    if (!existsSync(kept)) {
      const report = this.eigenscope(
        ...['sensitivity', model.path, '--ratio', `${ratio}`, '--tokens', model.evaluation, ...sizes(model), '--json'],
      );
      writeFileSync(`${kept}.partial`, report);
      renameSync(`${kept}.partial`, kept);
    }
    return JSON.parse(readFileSync(kept, 'utf8')) as SensitivityReport;
  }

  private eigenscope(...args: string[]): string {
    const env = { ...process.env, EIGENSCOPE_CACHE_DIR: path.join(this.folder, 'spectra') };
    return execFileSync(process.execPath, [cli, ...args], {
      encoding: 'utf8',
      env,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

function sizes({ length, windows }: Pick<ProofModel, 'length' | 'windows'>): string[] {
  return ['--length', `${length}`, '--windows', `${windows}`];
}

/** @param text what `eigenscope plan` prints */
function parametersIn(text: string): number {
  const found = /^parameters +([\d.]+) %/m.exec(text);
  if (!found) throw new Error(`eigenscope plan says nothing of parameters: ${text}`);
  return Number(found[1]) / 100;
}

function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 24);
}
