/**
 * Answers hovers with a layer's cached result. Nothing is computed, and a checkpoint that is not open is opened for a
 * moment only.
 */
import type { PeekResult, Stamped } from '../../protocol';
import type { InspectSettings } from '../../shared/layers';
import { rankedCurve } from '../../spectral/esd';
import type { EngineDocument } from '../document/engineDocument';
import type { LayerOutcomes } from '../document/layerOutcomes';
import type { OpenDocuments } from '../document/openDocuments';
import { PassingDocuments } from '../document/passingDocuments';

/** Points of the hover's curve. */
const CURVE_POINTS = 64;

export class Peeks {
  private readonly passing = new PassingDocuments(
    (path) => this.documents.open(path),
    ({ handle }) => this.documents.close(handle),
  );

  constructor(
    private readonly documents: OpenDocuments,
    private readonly outcomes: Pick<LayerOutcomes, 'known'>,
  ) {}

  /** @returns null where nothing is cached. @throws CheckpointError */
  async peek(path: string, layer: string, settings: InspectSettings): Promise<Stamped<PeekResult> | null> {
    const document = this.documents.ofPath(path) ?? (await this.passingDocument(path));
    if (!document.layers.has(layer)) return null;
    const outcome = await this.outcomes.known(document, layer, settings);
    if (!outcome) return null;
    const curve = rankedCurve(outcome.eigenvalues, CURVE_POINTS);
    return { about: document.stamp, answer: { layer: document.result(layer) ?? outcome.result, curve } };
  }

  private async passingDocument(path: string): Promise<EngineDocument> {
    const document = await this.passing.get(path);
    if (!document.change) return document;
    this.passing.drop(path);
    return this.passing.get(path);
  }
}
