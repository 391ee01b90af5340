/** A decoder-only language model of an opened checkpoint: what it is made of, and its weights. */
import { isObject } from '../checkpoint/files/jsonFile';
import type { Model } from '../checkpoint/openModel';
import { ConfigFields } from './config/configFields';
import { ggufFields } from './config/ggufFields';
import { DecoderError } from './decoderError';
import type { DecoderDescription } from './families/family';
import { describeDecoder } from './families/registry';
import { CheckpointWeights } from './weights/checkpointWeights';

export interface Decoder {
  readonly path: string;
  /** As its configuration calls it. */
  readonly modelType: string;
  readonly description: DecoderDescription;
  readonly weights: CheckpointWeights;
}

/**
 * @throws DecoderError `unknown-family`, `unsupported`, `invalid-config`, `missing-weights`
 * @throws CheckpointError, AbortError
 */
export async function openDecoder(model: Model, signal?: AbortSignal): Promise<Decoder> {
  const { path } = model;
  const config = await configOf(model, signal);
  const description = describeDecoder(config, path);
  const { embedding } = description;
  const weights = new CheckpointWeights(model, embedding.weight);
  if (!weights.tableSize(embedding.weight)) {
    throw new DecoderError(
      'missing-weights',
      `has no matrix ${embedding.weight}, which its configuration asks for`,
      path,
    );
  }
  return { path, modelType: config.word('model_type'), description, weights };
}

async function configOf(model: Model, signal?: AbortSignal): Promise<ConfigFields> {
  if (model.format === 'gguf') return new ConfigFields('its metadata', await ggufFields(model, signal), true);
  const { source, fields, problem } = model.config;
  if (source === undefined || !isObject(fields)) {
    const reason = problem ?? 'there is no config.json beside it, which says what kind of model it is; put it there';
    throw new DecoderError('invalid-config', reason, model.path);
  }
  return new ConfigFields(source, fields);
}
