import assert from 'node:assert/strict';
import { DEFAULT_FARMS, parseCommand, UsageError } from '../../../../extension/engine/terminal/cliArguments';

describe('command line', () => {
  it('reads every option of inspect', () => {
    const command = parseCommand(
      'inspect m.safetensors --layers *.attn.* --layers lm_head --split heads --farms-rows 64 --farms-q 2 --farms-ops 8 --fit mid --vectors 10 --own a.csv --own b.json --json'.split(
        ' ',
      ),
    );
    assert.equal(command.command, 'inspect');
    assert.deepEqual(command, {
      command: 'inspect',
      path: 'm.safetensors',
      layers: ['*.attn.*', 'lm_head'],
      split: 'heads',
      settings: { farms: { ...DEFAULT_FARMS, rows: 64, q: 2, ops: 8, fit: 'xmin_mid' } },
      vectors: 10,
      own: ['a.csv', 'b.json'],
      format: 'json',
      cache: true,
      depth: 'exact',
      threads: undefined,
      memoryMegabytes: undefined,
      device: 'auto',
    });
  });

  it('reads which tests are made besides', () => {
    const command = parseCommand(['inspect', 'm', '--randomise', '--goodness']);
    assert.ok(command.command === 'inspect');
    assert.deepEqual(command.settings, { farms: DEFAULT_FARMS, randomise: true, goodness: true });
    const often = parseCommand(['inspect', 'm', '--randomise', '--shuffles', '20']);
    assert.deepEqual('settings' in often && often.settings, { farms: DEFAULT_FARMS, randomise: true, shuffles: 20 });
    assert.throws(() => parseCommand(['inspect', 'm', '--randomise', '--shuffles', '1']), /--shuffles/);
    assert.throws(() => parseCommand(['inspect', 'm', '--shuffles', '4']), /needs --randomise/);
  });

  it('reads the device to compute on', () => {
    const command = parseCommand(['inspect', 'm', '--device', 'webgpu']);
    assert.ok(command.command === 'inspect' && command.device === 'webgpu');
  });

  it('reads what to save the singular vectors of', () => {
    const common = { command: 'vectors', path: 'm', layer: 'w', out: 'o', threads: undefined, device: 'auto' };
    assert.deepEqual(parseCommand('vectors m --layer w --out o --memory 900'.split(' ')), {
      ...common,
      ...{ count: undefined, overwrite: false, memoryMegabytes: 900 },
    });
    assert.deepEqual(parseCommand('vectors m --layer w --out o --rank 7 --overwrite'.split(' ')), {
      ...common,
      ...{ count: 7, overwrite: true, memoryMegabytes: undefined },
    });
  });

  it('reads the method of two factors, and the statistics that it needs', () => {
    const read = (more: string) => {
      const command = parseCommand(`compress m --layer w --out o --rank 1${more}`.split(' '));
      assert.ok(command.command === 'compress');
      return [command.method, command.stats];
    };
    assert.deepEqual(read(''), ['svd', undefined]);
    assert.deepEqual(read(' --method svd-llm --stats s.safetensors'), ['svd-llm', 's.safetensors']);
  });

  it('inspects what is read back', () => {
    assert.deepEqual(parseCommand('read-back dir --json'.split(' ')), parseCommand('inspect dir --json'.split(' ')));
  });

  it('reads every layer to compress', () => {
    const command = parseCommand('compress m --layer v --layer *.w --out o --rank 1'.split(' '));
    assert.ok(command.command === 'compress');
    assert.deepEqual(command.layers, ['v', '*.w']);
  });

  it('reads the three ways to ask for a rank', () => {
    const rank = (option: string): unknown => {
      const command = parseCommand(['compress', 'm', '--layer', 'w', '--out', 'o', ...option.split(' ')]);
      return command.command === 'compress' && command.rank;
    };
    assert.deepEqual(rank('--rank 8'), { kind: 'rank', rank: 8 });
    assert.deepEqual(rank('--energy 0.9'), { kind: 'energy', energy: 0.9 });
    assert.deepEqual(rank('--budget 0.5'), { kind: 'budget', budget: 0.5 });
  });

  for (const [line, words] of [
    ['inspect', /needs a PATH/],
    ['inspect  --json', /needs a PATH/], // `inspect "$MODEL"`, and the variable is not set
    ['inspect m --no-farms --farms-ops 3', /--farms-ops is about FARMS/],
    ['inspect m --fit mid --no-farms', /--fit is about FARMS/],
    ['explode m', /no command "explode"/],
    ['inspect a b', /"b" is too many/],
    ['inspect m --json --csv', /exclude each other/],
    ['inspect m --fit hill', /KS, mid or peak, not "hill"/],
    ['inspect m --farms-rows 2.5', /whole number/],
    ['inspect m --device gpu', /auto, cpu, cuda, coreml, dml, webgpu, not "gpu"/],
    ['inspect m --farms-rows 1', /from 2 to/],
    ['inspect m --farms-q zero', /not "zero"/],
    ['inspect m --fit constructor', /KS, mid or peak, not "constructor"/],
    [
      'toString m',
      /no command "toString"; inspect, tensors, compress, vectors, read-back, report, plan, calibrate, evaluate are/,
    ],
    ['--json', /one of inspect, tensors, compress, vectors, read-back, report, plan, calibrate, evaluate comes first/],
    ['inspect m --colour', /colour/],
    ['tensors m --csv', /tensors takes no --csv/],
    ['inspect m --split qkv', /--split is fused or heads, not "qkv"/],
    ['tensors m --layers w', /tensors takes no --layers/],
    ['inspect m --out o', /inspect takes no --out/],
    ['inspect m --layer w', /inspect takes no --layer; did you mean --layers\?/],
    ['compress m --layer w --out o --rank 1 --json', /compress takes no --json/],
    ['inspect m --vectors 10', /--vectors needs --json/],
    ['inspect m --json --vectors 0', /from 1 to/],
    ['vectors m --out o', /vectors needs --layer/],
    ['vectors m --layer w', /vectors needs --out/],
    [
      'compress m --layer w --out o --rank 1 --method gear',
      /gear is none .* choose one of: svd, fwsvd, asvd, svd-llm$/,
    ],
    ['compress m --layer w --out o --rank 1 --method asvd', /asvd needs statistics .* --stats/],
    ['compress m --layer w --out o --rank 1 --stats s', /svd uses no statistics/],
    ['compress m --layer w --out o', /one of --rank, --energy and --budget/],
    ['compress m --layer w --out o --rank 1 --energy 0.5', /one of/],
    ['compress m --out o --rank 1', /--layer/],
    ['compress m --layer w --rank 1', /--out/],
    ['compress m --layer w --out o --rank 1 --output both', /not "both"/],
    ['compress m --layer w --out o --rank 1 --rank 2', /--rank is given more than once/],
    ['compress m --layer w --out o --out p --rank 1', /--out is given more than once/],
    ['inspect m --fit KS --fit mid', /--fit is given more than once/],
    ['vectors m --layer v --layer w --out o', /vectors takes one --layer at a time/],
  ] as const) {
    it(`refuses "${line}" in words`, () => {
      assert.throws(
        () => parseCommand(line.split(' ')),
        (error: unknown) => error instanceof UsageError && words.test(error.message),
      );
    });
  }

  it('shows the usage when asked or given nothing', () => {
    assert.deepEqual(parseCommand([]), { command: 'help' });
    assert.deepEqual(parseCommand(['inspect', '--help']), { command: 'help' });
  });
});
