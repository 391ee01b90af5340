/** Which file a folder means, asked of the engine and of the host: one table, one rule. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import { findInFolder } from '../../../../extension/checkpoint/folders/folder';
import { checkpointsIn } from '../../../../extension/host/workspace/clickedCheckpoint';
import { temporaryFolder } from '../../../harness/temporaryFolder';

/** What the folder is, its files (folders end in a slash), and what is meant: `? a, b` leaves the choice to a person. */
const TABLE: readonly [what: string, names: readonly string[], meant: string][] = [
  [
    'hub: three editions, no safetensors',
    ['config.json', 'pytorch_model.bin', 'tf_model.h5', 'flax_model.msgpack'],
    'pytorch_model.bin',
  ],
  [
    'hub: four editions',
    ['config.json', 'model.safetensors', 'pytorch_model.bin', 'tf_model.h5', 'flax_model.msgpack'],
    'model.safetensors',
  ],
  ['hub: TF and Flax only', ['config.json', 'tf_model.h5', 'flax_model.msgpack'], 'tf_model.h5'],
  ['hub: with onnx', ['pytorch_model.bin', 'model.onnx', 'tf_model.h5'], 'pytorch_model.bin'],
  [
    'two odd indexes + single',
    ['a.safetensors.index.json', 'b.safetensors.index.json', 'model.safetensors'],
    'model.safetensors',
  ],
  [
    'two odd indexes',
    ['a.safetensors.index.json', 'b.safetensors.index.json'],
    '? a.safetensors.index.json, b.safetensors.index.json',
  ],
  [
    'two odd indexes + pytorch',
    ['a.safetensors.index.json', 'b.safetensors.index.json', 'pytorch_model.bin'],
    'pytorch_model.bin',
  ],
  [
    'two odd indexes + a set',
    [
      'a.safetensors.index.json',
      'b.safetensors.index.json',
      'm-00001-of-00002.safetensors',
      'm-00002-of-00002.safetensors',
    ],
    '? a.safetensors.index.json, b.safetensors.index.json',
  ],
  [
    'odd index + named index',
    ['a.safetensors.index.json', 'model.safetensors.index.json'],
    'model.safetensors.index.json',
  ],
  ['odd index + single', ['a.safetensors.index.json', 'model.safetensors'], 'model.safetensors'],
  ['odd index + pytorch', ['a.safetensors.index.json', 'pytorch_model.bin'], 'pytorch_model.bin'],
  ['index + single', ['model.safetensors.index.json', 'model.safetensors'], 'model.safetensors'],
  ['bin index + single bin', ['pytorch_model.bin.index.json', 'pytorch_model.bin'], 'pytorch_model.bin'],
  ['bin index + safetensors', ['pytorch_model.bin.index.json', 'model.safetensors'], 'model.safetensors'],
  [
    'index + consolidated',
    ['consolidated.safetensors', 'model-00001-of-00001.safetensors', 'model.safetensors.index.json'],
    'model.safetensors.index.json',
  ],
  ['shards, five digits', ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'], 'shards 2'],
  ['shards, six digits', ['model-000001-of-000002.safetensors', 'model-000002-of-000002.safetensors'], 'shards 2'],
  [
    'shards, six digits, index',
    ['model-000001-of-000002.safetensors', 'model-000002-of-000002.safetensors', 'model.safetensors.index.json'],
    'model.safetensors.index.json',
  ],
  [
    'shards + training_args.bin',
    ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'training_args.bin'],
    '? model-00001-of-00002.safetensors, model-00002-of-00002.safetensors, training_args.bin',
  ],
  [
    'two sets of shards',
    ['m-00001-of-00002.safetensors', 'n-00001-of-00002.safetensors'],
    '? m-00001-of-00002.safetensors, n-00001-of-00002.safetensors',
  ],
  [
    'shards in two formats',
    [
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'pytorch_model-00001-of-00002.bin',
      'pytorch_model-00002-of-00002.bin',
    ],
    '? model-00001-of-00002.safetensors, model-00002-of-00002.safetensors, pytorch_model-00001-of-00002.bin, pytorch_model-00002-of-00002.bin',
  ],
  [
    'training folder',
    ['optimizer.pt', 'pytorch_model.bin', 'rng_state.pth', 'scheduler.pt', 'training_args.bin'],
    'pytorch_model.bin',
  ],
  [
    'adapter',
    ['adapter_config.json', 'adapter_model.safetensors', 'optimizer.pt', 'training_args.bin'],
    'adapter_model.safetensors',
  ],
  [
    'unet: two editions',
    ['config.json', 'diffusion_pytorch_model.bin', 'diffusion_pytorch_model.safetensors'],
    'diffusion_pytorch_model.safetensors',
  ],
  [
    'unet: variants',
    ['diffusion_pytorch_model.fp16.safetensors', 'diffusion_pytorch_model.safetensors'],
    'diffusion_pytorch_model.safetensors',
  ],
  [
    'unet: index + single',
    ['diffusion_pytorch_model.safetensors', 'diffusion_pytorch_model.safetensors.index.json'],
    'diffusion_pytorch_model.safetensors.index.json',
  ],
  ['pipeline', ['model_index.json', 'v1-5.safetensors', 'v1-5.ckpt'], 'model_index.json'],
  ['split gguf', ['net-00001-of-00002.gguf', 'net-00002-of-00002.gguf'], 'net-00001-of-00002.gguf'],
  [
    'split gguf + projector',
    ['mmproj.gguf', 'net-00001-of-00002.gguf', 'net-00002-of-00002.gguf'],
    '? mmproj.gguf, net-00001-of-00002.gguf',
  ],
  [
    'two split gguf',
    ['a-00001-of-00002.gguf', 'a-00002-of-00002.gguf', 'b-00001-of-00002.gguf', 'b-00002-of-00002.gguf'],
    '? a-00001-of-00002.gguf, b-00001-of-00002.gguf',
  ],
  ['two quantisations', ['net-Q4_K_M.gguf', 'net-Q8_0.gguf'], '? net-Q4_K_M.gguf, net-Q8_0.gguf'],
  ['onnx folder', ['model.onnx', 'model_quantized.onnx'], 'model.onnx'],
  ['tfjs', ['group1-shard1of1.bin', 'model.json'], 'model.json'],
  ['tfjs + pytorch', ['group1-shard1of1.bin', 'model.json', 'pytorch_model.bin'], 'pytorch_model.bin'],
  [
    'tf steps',
    ['checkpoint', 'ckpt-1.data-00000-of-00001', 'ckpt-1.index', 'ckpt-2.data-00000-of-00001', 'ckpt-2.index'],
    'checkpoint',
  ],
  [
    'tf steps without checkpoint',
    ['ckpt-1.data-00000-of-00001', 'ckpt-1.index', 'ckpt-2.data-00000-of-00001', 'ckpt-2.index'],
    '? ckpt-1.index, ckpt-2.index',
  ],
  [
    'tf one step',
    ['checkpoint', 'model.ckpt-1.data-00000-of-00001', 'model.ckpt-1.index', 'model.ckpt-1.meta'],
    'model.ckpt-1.index',
  ],
  ['tf odd name + pt', ['other.pt', 'weights.data-00000-of-00001', 'weights.index'], '? other.pt, weights.index'],
  ['index without data', ['ckpt-1.index', 'other.pt'], 'other.pt'],
  ['savedmodel', ['fingerprint.pb', 'keras_metadata.pb', 'saved_model.pb'], 'saved_model.pb'],
  ['pb + h5', ['labels.pb', 'model.h5'], '? labels.pb, model.h5'],
  ['distributed', ['.metadata', '__0_0.distcp', '__1_0.distcp', 'scheduler.bin'], '.metadata'],
  ['distributed without metadata', ['__0_0.distcp', '__1_0.distcp'], '__0_0.distcp'],
  ['metadata alone', ['.metadata'], 'none'],
  ['deepspeed', ['bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt', 'mp_rank_00_model_states.pt'], 'refused'],
  ['deepspeed model alone', ['mp_rank_00_model_states.pt'], 'mp_rank_00_model_states.pt'],
  ['deepspeed run', ['latest', 'rng_state.pth', 'zero_to_fp32.py'], 'refused'],
  ['orbax', ['_METADATA', 'manifest.ocdbt'], 'refused'],
  ['several', ['a.pt', 'b.pt'], '? a.pt, b.pt'],
  ['only one', ['README.md', 'v1-5.safetensors'], 'v1-5.safetensors'],
  ['a folder named as a file', ['model.safetensors/', 'only.pt'], 'only.pt'],
  ['nothing', ['README.md'], 'none'],
  [
    'unet: half precision in two formats',
    ['diffusion_pytorch_model.fp16.bin', 'diffusion_pytorch_model.fp16.safetensors'],
    'diffusion_pytorch_model.fp16.safetensors',
  ],
  ['half precision + usual', ['model.fp16.safetensors', 'pytorch_model.bin'], 'pytorch_model.bin'],
  ['another variant alone', ['config.json', 'model.ema.safetensors'], 'model.ema.safetensors'],
  [
    'another variant in two formats',
    ['diffusion_pytorch_model.ema.bin', 'diffusion_pytorch_model.ema.safetensors'],
    'diffusion_pytorch_model.ema.safetensors',
  ],
  [
    'another variant + another checkpoint',
    ['model.best.safetensors', 'model_last.safetensors'],
    '? model.best.safetensors, model_last.safetensors',
  ],
  [
    'unet: two other variants',
    ['diffusion_pytorch_model.ema.bin', 'diffusion_pytorch_model.non_ema.bin'],
    '? diffusion_pytorch_model.ema.bin, diffusion_pytorch_model.non_ema.bin',
  ],
];

describe('the file that a folder means', () => {
  const root = temporaryFolder();

  function made(names: readonly string[]): string {
    const folder = mkdtempSync(path.join(root, 'folder-'));
    for (const name of names) {
      if (name.endsWith('/')) mkdirSync(path.join(folder, name));
      else writeFileSync(path.join(folder, name), '');
    }
    return folder;
  }

  for (const [what, names, meant] of TABLE) {
    it(`${what}: ${meant}`, async () => {
      const folder = made(names);
      assert.equal(await engineAnswer(folder), meant, 'the engine');
      // A folder that is no file of its own is the engine's to open, or to refuse.
      const host = await checkpointsIn(folder);
      const isFolder = host.length === 1 && host[0] === folder;
      const chosen = host.map((file) => path.relative(folder, file)).join(', ');
      const expected = /^(shards|refused|none)/.test(meant) ? 'the folder' : meant;
      assert.equal(isFolder ? 'the folder' : host.length > 1 ? `? ${chosen}` : chosen, expected, 'the host');
    });
  }
});

async function engineAnswer(folder: string): Promise<string> {
  try {
    const found = await findInFolder(folder);
    return found.kind === 'file' ? path.relative(folder, found.path) : `shards ${found.names.length}`;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    if (error.code === 'not-found') return 'none';
    if (error.code === 'unsupported') return 'refused';
    assert.equal(error.code, 'ambiguous');
    return `? ${/holds several checkpoints \((.*)\)/.exec(error.message)![1]}`;
  }
}
