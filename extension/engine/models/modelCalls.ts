/** What the process that runs models is asked, and what it answers. */
import type {
  DecoderCalibrationReport,
  DecoderCalibrationRequest,
  DecoderEvaluationReport,
  DecoderEvaluationRequest,
} from '../../shared/decoderRuns';
import type { CalibrationReport, CalibrationRequest } from '../../shared/modelRuns';
import type { SensitivityRequest, SensitivityRun } from '../sensitivity/sensitivityRecords';
import type { Problem } from '../../shared/tensors';
import type { TextEstimate } from '../../shared/textRuns';
import type { Feed, Feeds, ModelValue } from './modelValues';

export interface ModelCalls {
  /** One model a process, so that its peak of memory is its own. */
  load: {
    params: { path: string };
    result: { inputs: readonly ModelValue[]; outputs: readonly string[]; baseline: number };
  };
  run: { params: { feeds: Feeds }; result: TimedRun };
  memory: { params: null; result: { peak: number } };
  calibrate: { params: { model: string; request: CalibrationRequest }; result: CalibrationReport };
  /** A piece of the evaluation. */
  estimateDecoders: { params: DecoderEvaluationRequest; result: TextEstimate };
  sensitivity: { params: SensitivityRequest; result: SensitivityRun };
  calibrateDecoder: { params: DecoderCalibrationRequest; result: DecoderCalibrationReport };
  evaluateDecoders: { params: DecoderEvaluationRequest; result: DecoderEvaluationReport };
}

export interface TimedRun {
  readonly outputs: Readonly<Record<string, Feed>>;
  readonly milliseconds: number;
}

export type CallName = keyof ModelCalls;

export interface CallMessage<K extends CallName> {
  readonly id: number;
  readonly call: K;
  readonly params: ModelCalls[K]['params'];
}

export type AnswerMessage =
  | { readonly id: number; readonly result: ModelCalls[CallName]['result'] }
  | { readonly id: number; readonly problem: Problem }
  | { readonly progress: { readonly fraction: number; readonly message: string } };
