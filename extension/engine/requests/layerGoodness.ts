/** The bootstrap test of a layer's fit, in a worker thread. */
import type { GoodnessOfFit, InspectSettings } from '../../shared/layers';
import { EngineError } from '../layer/engineLayer';
import type { EngineDocument } from '../document/engineDocument';
import { outcomeGoodness } from '../layer/goodness';
import type { RequestParts } from './requestParts';

/**
 * Tests the fit of a layer; its spectrum is computed if it is not known.
 *
 * @throws EngineError, CheckpointError, AbortError
 */
export async function layerGoodness(
  { outcomes, pool, notify }: Pick<RequestParts, 'outcomes' | 'pool' | 'notify'>,
  document: EngineDocument,
  name: string,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<GoodnessOfFit> {
  const outcome = await outcomes.outcome(document, name, settings, signal);
  const { noSpectrum, goodness } = outcome.result;
  if (noSpectrum !== undefined) throw new EngineError('no-spectrum', `${name} has no spectrum: ${noSpectrum}`);
  const onProgress = (fraction: number): void => notify('testing', { ...document.stamp, layer: name, fraction });
  return goodness ?? outcomeGoodness(pool, outcome, signal, onProgress);
}
