/** The spectrum of a layer with its entries in random order: what of it needs no training. */
import type { InspectSettings, ShuffledSpectrum } from '../../shared/layers';
import type { LayerOutcomes } from '../document/layerOutcomes';
import type { EngineDocument } from '../document/engineDocument';
import { EngineError } from '../layer/engineLayer';

/** @throws EngineError `no-spectrum` if it has none, or is not held; CheckpointError, LayerError, AbortError */
export async function shuffledSpectrum(
  { outcomes }: { outcomes: Pick<LayerOutcomes, 'shuffled'> },
  document: EngineDocument,
  name: string,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<ShuffledSpectrum> {
  const { tensor, noSpectrum } = document.layer(name);
  // A product is computed from its factors, which have entries of their own.
  if (tensor.product) throw new EngineError('no-spectrum', `${name} is not stored: it has no entries to shuffle`);
  if (noSpectrum !== undefined) throw new EngineError('no-spectrum', `${name} has no spectrum: ${noSpectrum}`);
  const { result, shuffledEigenvalues: eigenvalues } = await outcomes.shuffled(document, name, settings, signal);
  const { randomised } = result;
  if (!eigenvalues || !randomised?.edge) {
    const why = randomised?.reason ?? result.noSpectrum ?? result.problems[0]?.message ?? 'it has no spectrum';
    throw new EngineError('no-spectrum', `${name} was not shuffled: ${why}`);
  }
  return { eigenvalues, seed: randomised.seed, shuffles: randomised.shuffles ?? 1, edge: randomised.edge };
}
