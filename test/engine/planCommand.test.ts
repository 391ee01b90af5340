/** `eigenscope plan` as a person runs it: the plan it writes, what it leaves out, and what it refuses. */
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parsePlan } from '../../extension/compression/planFile/parsePlan';
import type { CompressionPlan } from '../../extension/shared/compression/plans';
import { commandLine } from '../harness/commandLine';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { intAttribute, node } from '../harness/checkpoints/onnxWriter';
import { madeModel, weight } from '../harness/onnx/onnxModels';
import { temporaryFolder } from '../harness/temporaryFolder';

describe('plans in the terminal', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const tensor = (name: string, shape: number[], seed: number): Parameters<typeof writeSafetensors>[1][number] => ({
    name,
    shape,
    values: uniform(
      shape.reduce((a, b) => a * b),
      seed,
    ),
  });
  const tensors = [
    tensor('model.embed_tokens.weight', [40, 24], 1),
    tensor('model.layers.0.self_attn.q_proj.weight', [24, 24], 2),
    tensor('model.layers.0.mlp.up_proj.weight', [64, 24], 3),
    tensor('model.layers.0.mlp.down_proj.weight', [24, 64], 4),
    tensor('model.norm.weight', [24], 5),
    tensor('lm_head.weight', [40, 24], 6),
  ];
  const model = writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
  const out = path.join(folder, 'a.eigenplan.json');
  const planned = (...options: string[]): CompressionPlan => {
    const { status, stderr } = run('plan', model, '--out', out, '--overwrite', ...options);
    assert.equal(status, 0, stderr);
    return parsePlan(readFileSync(out, 'utf8'), out);
  };

  it('shares a budget, and leaves embeddings and the output matrix out unless asked', () => {
    const plan = planned('--ratio', '0.8');
    assert.deepEqual(
      Object.keys(plan.layers),
      tensors.filter(({ shape }) => shape.length > 1).map(({ name }) => name),
    );
    assert.deepEqual(plan.layers['model.embed_tokens.weight'], { keep: 'dense', why: 'is an embedding' });
    assert.deepEqual(plan.layers['lm_head.weight'], { keep: 'dense', why: 'is the output matrix' });
    const bytes = Object.entries(plan.layers).reduce((sum, [name, own]) => {
      const [rows, cols] = tensors.find((each) => each.name === name)!.shape as [number, number];
      return sum + 4 * ('keep' in own ? rows * cols : own.rank! * (rows + cols));
    }, 4 * 24);
    const all = tensors.reduce((sum, { values }) => sum + 4 * values.length, 0);
    assert.ok(bytes <= 0.8 * all && bytes > 0.75 * all, `${bytes} of ${all}`);
    assert.ok('rank' in planned('--ratio', '0.6', '--include', 'lm_head').layers['lm_head.weight']!);
  });

  it('takes an output matrix that holds the embedding once more for the same weight', () => {
    const [embedding, ...others] = tensors;
    const copy = { ...embedding!, name: 'lm_head.weight' };
    const twice = writeSafetensors(path.join(folder, 'twice.safetensors'), [embedding!, ...others.slice(0, -1), copy]);
    const asked = ['--ratio', '0.6', '--include', 'embed_tokens', '--include', 'lm_head'];
    const { status, stderr } = run('plan', twice, '--out', out, '--overwrite', ...asked);
    assert.equal(status, 0, stderr);
    const { layers } = parsePlan(readFileSync(out, 'utf8'), out);
    assert.ok('rank' in layers['model.embed_tokens.weight']!);
    const why = 'holds the same numbers as model.embed_tokens.weight and becomes what that becomes';
    assert.deepEqual(layers['lm_head.weight'], { keep: 'dense', why });
  });

  it('counts a copy that nothing ties as what it becomes, and whole where it stays', () => {
    const [embedding, ...others] = tensors;
    const copy = { ...embedding!, name: 'lm_head.weight' };
    const twice = writeSafetensors(path.join(folder, 'copy.safetensors'), [embedding!, ...others.slice(0, -1), copy]);
    const all = tensors.reduce((sum, { values }) => sum + 4 * values.length, 0);
    const bytes = (...options: string[]): [plan: CompressionPlan, share: number, before: number] => {
      const { status, stdout, stderr } = run('plan', twice, '--out', out, '--overwrite', ...options);
      assert.equal(status, 0, stderr);
      const [, share, before] = /^bytes +([\d.]+) % of (\d+)$/m.exec(stdout)!;
      return [parsePlan(readFileSync(out, 'utf8'), out), Number(share) / 100, Number(before)];
    };
    const [kept, keptShare, keptBefore] = bytes('--ratio', '0.8');
    assert.equal(keptBefore, all);
    assert.ok('keep' in kept.layers['model.embed_tokens.weight']!);
    assert.ok(keptShare > 0.75, 'both copies stay in the file');
    // As many bytes as the saved file has, whose manifest has the two as one.
    const chosen = ['--ratio', '0.5', '--include', 'embed_tokens', '--exclude', 'layers'];
    const [plan, share] = bytes(...chosen);
    const { rank } = plan.layers['model.embed_tokens.weight']! as { rank: number };
    const expected = 4 * (rank * (40 + 24) + 24 * 24 + 2 * 64 * 24 + 24);
    assert.ok(Math.abs(share - expected / all) < 1e-4, `${share} is not ${expected / all}`);
    const saved = path.join(folder, 'copy-saved');
    const ran = run('compress', twice, '--plan', out, '--to', 'safetensors', '--out', saved);
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stdout, new RegExp(`tensors ${expected} bytes`));
    // transformers gives each of the two a module of its own.
    const copied = (100 * (expected + 4 * rank * (40 + 24))) / all;
    const told = run('plan', twice, '--out', out, '--overwrite', ...chosen).stdout;
    const [, whole] = /^bytes as huggingface {2}([\d.]+) % of /m.exec(told)!;
    assert.ok(Math.abs(Number(whole) - copied) < 0.01, `${whole} is not ${copied}`);
  });

  it('says that a target of the whole is met by the model as it is', () => {
    for (const target of [
      ['--ratio', '1'],
      ['--ratio', '0', '--target', 'error'],
    ]) {
      const { status, stdout, stderr } = run('plan', model, '--out', out, '--overwrite', ...target);
      assert.equal(status, 0, stderr);
      assert.match(stdout, /The model as it is meets the target: .* A smaller target compresses\./);
      const { layers } = parsePlan(readFileSync(out, 'utf8'), out);
      assert.ok(Object.values(layers).every((layer) => 'keep' in layer));
    }
    const ran = run('compress', model, '--plan', out, '--to', 'safetensors', '--out', path.join(folder, 'nothing'));
    assert.equal(ran.status, 2);
    assert.match(ran.stderr, /keeps every layer dense, so there is nothing to do/);
  });

  it('takes no option that the quantiser decides itself', () => {
    const refused = (...options: string[]): string => {
      const { status, stderr } = run('plan', model, '--out', out, '--overwrite', '--ratio', '0.5', ...options);
      assert.equal(status, 2, stderr);
      return stderr;
    };
    assert.match(
      refused('--method', 'quantise', '--bits', '3'),
      /bits 3 has no effect: nf4 has 4 bits, .*; leave it out/,
    );
    assert.match(
      refused('--method', 'gear', '--quantiser', 'mxfp4', '--block', '64'),
      /block 64 has no effect: mxfp4 has blocks of 32; leave it out/,
    );
  });

  it('writes the same bytes each time, with the cache and without it', () => {
    const texts = [[], [], ['--no-cache']].map((more) => {
      planned('--ratio', '0.7', '--allocation', 'farms-alpha', ...more);
      return readFileSync(out, 'utf8');
    });
    assert.equal(texts[1], texts[0]);
    assert.equal(texts[2], texts[0]);
  });

  it('names the model by its content: not by its place, but by its weights', () => {
    const of = (file: string): string => {
      const { status, stderr } = run(
        'plan',
        file,
        '--ratio',
        '0.8',
        '--out',
        out,
        '--overwrite',
        '--allocation',
        'uniform',
      );
      assert.equal(status, 0, stderr);
      return parsePlan(readFileSync(out, 'utf8'), out).checkpoint.fingerprint;
    };
    const copy = writeSafetensors(path.join(folder, 'copy.safetensors'), tensors);
    const tuned = tensors.map((each) => (each.name.includes('q_proj') ? tensor(each.name, each.shape, 9) : each));
    const sibling = writeSafetensors(path.join(folder, 'tuned.safetensors'), tuned);
    assert.equal(of(copy), of(model));
    assert.notEqual(of(sibling), of(model));
  });

  it('chooses among methods by integer programming', () => {
    const plan = planned('--ratio', '0.6', '--allocation', 'ilp', '--choices', 'svd,quantise:int8,quantise:nf4');
    const methods = new Set(Object.values(plan.layers).map((own) => ('keep' in own ? 'dense' : own.method)));
    assert.ok(methods.has('quantise'), [...methods].join());
    assert.equal(plan.allocation, 'ilp');
  });

  it('reads the values of layers that it compresses without a spectrum, and leaves those with NaN dense', () => {
    const sick = { ...tensors[2]!, values: tensors[2]!.values.slice() };
    sick.values[30] = NaN;
    const damaged = writeSafetensors(
      path.join(folder, 'damaged.safetensors'),
      tensors.map((each) => (each.name === sick.name ? sick : each)),
    );
    const { status, stderr } = run(
      ...['plan', damaged, '--ratio', '0.8', '--allocation', 'uniform', '--out', out, '--overwrite'],
    );
    assert.equal(status, 1);
    const why = 'cannot be analysed: it holds NaN at row 1, column 6';
    assert.match(stderr, new RegExp(`^${sick.name}: ${why}$`, 'm'));
    const { layers } = parsePlan(readFileSync(out, 'utf8'), out);
    assert.deepEqual(layers[sick.name], { keep: 'dense', why });
    assert.ok('rank' in layers['model.layers.0.mlp.down_proj.weight']!);
  });

  it('plans adapters of a model that was never inspected', () => {
    const fresh = path.join(folder, 'fresh.safetensors');
    writeSafetensors(fresh, [tensor('a.weight', [24, 32], 77)]);
    const { status, stderr } = run('plan', fresh, '--method', 'pissa', '--rank', '4', '--out', out, '--overwrite');
    assert.equal(status, 0, stderr);
    const { layers } = parsePlan(readFileSync(out, 'utf8'), out);
    assert.deepEqual(layers['a.weight'], { method: 'pissa', rank: 4 });
  });

  it('weighs bipolar integers of several widths', () => {
    const { layers } = planned('--ratio', '0.45', '--allocation', 'ilp', '--choices', 'quantise:bipolar');
    const bits = Object.values(layers).flatMap((own) => ('bits' in own ? [own.bits!] : []));
    assert.ok(bits.length > 0 && bits.every((each) => [2, 3, 4, 8].includes(each)), bits.join());
    const { stdout } = run('plan', model, '--out', out, '--overwrite', '--ratio', '0.5', '--method', 'quantise');
    assert.match(stdout, /error +\S+ % \(estimate, \S+ % to \S+ % by the tails\)/);
  });

  it('refuses what cannot be, in one sentence', () => {
    const refusal = (...options: string[]): string => {
      const { status, stderr } = run('plan', model, ...options);
      assert.equal(status, 2);
      return stderr;
    };
    assert.match(refusal('--out', out), /plan needs --ratio R/);
    assert.match(refusal('--ratio', '1.2', '--out', out), /--ratio is a number from 0 to 1/);
    assert.match(refusal('--ratio', '0.5', '--out', out), /exists already.* with --overwrite/);
    assert.match(refusal('--ratio', '0.5', '--out', path.join(folder, 'plan.json')), /end it with .eigenplan.json/);
    assert.match(refusal('--ratio', '0.5', '--method', 'svd-llm', '--out', out), /svd-llm needs statistics/);
    assert.match(refusal('--ratio', '0.5', '--exclude', '(', '--out', out), /--exclude: "\(" is no regular expression/);
    assert.match(refusal('--ratio', '0.5', '--exclude', '', '--out', out), /--exclude is empty/);
    assert.match(refusal('--ratio', '0.5', '--bits', '3', '--out', out), /svd takes no --bits/);
    assert.match(refusal('--ratio', '0.5', '--ratio', '0.6', '--out', out), /--ratio is given more than once/);
    assert.match(
      refusal('--ratio', '0.5', '--method', 'quantise', '--allocation', 'welore', '--out', out),
      /quantise has no rank/,
    );
    const ilp = (choices: string): string =>
      refusal('--ratio', '0.5', '--allocation', 'ilp', '--choices', choices, '--out', out);
    assert.match(ilp('svd,pissa'), /pissa makes an adapter, which makes no layer smaller: choose another allocation/);
    assert.match(ilp('tensor-train'), /tensor-train has an error that is not known before it is run/);
  });

  // Links need a privilege on Windows.
  if (process.platform !== 'win32') {
    it('writes no plan through a link to another file', () => {
      const other = path.join(folder, 'other.json');
      writeFileSync(other, '{}');
      const link = path.join(folder, 'link.eigenplan.json');
      symlinkSync(other, link);
      const { status, stderr } = run('plan', model, '--ratio', '0.5', '--out', link, '--overwrite');
      assert.equal(status, 2);
      assert.match(stderr, /leads to .*other\.json, which is no name of a plan; choose another name/);
      assert.equal(readFileSync(other, 'utf8'), '{}');
    });
  }

  it('says which patterns match no layer', () => {
    const asked = ['--ratio', '0.9', '--exclude', 'nowhere', '--exclude', 'mlp', '--include', 'lm_head'];
    const { status, stdout } = run('plan', model, ...asked, '--out', out, '--overwrite');
    assert.equal(status, 0);
    assert.match(stdout, /^--exclude nowhere matches no layer, and has no effect\.$/m);
    assert.equal(stdout.match(/matches no layer/g)!.length, 1);
  });

  it('counts each layer that stays dense, whatever their reasons', () => {
    const names = Array.from({ length: 12 }, (_, i) => `block_${i}_${i < 2 ? 'a' : 'b'}.weight`);
    const file = path.join(folder, 'blocks.safetensors');
    writeSafetensors(
      file,
      names.map((name, i) => tensor(name, [24, 24], 30 + i)),
    );
    const patterns = ['_a', ...names.slice(2, 11).map((name) => `^${name}`)].flatMap((each) => ['--exclude', each]);
    const { status, stdout } = run('plan', file, '--ratio', '0.95', ...patterns, '--out', out, '--overwrite');
    assert.equal(status, 0);
    const dense = [...stdout.matchAll(/^dense +(\d+): (.*)$/gm)].map(([, count, why]) => ({
      count: Number(count),
      why,
    }));
    assert.deepEqual(dense[0], { count: 2, why: 'matches _a' });
    assert.deepEqual(dense[1], { count: 1, why: `${names[2]} matches ^${names[2]}` });
    assert.deepEqual(dense.at(-1), { count: 2, why: 'other reasons, which stand in the plan' });
    assert.equal(
      dense.reduce((sum, { count }) => sum + count, 0),
      11,
    );
  });

  it('tells of operators that need their weights whole as one reason, and names a layer that has its own', () => {
    const file = path.join(folder, 'grouped.onnx');
    const grouped = (name: string, output: string) =>
      node('Conv', { name, inputs: ['image', `${name}.weight`], output, attributes: [intAttribute('group', 2)] });
    const { bytes } = madeModel({
      inputs: { image: [1, 4, 5, 5], x: [2, 24] },
      outputs: { y: 2 },
      weights: [
        ...['first', 'second', 'third'].map((name) => weight(`${name}.weight`, [4, 2, 3, 3])),
        weight('turned', [4, 2, 3, 3]),
        weight('w', [24, 24]),
      ],
      nodes: [
        ...['first', 'second', 'third'].map((name) => grouped(name, `${name}.out`)),
        node('ConvTranspose', { name: 'up', inputs: ['image', 'turned'], output: 'b' }),
        node('MatMul', { inputs: ['x', 'w'], output: 'y' }),
      ],
    });
    writeFileSync(file, bytes);
    const { status, stdout, stderr } = run('plan', file, '--ratio', '0.9', '--out', out, '--overwrite');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^dense +3: .*Conv "first" has 2 groups, .*; the others are alike$/m);
    assert.match(stdout, /^dense +1: turned .*ConvTranspose "up"/m);
    assert.ok(!/"second"|"third"/.test(stdout), stdout);
  });

  it('says that the model is not whole', () => {
    const index = path.join(folder, 'model.safetensors.index.json');
    const weightMap: Record<string, string> = { 'gone.weight': 'gone.safetensors' };
    for (const { name } of tensors) weightMap[name] = path.basename(model);
    writeFileSync(index, JSON.stringify({ metadata: {}, weight_map: weightMap }));
    const { status, stderr } = run('plan', index, '--ratio', '0.9', '--out', out, '--overwrite');
    assert.equal(status, 1);
    assert.match(stderr, /gone\.safetensors: the shard is missing/);
  });

  it('says how near it comes if the target cannot be met', () => {
    const { status, stdout } = run('plan', model, '--ratio', '0.1', '--out', out, '--overwrite');
    assert.equal(status, 0);
    assert.match(stdout, /The target is not met: the size is \S+ % at least with these layers and this method\./);
  });
});
