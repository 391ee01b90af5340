/** Calibration and evaluation of an open ONNX model. */
import { CompressionError } from '../../compression/compressionError';
import type {
  CalibrationReport,
  CalibrationRequest,
  EvaluationReport,
  EvaluationRequest,
} from '../../shared/modelRuns';
import type { EngineDocument } from '../document/engineDocument';
import { evaluateModels } from '../models/evaluate';
import { runCalibration } from '../models/runCalibration';
import type { RequestParts } from './requestParts';

type Parts = Pick<RequestParts, 'memory' | 'notify'>;

/** Of the memory that layers may take, what the Gram matrices get. */
const GRAM_SHARE = 0.5;

/** @throws CompressionError `unsupported`, ModelRunError, AbortError; nothing is written then */
export async function calibrate(
  { memory, notify }: Parts,
  document: EngineDocument,
  request: Omit<CalibrationRequest, 'gramBytes'>,
  signal: AbortSignal,
): Promise<CalibrationReport> {
  const model = onnxFile(document);
  const gramBytes = Math.floor(GRAM_SHARE * memory.limit);
  const reservation = await memory.reserve(gramBytes, signal);
  try {
    return await runCalibration(model, { ...request, gramBytes }, signal, (fraction, message) =>
      notify('saving', { ...document.stamp, fraction, message }),
    );
  } finally {
    reservation.release();
  }
}

/** @throws CompressionError `unsupported`, ModelRunError, AbortError */
export function evaluate(
  { notify }: Parts,
  document: EngineDocument,
  compressed: string,
  request: EvaluationRequest,
  signal: AbortSignal,
): Promise<EvaluationReport> {
  return evaluateModels(onnxFile(document), compressed, request, signal, (fraction, message) =>
    notify('saving', { ...document.stamp, fraction, message }),
  );
}

function onnxFile({ checkpoint: { format, path } }: EngineDocument): string {
  if (format === 'onnx') return path;
  throw new CompressionError('unsupported', `is ${format}, and only ONNX models are run; export it to ONNX`, {
    file: path,
  });
}
