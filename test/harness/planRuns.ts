/** Runs of plans in this process, with the built worker. */
import path from 'node:path';
import { Engine } from '../../extension/engine/engine';
import { runPlan } from '../../extension/engine/requests/runPlan';
import { WorkerPool } from '../../extension/engine/worker/workerPool';
import type { RunRequest, RunResult } from '../../extension/shared/compression/runs';
import { repositoryRoot } from './shared';

const THREADS = 2;

/**
 * @param from path of the checkpoint
 * @param request its plan gets the checkpoint's fingerprint if it has none
 * @param onSaving hears of the progress; what it throws stops the run, as a cancel does
 */
export async function runInProcess(
  from: string,
  request: RunRequest,
  onSaving: (fraction: number, message: string) => void = () => undefined,
): Promise<RunResult> {
  const abort = new AbortController();
  const settings = { cacheFolder: undefined, threads: THREADS, memoryLimit: 2 ** 30, device: 'cpu' } as const;
  const engine = new Engine({ ...settings, notify: () => undefined });
  const pool = new WorkerPool(THREADS, path.join(repositoryRoot, 'dist', 'worker.js'));
  const { outcomes, memory, hardware, documents } = engine;
  const notify: Engine['notify'] = (name, params) => {
    if (name !== 'saving') return;
    const { fraction, message } = params as { fraction: number; message: string };
    try {
      onSaving(fraction, message);
    } catch (error) {
      abort.abort(error);
    }
  };
  try {
    const document = await documents.open(from);
    const { checkpoint } = request.plan;
    const fingerprint = checkpoint.fingerprint || (await document.fingerprint(abort.signal));
    const plan = { ...request.plan, checkpoint: { ...checkpoint, fingerprint } };
    const parts = { outcomes, memory, hardware, documents, pool, notify };
    return await runPlan(parts, document, { ...request, plan }, abort.signal);
  } finally {
    await pool.terminate();
    await engine.dispose();
  }
}
