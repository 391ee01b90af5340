/** A language model that is open, on a person's text: what it is, how long it takes, what comes out. */
import { windowLength } from '../../decoder/tokens/tokenWindows';
import { openDecoder } from '../../decoder/openDecoder';
import type { DecoderCalibrationReport, DecoderEvaluation, DecoderEvaluationRequest } from '../../shared/decoderRuns';
import type { CalibrationOnText, DecoderFacts, EvaluationOnText, TextEstimate } from '../../shared/textRuns';
import type { EngineDocument } from '../document/engineDocument';
import type { Notify } from '../document/layerOutcomes';
import { ModelProcess } from '../models/modelProcess';
import type { RequestParts } from '../requests/requestParts';
import { runDecoderCalibration, runDecoderEvaluation } from './runDecoders';

/** Before that, a speed is no more than a guess. */
const LEAST_SECONDS = 2;
const LEAST_SHARE = 0.02;

/** Of the memory that layers may take, what the Gram matrices get. */
const GRAM_SHARE = 0.5;

/** @throws DecoderError, CheckpointError, AbortError */
export async function decoderFacts({ checkpoint }: EngineDocument, signal: AbortSignal): Promise<DecoderFacts> {
  const { modelType, description, weights } = await openDecoder(checkpoint, signal);
  const { blocks, embedding, positions } = description;
  return {
    modelType,
    blocks: blocks.length,
    vocabulary: weights.tableSize(embedding.weight)!.rows,
    usualLength: windowLength(undefined, positions, checkpoint.path),
    positions: positions ?? null,
  };
}

/** @throws ModelRunError with the code of what went wrong, AbortError */
export async function estimateOnText(
  document: EngineDocument,
  request: EvaluationOnText,
  signal: AbortSignal,
): Promise<TextEstimate> {
  const process = new ModelProcess(signal, undefined);
  try {
    return await process.call('estimateDecoders', requestFor(document, request));
  } finally {
    await process.end();
  }
}

/** @throws ModelRunError with the code of what went wrong, AbortError */
export function evaluateOnText(
  notify: Notify,
  document: EngineDocument,
  request: EvaluationOnText,
  signal: AbortSignal,
): Promise<DecoderEvaluation> {
  return runDecoderEvaluation(requestFor(document, request), signal, progressOf(notify, document));
}

/** @throws ModelRunError with the code of what went wrong, AbortError; nothing is written then */
export async function calibrateOnText(
  { memory, notify }: Pick<RequestParts, 'memory' | 'notify'>,
  document: EngineDocument,
  { tokens, target }: CalibrationOnText,
  signal: AbortSignal,
): Promise<DecoderCalibrationReport> {
  const gramBytes = Math.floor(GRAM_SHARE * memory.limit);
  const reservation = await memory.reserve(gramBytes, signal);
  try {
    // The dialog has asked whether an existing file may go.
    const request = { model: document.checkpoint.path, tokens, target, overwrite: true, gramBytes };
    return await runDecoderCalibration(request, signal, progressOf(notify, document));
  } finally {
    reservation.release();
  }
}

function progressOf(notify: Notify, { stamp }: EngineDocument): (fraction: number, message: string) => void {
  const started = performance.now();
  return (fraction, message) => {
    const seconds = (performance.now() - started) / 1000;
    const known = seconds >= LEAST_SECONDS && fraction >= LEAST_SHARE;
    const secondsLeft = (seconds * (1 - fraction)) / fraction;
    notify('running', { ...stamp, fraction, message, ...(known && { secondsLeft }) });
  };
}

function requestFor({ checkpoint }: EngineDocument, { tokens, others }: EvaluationOnText): DecoderEvaluationRequest {
  return { models: [checkpoint.path, ...others], tokens };
}
