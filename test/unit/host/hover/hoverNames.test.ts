import assert from 'node:assert/strict';
import { namesCheckpoint } from '../../../../extension/host/sources/loadCalls';
import { ANY, NameTemplates } from '../../../../extension/host/workspace/nameTemplates';
import { folderDistance, pathAgreement, SourceMentions } from '../../../../extension/host/sources/sourceMentions';

describe('names with a number left open', () => {
  const templates = new NameTemplates();
  let index = 0;
  for (let block = 0; block < 32; block++) {
    for (const name of ['self_attn.q_proj.weight', 'mlp.gate_proj.weight', 'mlp.down_proj.weight']) {
      templates.add(`model.layers.${block}.${name}`.split('.'), index++);
    }
  }
  for (let block = 0; block < 4; block++) {
    for (let expert = 0; expert < 8; expert++) templates.add(`moe.${block}.experts.${expert}.w1`.split('.'), index++);
  }

  it('stand for all of them, with the range', () => {
    const range = templates.range(['layers', ANY, 'self_attn', 'q_proj', 'weight'])!;
    assert.equal(range.name, 'model.layers.0–31.self_attn.q_proj.weight');
    assert.deepEqual(range.below, [{ name: '', count: 32, example: 0 }]);
    const two = templates.range(['moe', ANY, 'experts', ANY, 'w1'])!;
    assert.equal(two.name, 'moe.0–3.experts.0–7.w1');
  });

  it('stand for what lies below a module', () => {
    const range = templates.range(['model', 'layers', ANY, 'mlp'])!;
    assert.equal(range.name, 'model.layers.0–31.mlp');
    assert.deepEqual(
      range.below.map(({ name, count }) => [name, count]),
      [
        ['gate_proj.weight', 32],
        ['down_proj.weight', 32],
      ],
    );
  });

  it('are none where there is no such name, or the number is none of theirs', () => {
    assert.equal(templates.range(['layers', ANY, 'attn']), undefined);
    assert.equal(templates.range(['moe', '9', 'experts', ANY, 'w1']), undefined);
    assert.equal(templates.range(['model', ANY, 'mlp']), undefined);
  });

  it('tell the nearest name to one that is not there', () => {
    const nearest = (name: string): string | undefined => templates.nearest(name.split('.'));
    assert.equal(nearest('model.layers.32.self_attn.q_proj.weight'), 'model.layers.0–31.self_attn.q_proj.weight');
    assert.equal(nearest('model.layers.3.self_atn.q_proj.weight'), 'model.layers.0–31.self_attn.q_proj.weight');
    assert.equal(nearest('layers.3.mlp.gate_proj.weight'), 'model.layers.0–31.mlp.gate_proj.weight');
    assert.equal(nearest('model.layers.3.mlp.down_prj.weight'), 'model.layers.0–31.mlp.down_proj.weight');
    assert.equal(nearest('model.layers.3.mlp.gate_prj.weight'), 'model.layers.0–31.mlp.gate_proj.weight');
    assert.equal(nearest('torch.nn.functional'), undefined);
    assert.equal(nearest('a.b'), undefined);
  });

  it('are bounded, whatever a file holds', () => {
    const many = new NameTemplates();
    for (let name = 0; name < 100_000; name++) many.add([`x${name}`, 'weight'], name);
    assert.equal(many.range([ANY, 'weight']), undefined);
  });
});

describe('checkpoints that a source file speaks of', () => {
  const mentions = new SourceMentions(
    'model = load("runs/b/model.safetensors")\nAutoModel.from_pretrained(\'org/net\')\nx = f"./out/step-500"\nopen("a")\n',
  );

  it('are told by the path in a string, the longest agreement first', () => {
    assert.ok(mentions.of('/w/runs/b/model.safetensors') > mentions.of('/w/out/step-500/model.safetensors'));
    assert.ok(mentions.of('/w/out/step-500/model.safetensors') > 0);
    assert.equal(mentions.of('/w/runs/c/model.safetensors'), 0);
    assert.equal(mentions.of('/w/a/model.safetensors'), 0);
    assert.ok(mentions.of('/hub/models--org--net/snapshots/1f/model.safetensors') > 0);
    assert.ok(pathAgreement('..\\b\\model.gguf', 'C:\\w\\b\\model.gguf') > 0);
  });

  it('are nearer in the same folder', () => {
    assert.ok(folderDistance('/w/a/train.py', '/w/a/m.pt') < folderDistance('/w/a/train.py', '/w/b/m.pt'));
  });

  it('are named by a call that loads them, or by a suffix', () => {
    const named = (line: string, text: string): boolean => namesCheckpoint(line, line.indexOf(text), text);
    assert.ok(named('m = AutoModel.from_pretrained("out/step-500")', 'out/step-500'));
    assert.ok(named('s = torch.load("x", map_location="cpu")', 'x"'.slice(0, 1)));
    assert.ok(named('s = load_file(filename="weights")', 'weights'));
    assert.ok(named('path: out/model.safetensors', 'out/model.safetensors'));
    assert.ok(!named('print("out/step-500")', 'out/step-500'));
  });
});
