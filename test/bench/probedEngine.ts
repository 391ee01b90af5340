/** The engine's process with a probe in it: processor time, memory, and how long it was deaf. */
import { readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { defaultThreads } from '../../extension/engine/resources/limits';
import { EngineProcess } from '../harness/engineProcess';
import { repositoryRoot } from '../harness/shared';

export interface Report {
  stalls: { p99: number; max: number };
  peakMegabytes: number;
  cpuSeconds: number;
}

export class ProbedEngine extends EngineProcess {
  private readonly file: string;

  constructor(folder: string) {
    const file = path.join(folder, 'probe.json');
    super({
      cacheFolder: path.join(folder, 'cache'),
      threads: defaultThreads(availableParallelism()),
      preload: path.join(repositoryRoot, 'test', 'harness', 'engineProbe.js'),
      environment: { EIGENSCOPE_PROBE: file },
    });
    this.file = file;
  }

  /** Stalls since the last report; memory and processor time since the start. */
  async report(): Promise<Report> {
    rmSync(this.file, { force: true });
    this.child.kill('SIGUSR2');
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      try {
        return JSON.parse(readFileSync(this.file, 'utf8')) as Report;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
}
