/** The language models of the proof, as a list in a JSON file says: `proofModels.py` beside this makes such a list. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface ProofModel {
  readonly name: string;
  /** Where it comes from, for readers of the table; of a made one, how it was made. */
  readonly origin: string;
  /** A folder with config.json. */
  readonly path: string;
  /** Files of token ids that have nothing in common. */
  readonly calibration: string;
  readonly evaluation: string;
  /** What these texts are. */
  readonly texts: string;
  readonly length: number;
  readonly windows: number;
  /** What is run of a model that is too large for all of it. */
  readonly only?: {
    readonly ratios: readonly number[];
    readonly methods: readonly string[];
    readonly allocations: readonly string[];
  };
  /** Statistics that another program made of the calibration text; without it `eigenscope calibrate` makes them. */
  readonly statistics?: string;
}

/** @param file paths in it are relative to it */
export function proofModels(file: string): ProofModel[] {
  const folder = path.dirname(file);
  const models = JSON.parse(readFileSync(file, 'utf8')) as ProofModel[];
  return models.map((model) => ({
    ...model,
    path: path.resolve(folder, model.path),
    calibration: path.resolve(folder, model.calibration),
    evaluation: path.resolve(folder, model.evaluation),
    ...(model.statistics !== undefined && { statistics: path.resolve(folder, model.statistics) }),
  }));
}
