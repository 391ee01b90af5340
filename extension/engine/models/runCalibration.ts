/** A calibration in a process of its own, which can be cancelled. */
import path from 'node:path';
import { removeAbandonedPartials } from '../../compression/partialFile';
import type { CalibrationReport, CalibrationRequest } from '../../shared/modelRuns';
import { ModelProcess } from './modelProcess';

/**
 * @param script of the process, for tests
 * @throws ModelRunError with the code of what went wrong; the signal's reason. Nothing is written then.
 */
export async function runCalibration(
  model: string,
  request: CalibrationRequest,
  signal: AbortSignal,
  onProgress: (fraction: number, message: string) => void,
  script?: string,
): Promise<CalibrationReport> {
  const process = new ModelProcess(signal, onProgress, script);
  try {
    return await process.call('calibrate', { model, request: { ...request, target: path.resolve(request.target) } });
  } finally {
    await process.end();
    // It may have been ended while it wrote.
    if (signal.aborted) await removeAbandonedPartials(path.dirname(path.resolve(request.target)));
  }
}
