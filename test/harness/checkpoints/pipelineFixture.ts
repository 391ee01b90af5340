/** A pipeline as diffusers saves it, in small. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ramp, safetensorsBytes } from './safetensorsFixtures';

export const PIPELINE_INDEX = {
  _class_name: 'StableDiffusionPipeline',
  _diffusers_version: '0.30.0',
  requires_safety_checker: false,
  safety_checker: [null, null],
  scheduler: ['diffusers', 'PNDMScheduler'],
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  unet: ['diffusers', 'UNet2DConditionModel'],
  vae: ['diffusers', 'AutoencoderKL'],
};

/** Files below the pipeline's folder. */
export function pipelineFiles(index: unknown = PIPELINE_INDEX): Record<string, string | Uint8Array> {
  const weights = (name: string, first: number): Buffer => safetensorsBytes([ramp(name, [4, 3], first)]);
  return {
    'model_index.json': JSON.stringify(index),
    'unet/config.json': JSON.stringify({ _class_name: 'UNet2DConditionModel', _diffusers_version: '0.30.0' }),
    'unet/diffusion_pytorch_model.safetensors': weights('down_blocks.0.weight', 0),
    'vae/diffusion_pytorch_model.safetensors': weights('encoder.conv_in.weight', 100),
    'text_encoder/model.safetensors': weights('text_model.embeddings.weight', 200),
    'tokenizer/vocab.json': '{}',
    'scheduler/scheduler_config.json': '{}',
  };
}

/** Writes files into a folder, with the folders that they lie in. @returns the folder */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return folder;
}
