/** What a run reads beside the model: statistics of its inputs, a quantised checkpoint. */
import { CompressionError } from '../../compression/compressionError';
import { openStatistics, type StatisticsSource } from '../../compression/statistics/statisticsSource';
import type { SavedWeight } from '../../compression/writers/writer';
import { layerMethod } from '../../shared/compression/methodTable';
import { needsQuantised, needsStatistics } from '../../shared/compression/methodNeeds';
import type { RunRequest } from '../../shared/compression/runs';
import type { EngineDocument } from '../document/engineDocument';
import type { OpenDocuments } from '../document/openDocuments';
import type { RequestParts } from './requestParts';

export type RunParts = RequestParts & { documents: Pick<OpenDocuments, 'open' | 'close'> };

/** What the methods of a plan read beside the model. */
export interface RunSources {
  /** Fingerprint of the file. */
  readonly statistics?: string;
  readonly statisticsSource?: StatisticsSource;
  readonly quantised?: EngineDocument;
  close(): Promise<void>;
}

/** @throws CompressionError `missing-statistics`, `invalid-statistics`, `invalid-plan`; CheckpointError */
export async function openSources(
  parts: RunParts,
  document: EngineDocument,
  { plan, statistics, quantised }: RunRequest,
  weights: readonly SavedWeight[],
  signal: AbortSignal,
): Promise<RunSources> {
  const needing = weights.find(({ choice }) => needsStatistics(choice));
  if (needing && statistics === undefined) {
    const { name } = layerMethod(needing.choice.method);
    const which = plan.statistics ? ` (the plan was made with ${plan.statistics.name})` : '';
    throw new CompressionError(
      'missing-statistics',
      `the method ${name} needs statistics of its inputs${which}; give their file`,
      {
        layer: needing.layer,
      },
    );
  }
  const adapting = weights.find(({ choice }) => needsQuantised(choice));
  if (adapting && quantised === undefined) {
    throw new CompressionError(
      'unsupported',
      `the method ${adapting.choice.method} needs the same weight in a quantised checkpoint; give its path (--quantised)`,
      { layer: adapting.layer },
    );
  }
  const source = statistics === undefined ? undefined : await openStatistics(statistics, document.checkpoint, signal);
  let other: EngineDocument | undefined;
  try {
    const wanted = plan.statistics?.fingerprint;
    if (source && wanted !== undefined && wanted !== source.summary.fingerprint) {
      throw new CompressionError(
        'invalid-plan',
        `the plan was made with other statistics (${plan.statistics!.name}); give that file, or make a new plan with this one`,
        { file: statistics! },
      );
    }
    other = quantised === undefined ? undefined : await parts.documents.open(quantised, signal);
  } catch (error) {
    await source?.close();
    throw error;
  }
  return {
    ...(source && { statistics: source.summary.fingerprint, statisticsSource: source }),
    ...(other && { quantised: other }),
    close: async () => {
      await source?.close();
      if (other) await parts.documents.close(other.handle);
    },
  };
}
