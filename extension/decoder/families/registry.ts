/** The families that can be run. A new one is a file beside this one and a line here. */
import type { ConfigFields } from '../config/configFields';
import { DecoderError } from '../decoderError';
import type { DecoderDescription, Family } from './family';
import { gemma } from './gemma';
import { gemma2 } from './gemma2';
import { gemma3 } from './gemma3';
import { gpt2 } from './gpt2';
import { gptNeox } from './gptNeox';
import { llama } from './llama';
import { mistral } from './mistral';
import { mixtral } from './mixtral';
import { opt } from './opt';
import { phi3 } from './phi3';
import { qwen2 } from './qwen2';
import { qwen3 } from './qwen3';
import { qwen2Moe, qwen3Moe } from './qwenMoe';

const FAMILIES: readonly Family[] = [
  ...[llama, mistral, mixtral, qwen2, qwen2Moe, qwen3, qwen3Moe, phi3, gemma, gemma2, gemma3, gpt2, gptNeox, opt],
];

/** `model_type` of all that can be run. */
export const KNOWN_TYPES: readonly string[] = FAMILIES.flatMap(({ types }) => types);

/**
 * @param file of the checkpoint, for messages
 * @throws DecoderError `unknown-family`, `unsupported`, `invalid-config`
 */
export function describeDecoder(config: ConfigFields, file: string): DecoderDescription {
  const known = `known are ${KNOWN_TYPES.join(', ')}`;
  if (!config.has('model_type')) {
    throw new DecoderError('unknown-family', `${config.source} says no model_type; ${known}`, file);
  }
  const type = config.word('model_type');
  const family = FAMILIES.find(({ types }) => types.includes(type));
  if (!family) {
    throw new DecoderError(
      'unknown-family',
      `models of the type ${type.slice(0, 100)} cannot be run here; ${known}`,
      file,
    );
  }
  return family.describe(config);
}
