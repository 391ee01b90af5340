/** What a report holds: the numbers of a model's layers and the spectra of some, as the report's page reads them. */
import type { InspectSettings, LayerResult } from '../shared/layers';
import type { OwnNumbers } from '../shared/ownNumbers';
import type { CheckpointSummary } from '../shared/tensors';

/** Numbers as base64 of little-endian doubles. */
export interface ReportSpectrum {
  readonly layer: string;
  readonly eigenvalues: string;
  /** Empty without a pooled FARMS spectrum. */
  readonly farms: string;
}

export interface ReportData {
  readonly summary: CheckpointSummary;
  readonly settings: InspectSettings;
  readonly results: readonly LayerResult[];
  readonly spectra: readonly ReportSpectrum[];
  /** A person's own numbers of the layers, file by file. */
  readonly own: readonly OwnNumbers[];
  /** What is not in the report, and why, in sentences. */
  readonly notes: readonly string[];
  /** `Eigenscope 0.1.0`. */
  readonly program: string;
}
