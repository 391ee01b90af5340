/** Cases of what is made from stored tensors and the configuration beside them: quantised weights, LoRA's products. */
import { lora, quantised } from '../folderSources';
import type { Corpus, SpecialCase } from './corpus';
import { DEEP_JSON, jsonFields } from './jsonFields';
import { OUTSIDE_PATHS } from './outsidePaths';
import { safetensorsFields } from './safetensorsCorpus';

const file = (name: string, place: string, text: string): SpecialCase => ({
  name,
  file: place,
  bytes: () => Buffer.from(text),
});

export function quantisedCorpus(): readonly Corpus[] {
  const [model, config] = ['model.safetensors', 'config.json'];
  const configuration = (value: unknown): string => JSON.stringify({ quantization_config: value });
  const special = [
    ...DEEP_JSON.map(([name, text]) => file(`a configuration of ${name}`, config, `{"quantization_config":${text}`)),
    file('a configuration of 100 MB', config, `{"x":"${'x'.repeat(100_000_000)}"}`),
    ...[null, [], 'gptq', { bits: 1e9, group_size: 32 }, { bits: '4', group_size: '32' }].map((value) => ({
      ...file(`the configuration ${JSON.stringify(value)}`, config, configuration(value)),
      harmless: true as const,
    })),
  ];
  const fields = { [model]: safetensorsFields, [config]: (bytes: Buffer) => jsonFields(bytes) };
  return [{ source: quantised(), fields, special }];
}

export function loraCorpus(): readonly Corpus[] {
  const [model, config] = ['adapter/adapter_model.safetensors', 'adapter/adapter_config.json'];
  const configuration = (more: Readonly<Record<string, unknown>>): string =>
    JSON.stringify({ peft_type: 'LORA', lora_alpha: 16, ...more });
  const pattern = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`layer.${i}`, 8]));
  const special = [
    ...DEEP_JSON.map(([name, text]) => file(`a configuration of ${name}`, config, `{"alpha_pattern":${text}`)),
    // Only the last part of the base model's name counts.
    ...OUTSIDE_PATHS.map((place) => ({
      ...file(`the base model ${JSON.stringify(place)}`, config, configuration({ base_model_name_or_path: place })),
      harmless: true as const,
    })),
    {
      ...file('an adapter that is its own base', config, configuration({ base_model_name_or_path: 'adapter' })),
      harmless: true as const,
    },
    ...[null, '16', -1, 1e308].map((alpha) => ({
      ...file(`the alpha ${JSON.stringify(alpha)}`, config, configuration({ lora_alpha: alpha })),
      harmless: true as const,
    })),
    {
      ...file('an alpha for each of 20 000 names', config, configuration({ alpha_pattern: pattern })),
      harmless: true as const,
    },
    file(
      'an alpha for a name like a bomb',
      config,
      configuration({ alpha_pattern: { [`${'(a+)+'.repeat(50)}$`]: 8 } }),
    ),
  ];
  const fields = { [model]: safetensorsFields, [config]: (bytes: Buffer) => jsonFields(bytes) };
  return [{ source: lora(), fields, special }];
}
