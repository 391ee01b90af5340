import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { assertSavable } from '../../../../extension/compression/safetensorsWriter';
import { guessArchitecture } from '../../../../extension/engine/document/architecture';
import { readModelConfig } from '../../../../extension/checkpoint/modelConfig';
import { PIPELINE_INDEX, pipelineFiles, writeFiles } from '../../../harness/checkpoints/pipelineFixture';
import { ramp, safetensorsBytes, writeSharded } from '../../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../../harness/temporaryFolder';

describe('a diffusers pipeline', () => {
  const root = temporaryFolder();
  const opened: Checkpoint[] = [];
  let count = 0;

  afterEach(async () => {
    for (const checkpoint of opened.splice(0)) await checkpoint.close();
  });

  const pipeline = (
    files: Readonly<Record<string, string | Uint8Array>> = {},
    index: unknown = PIPELINE_INDEX,
  ): string => writeFiles(path.join(root, `pipeline${count++}`), { ...pipelineFiles(index), ...files });

  async function open(target: string): Promise<Checkpoint> {
    const checkpoint = await openModel(target);
    opened.push(checkpoint);
    return checkpoint;
  }

  const namesOf = ({ tensors }: Checkpoint): string[] => tensors.map(({ name }) => name);

  async function firstOf(checkpoint: Checkpoint, name: string): Promise<number> {
    const tensor = checkpoint.tensors.find((candidate) => candidate.name === name);
    assert.ok(tensor, `${name} is not listed`);
    return new DataView((await checkpoint.read(tensor)).slice().buffer).getFloat32(0, true);
  }

  it('shows the tensors of its parts, in the order of its index, with the part in front of their names', async () => {
    const folder = pipeline();
    const checkpoint = await open(folder);
    assert.deepEqual(checkpoint.problems, []);
    assert.equal(checkpoint.path, path.join(folder, 'model_index.json'));
    assert.deepEqual(namesOf(checkpoint), [
      'text_encoder/text_model.embeddings.weight',
      'unet/down_blocks.0.weight',
      'vae/encoder.conv_in.weight',
    ]);
    assert.equal(await firstOf(checkpoint, 'vae/encoder.conv_in.weight'), 100.5);
    assert.equal(await firstOf(checkpoint, 'text_encoder/text_model.embeddings.weight'), 200.5);
    assert.deepEqual(
      checkpoint.files.map((file) => path.relative(folder, file)),
      [
        'model_index.json',
        path.join('text_encoder', 'model.safetensors'),
        path.join('unet', 'diffusion_pytorch_model.safetensors'),
        path.join('vae', 'diffusion_pytorch_model.safetensors'),
      ],
    );
    assert.equal(checkpoint.weightFiles, 3);
  });

  it('opens by its index, too', async () => {
    assert.equal((await open(path.join(pipeline(), 'model_index.json'))).tensors.length, 3);
  });

  it('is taken before a single file of the same weights beside it', async () => {
    const folder = pipeline({ 'v1-5-pruned.safetensors': safetensorsBytes([ramp('model.w', [2])]) });
    assert.equal((await open(folder)).format, 'diffusers');
  });

  it('says of each part which class it is and which file was read, of those without weights that they have none', async () => {
    assert.deepEqual((await open(pipeline())).metadata, {
      _class_name: 'StableDiffusionPipeline',
      _diffusers_version: '0.30.0',
      requires_safety_checker: 'false',
      scheduler: 'PNDMScheduler (no weights)',
      text_encoder: 'CLIPTextModel (model.safetensors)',
      tokenizer: 'CLIPTokenizer (no weights)',
      unet: 'UNet2DConditionModel (diffusion_pytorch_model.safetensors)',
      vae: 'AutoencoderKL (diffusion_pytorch_model.safetensors)',
    });
  });

  it('takes the usual weights in safetensors, and names the other variants and formats', async () => {
    const checkpoint = await open(
      pipeline({
        'unet/diffusion_pytorch_model.fp16.safetensors': safetensorsBytes([ramp('half', [2])]),
        'unet/diffusion_pytorch_model.non_ema.safetensors': safetensorsBytes([ramp('other', [2])]),
        'unet/diffusion_pytorch_model.bin': 'never looked at',
        'unet/diffusion_pytorch_model.fp16.bin': 'never looked at',
      }),
    );
    assert.ok(namesOf(checkpoint).includes('unet/down_blocks.0.weight'));
    assert.deepEqual(checkpoint.problems, []);
    assert.equal(
      checkpoint.metadata.unet,
      'UNet2DConditionModel (diffusion_pytorch_model.safetensors; not read: diffusion_pytorch_model.bin, ' +
        'diffusion_pytorch_model.fp16.safetensors, diffusion_pytorch_model.fp16.bin, diffusion_pytorch_model.non_ema.safetensors)',
    );
  });

  it('takes fp16 if there are no usual weights, and other variants only after it', async () => {
    const folder = pipeline({
      'unet/diffusion_pytorch_model.bf16.safetensors': safetensorsBytes([ramp('bf16', [2])]),
      'unet/diffusion_pytorch_model.fp16.safetensors': safetensorsBytes([ramp('fp16', [2])]),
      'unet/diffusion_pytorch_model.fp16.bin': 'never looked at',
    });
    unlinkSync(path.join(folder, 'unet/diffusion_pytorch_model.safetensors'));
    assert.ok(namesOf(await open(folder)).includes('unet/fp16'));
  });

  it('reads parts in shards, by an index of a variant too', async () => {
    for (const name of [
      'diffusion_pytorch_model.safetensors.index.json',
      'diffusion_pytorch_model.safetensors.index.fp16.json',
    ]) {
      const folder = pipeline();
      const unet = path.join(folder, 'unet');
      rmSync(unet, { recursive: true });
      const index = writeSharded(unet, {
        'diffusion_pytorch_model.fp16-00001-of-00002.safetensors': [ramp('a', [2])],
        'diffusion_pytorch_model.fp16-00002-of-00002.safetensors': [ramp('b', [2])],
      });
      renameSync(index, path.join(unet, name));
      assert.deepEqual(
        namesOf(await open(folder)).filter((tensor) => tensor.startsWith('unet/')),
        ['unet/a', 'unet/b'],
      );
    }
  });

  it('shows the other parts where one is missing or damaged, and says so', async () => {
    const folder = pipeline({ 'vae/diffusion_pytorch_model.safetensors': 'cut' });
    rmSync(path.join(folder, 'unet'), { recursive: true });
    const checkpoint = await open(folder);
    assert.deepEqual(namesOf(checkpoint), ['text_encoder/text_model.embeddings.weight']);
    assert.deepEqual(
      checkpoint.problems.map(({ code }) => code),
      ['missing-shard', 'truncated'],
    );
    assert.match(checkpoint.problems[0]!.message, /the part unet is missing/);
  });

  it('does without the folder of a part that never has weights, and says that it is missing', async () => {
    const folder = pipeline();
    for (const part of ['tokenizer', 'scheduler']) rmSync(path.join(folder, part), { recursive: true });
    const checkpoint = await open(folder);
    assert.deepEqual(checkpoint.problems, []);
    assert.equal(checkpoint.metadata['tokenizer'], 'CLIPTokenizer (missing, without weights)');
  });

  it('is an error where no part has weights', async () => {
    const folder = pipeline();
    for (const part of ['unet', 'vae', 'text_encoder']) rmSync(path.join(folder, part), { recursive: true });
    await assert.rejects(openModel(folder), { code: 'missing-shard' });
    const bare = writeFiles(path.join(root, 'bare'), { 'model_index.json': '{"_class_name": "X"}' });
    await assert.rejects(openModel(bare), { code: 'not-found', message: /names no part with weights/ });
  });

  it('opens no folder but those beside the index, whatever the parts are called', async () => {
    const outside = writeFiles(path.join(root, 'outside'), { 'model.safetensors': safetensorsBytes([ramp('w', [2])]) });
    const names = ['../outside', outside, './unet', 'unet/../../outside', '..', '.', 'C:unet', 'a\\b', '__proto__', ''];
    const index = { ...PIPELINE_INDEX, ...Object.fromEntries(names.map((name) => [name, ['x', 'Y']])) };
    const checkpoint = await open(pipeline({}, index));
    assert.deepEqual(
      namesOf(checkpoint).map((name) => name.split('/')[0]),
      ['text_encoder', 'unet', 'vae'],
    );
    assert.equal(checkpoint.problems.length, names.length);
    for (const { message } of checkpoint.problems) assert.match(message, /is not a folder beside it and is not opened/);
  });

  it('does not go round in circles where a part is a link to the pipeline', async () => {
    const folder = pipeline();
    rmSync(path.join(folder, 'unet'), { recursive: true });
    symlinkSync('.', path.join(folder, 'unet'), 'dir');
    const checkpoint = await open(folder);
    assert.equal(checkpoint.tensors.length, 2);
    assert.equal(checkpoint.problems.length, 1);
  });

  it('is called by its class and its parts, and a part opened alone by its own class', async () => {
    const folder = pipeline();
    const architecture = async (checkpoint: Checkpoint): Promise<string> =>
      guessArchitecture(checkpoint.tensors, (await readModelConfig(checkpoint)).fields, checkpoint.metadata);
    assert.equal(await architecture(await open(folder)), 'StableDiffusionPipeline (text_encoder, unet, vae)');
    assert.equal(await architecture(await open(path.join(folder, 'unet'))), 'UNet2DConditionModel');
  });

  it('is not saved as one file, which no program could load', async () => {
    const folder = pipeline();
    const target = path.join(folder, 'saved.safetensors');
    await assert.rejects(assertSavable(await open(folder), { target }), {
      code: 'unsupported',
      message: /pipeline of several models.*open the one/,
    });
    assert.ok(!existsSync(target));
  });

  it('refuses an index that is no JSON object, or names parts without end', async () => {
    await assert.rejects(openModel(pipeline({ 'model_index.json': '[1]' })), { code: 'malformed' });
    await assert.rejects(openModel(pipeline({ 'model_index.json': '{"unet": ' })), { code: 'malformed' });
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`part${i}`, ['x', 'Y']]));
    await assert.rejects(openModel(pipeline({}, many)), { code: 'limit' });
  });
});
