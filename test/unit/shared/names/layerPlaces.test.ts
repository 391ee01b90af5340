/** Places of layers in their blocks, on the spellings that programs save. */
import assert from 'node:assert/strict';
import { placeOf } from '../../../../extension/shared/names/layerPlaces';

/** Name, stack, number, role, and the expert's number where there is one. */
type Case = readonly [name: string, stack: string, block: string, role: string, expert?: number];

const MODELS: Readonly<Record<string, readonly Case[]>> = {
  Llama: [
    ['model.layers.0.self_attn.q_proj.weight', 'layers', '0', 'q'],
    ['model.layers.31.self_attn.o_proj.weight', 'layers', '31', 'o'],
    ['model.layers.3.mlp.gate_proj.weight', 'layers', '3', 'gate'],
    ['model.layers.3.mlp.up_proj.weight', 'layers', '3', 'up'],
    ['model.layers.3.mlp.down_proj.weight', 'layers', '3', 'down'],
    ['layers.3.attention.wq.weight', 'layers', '3', 'q'],
    ['layers.3.feed_forward.w1.weight', 'layers', '3', 'gate'],
    ['layers.3.feed_forward.w3.weight', 'layers', '3', 'up'],
    ['layers.3.feed_forward.w2.weight', 'layers', '3', 'down'],
    ['base_model.model.model.layers.3.mlp.up_proj.base_layer.weight', 'layers', '3', 'up'],
    ['base_model.model.model.layers.3.mlp.up_proj.lora_A.default.weight', 'layers', '3', 'up lora_A'],
  ],
  'GPT-2': [
    ['transformer.h.11.attn.c_attn.weight', 'h', '11', 'qkv'],
    ['h.11.attn.c_proj.weight', 'h', '11', 'o'],
    ['h.11.mlp.c_fc.weight', 'h', '11', 'up'],
    ['h.11.mlp.c_proj.weight', 'h', '11', 'down'],
    ['h.0.attn.delta_weight', 'h', '0', 'attn ΔW'],
  ],
  BERT: [
    ['bert.encoder.layer.5.attention.self.query.weight', 'bert.encoder.layer', '5', 'q'],
    ['bert.encoder.layer.5.attention.output.dense.weight', 'bert.encoder.layer', '5', 'o'],
    ['bert.encoder.layer.5.intermediate.dense.weight', 'bert.encoder.layer', '5', 'up'],
    ['bert.encoder.layer.5.output.dense.weight', 'bert.encoder.layer', '5', 'down'],
  ],
  T5: [
    ['encoder.block.2.layer.0.SelfAttention.q.weight', 'encoder.block', '2', 'q'],
    ['encoder.block.2.layer.1.DenseReluDense.wi_0.weight', 'encoder.block', '2', 'gate'],
    ['encoder.block.2.layer.1.DenseReluDense.wi.weight', 'encoder.block', '2', 'up'],
    ['encoder.block.2.layer.1.DenseReluDense.wo.weight', 'encoder.block', '2', 'down'],
    ['decoder.block.2.layer.1.EncDecAttention.o.weight', 'decoder.block', '2', 'cross o'],
    ['decoder.block.2.layer.2.DenseReluDense.wi_1.weight', 'decoder.block', '2', 'up'],
  ],
  ViT: [
    ['blocks.7.attn.qkv.weight', 'blocks', '7', 'qkv'],
    ['blocks.7.attn.proj.weight', 'blocks', '7', 'o'],
    ['blocks.7.mlp.fc1.weight', 'blocks', '7', 'up'],
    ['blocks.7.mlp.fc2.weight', 'blocks', '7', 'down'],
    ['vit.encoder.layer.7.attention.attention.key.weight', 'vit.encoder.layer', '7', 'k'],
    ['visual.transformer.resblocks.4.attn.in_proj_weight', 'visual.transformer.resblocks', '4', 'qkv'],
    ['layers.2.blocks.1.attn.qkv.weight', 'layers.blocks', '2.1', 'qkv'],
  ],
  Mixtral: [
    ['model.layers.4.block_sparse_moe.gate.weight', 'layers', '4', 'router'],
    ['model.layers.4.block_sparse_moe.experts.7.w1.weight', 'layers', '4', 'gate', 7],
    ['model.layers.4.block_sparse_moe.experts.7.w2.weight', 'layers', '4', 'down', 7],
    ['model.layers.4.mlp.experts.63.up_proj.weight', 'layers', '4', 'up', 63],
    ['model.layers.4.mlp.experts.gate_up_proj[5]', 'layers', '4', 'gate+up', 5],
    ['model.layers.4.mlp.shared_experts.gate_proj.weight', 'layers', '4', 'shared gate'],
    ['model.layers.4.mlp.shared_expert_gate.weight', 'layers', '4', 'router'],
  ],
  ResNet: [
    ['layer1.0.conv1.weight', 'layer', '1.0', 'conv1'],
    ['module.layer3.2.conv2.weight', 'layer', '3.2', 'conv2'],
    ['layer2.0.downsample.0.weight', 'layer', '2.0', 'downsample.0'],
    ['conv2_block1_1_conv/kernel:0', 'block', '2.1', '1_conv'],
  ],
  'other convolutional networks': [
    ['features.3.conv.0.0.weight', 'features', '3', 'conv.0.0'],
    ['features.denseblock1.denselayer3.conv1.weight', 'features.denseblock.denselayer', '1.3', 'conv1'],
    ['blocks.1.0.conv_pw.weight', 'blocks', '1.0', 'conv_pw'],
    ['3.conv.2.weight', '', '3', 'conv.2'],
  ],
  Whisper: [
    ['model.decoder.layers.1.encoder_attn.q_proj.weight', 'decoder.layers', '1', 'cross q'],
    ['model.decoder.layers.1.self_attn.out_proj.weight', 'decoder.layers', '1', 'o'],
    ['model.encoder.layers.1.fc1.weight', 'encoder.layers', '1', 'up'],
    ['decoder.blocks.1.cross_attn.query.weight', 'decoder.blocks', '1', 'cross q'],
    ['decoder.blocks.1.mlp.0.weight', 'decoder.blocks', '1', 'up'],
    ['decoder.blocks.1.mlp.2.weight', 'decoder.blocks', '1', 'down'],
  ],
  GGUF: [
    ['blk.9.attn_q.weight', 'blk', '9', 'q'],
    ['blk.9.attn_qkv.weight', 'blk', '9', 'qkv'],
    ['blk.9.attn_output.weight', 'blk', '9', 'o'],
    ['blk.9.ffn_gate.weight', 'blk', '9', 'gate'],
    ['blk.9.ffn_down_exps.weight[3]', 'blk', '9', 'down', 3],
    ['blk.9.ffn_up_shexp.weight', 'blk', '9', 'shared up'],
    ['blk.9.ffn_gate_inp.weight', 'blk', '9', 'router'],
  ],
  diffusers: [
    [
      'down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q.weight',
      'down_blocks.attentions.transformer_blocks',
      '1.0.0',
      'cross q',
    ],
    [
      'down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.weight',
      'down_blocks.attentions.transformer_blocks',
      '1.0.0',
      'o',
    ],
    [
      'down_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj.weight',
      'down_blocks.attentions.transformer_blocks',
      '1.0.0',
      'up',
    ],
    [
      'down_blocks.1.attentions.0.transformer_blocks.0.ff.net.2.weight',
      'down_blocks.attentions.transformer_blocks',
      '1.0.0',
      'down',
    ],
    ['down_blocks.1.resnets.0.conv1.weight', 'down_blocks.resnets', '1.0', 'conv1'],
  ],
  'Universal Sentence Encoder': [
    [
      'module_apply_default/Encoder_en/KonaTransformer/Encode/Layer_1/TransformerLayer/FFN/conv2/Tensordot/Reshape_1',
      'Encoder_en.KonaTransformer.Encode.Layer',
      '1',
      'down',
    ],
    [
      'module/Encoder_en/KonaTransformer/Encode/Layer_1/TransformerLayer/MultiheadAttention/qkv_transform_single/kernel/part_0',
      'Encoder_en.KonaTransformer.Encode.Layer',
      '1',
      'qkv',
    ],
  ],
};

describe('the place of a layer, by its name', () => {
  for (const [model, cases] of Object.entries(MODELS)) {
    it(`is found in names of ${model}`, () => {
      for (const [name, stack, block, role, expert] of cases) {
        const place = placeOf(name);
        assert.deepEqual(
          place && [place.stack, place.numbers.join('.'), place.role, place.expert],
          [stack, block, role, expert],
          name,
        );
      }
    });
  }

  it('is none for what lies in no block', () => {
    const names = ['model.embed_tokens.weight', 'lm_head.weight', 'conv1.weight', 'features.0.weight', 'fc.weight', ''];
    for (const name of [...names, '0.weight', 'token_embd.weight', 'wte.weight', '7', '....', '[3]']) {
      assert.equal(placeOf(name), undefined, name);
    }
  });

  it('keeps the module’s own name beside its role, without the expert’s number', () => {
    assert.equal(placeOf('h.3.attn.c_attn.weight')?.module, 'attn.c_attn');
    assert.equal(placeOf('model.layers.4.mlp.experts.7.up_proj.weight')?.module, 'mlp.experts.up_proj');
  });
});
