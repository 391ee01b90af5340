/** The bootstrap test of a layer's fit, in a worker thread. */
import type { GoodnessOfFit, InspectSettings } from '../../shared/layers';
import { EngineError } from '../document/engineLayer';
import type { Engine } from '../engine';
import { outcomeGoodness } from '../layer/goodness';

/** Of a layer, whose spectrum is computed where it is not known. @throws EngineError, CheckpointError, AbortError */
export async function layerGoodness(
  engine: Engine,
  handle: string,
  name: string,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<GoodnessOfFit> {
  const document = engine.document(handle);
  const outcome = await engine.outcome(document, name, settings, signal);
  const { noSpectrum, goodness } = outcome.result;
  if (noSpectrum !== undefined) throw new EngineError('no-spectrum', `${name} has no spectrum: ${noSpectrum}`);
  const onProgress = (fraction: number): void =>
    engine.options.notify('testing', { ...document.stamp, layer: name, fraction });
  return goodness ?? outcomeGoodness(engine.pool, outcome, signal, onProgress);
}
