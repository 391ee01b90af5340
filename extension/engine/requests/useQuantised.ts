/** A quantised checkpoint of the same model: which of its layers it holds. */
import { CompressionError } from '../../compression/compressionError';
import type { QuantisedSummary } from '../../shared/compression/quantisedCheckpoint';
import type { EngineDocument } from '../document/engineDocument';
import type { OpenDocuments } from '../document/openDocuments';
import { quantisedWeight, USUAL_REMEDY, type NotQuantised } from './quantisedWeight';

export interface QuantisedParts {
  readonly documents: Pick<OpenDocuments, 'open' | 'close'>;
}

/** @throws CompressionError `unsupported` if it holds no layer of the model; CheckpointError; AbortError */
export function useQuantised(
  parts: QuantisedParts,
  document: EngineDocument,
  path: string,
  signal: AbortSignal,
): Promise<QuantisedSummary> {
  return withQuantised(parts, path, signal, (quantised) => {
    const layers: string[] = [];
    const missing: QuantisedSummary['missing'][number][] = [];
    const remedies = new Map<string, string>();
    for (const [name, { geometry }] of document.layers) {
      if (!geometry) continue;
      const lacking = whyNot(document, quantised!, name);
      if (!lacking) layers.push(name);
      else missing.push({ layer: name, why: lacking.why });
      if (lacking?.remedy !== undefined) remedies.set(name, lacking.remedy);
    }
    const { format, path: file } = quantised!.checkpoint;
    if (layers.length === 0) {
      const telling = missing.find(({ layer }) => remedies.has(layer)) ?? missing[0];
      const example = telling ? ` (${telling.layer} ${telling.why})` : '';
      const remedy = remedies.get(telling?.layer ?? '') ?? USUAL_REMEDY;
      const reason = `it has no quantised weight of this model${example}; ${remedy}`;
      throw new CompressionError('unsupported', reason, { file });
    }
    return Promise.resolve({ path, format, layers, missing });
  });
}

/** Opens it for the time of the work, if one is named. @throws what opening and the work throw */
export async function withQuantised<T>(
  { documents }: QuantisedParts,
  path: string | undefined,
  signal: AbortSignal,
  work: (quantised: EngineDocument | undefined) => Promise<T>,
): Promise<T> {
  if (path === undefined) return work(undefined);
  const quantised = await documents.open(path, signal);
  try {
    return await work(quantised);
  } finally {
    await documents.close(quantised.handle);
  }
}

/** In words that follow the layer's name. */
function whyNot(document: EngineDocument, quantised: EngineDocument, name: string): NotQuantised | undefined {
  const found = quantisedWeight(document, quantised, name);
  if ('why' in found) return found;
  return quantised.layer(found.name).tensor.encoding ? undefined : { why: 'is not quantised there' };
}
