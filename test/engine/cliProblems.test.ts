/** Checkpoints with something wrong in them, in the terminal: what is shown, what is told, and the exit code. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import path from 'node:path';
import type { InspectReport } from '../../extension/shared/inspectReport';
import { cli, commandLine } from '../harness/commandLine';
import { safetensorsHeader, uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { floatTensor, GgufWriter } from '../harness/checkpoints/ggufWriter';
import { dict, pickle, tensor } from '../harness/checkpoints/pickleWriter';
import { temporaryFolder } from '../harness/temporaryFolder';
import { torchZip } from '../harness/checkpoints/torchFiles';

describe('problems in the terminal', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);

  it('reports a layer with NaN and goes on with the others: exit code 1', () => {
    const values = uniform(64, 5);
    values[19] = NaN;
    values[40] = -Infinity;
    const file = writeSafetensors(path.join(folder, 'nan.safetensors'), [
      { name: 'sick', shape: [8, 8], values },
      { name: 'sound', shape: [8, 8], values: uniform(64, 6) },
    ]);
    const { status, stdout } = run('inspect', file, '--json');
    assert.equal(status, 1);
    const { layers, problems } = JSON.parse(stdout) as InspectReport;
    assert.equal(problems.length, 1);
    assert.match(problems[0]!.message, /sick: 1 NaN and 1 Inf, the first at row 2, column 3/);
    assert.deepEqual(layers[0]!.metrics, {});
    assert.equal(layers[0]!.statistics!.nan, 1);
    assert.ok(layers[1]!.metrics.spectral_norm! > 0);
  });

  it('says so where squares leave the range of a double', () => {
    const file = path.join(folder, 'range.safetensors');
    const shape = [12, 10];
    const scales: Record<string, number> = { huge: 1e200, tiny: 1e-200, sound: 1e-60 };
    const { header } = safetensorsHeader(
      Object.keys(scales).map((name) => ({ name, shape })),
      'F64',
      8,
    );
    const data = Object.values(scales).map((scale) =>
      Buffer.from(Float64Array.from(uniform(120, 7), (value) => scale * value).buffer),
    );
    writeFileSync(file, Buffer.concat([header, ...data]));
    const { status, stdout } = run('inspect', file, '--json');
    assert.equal(status, 1);
    const { layers, problems } = JSON.parse(stdout) as InspectReport;
    assert.deepEqual(
      problems.map(({ code, tensor }) => [code, tensor]),
      [
        ['out-of-range', 'huge'],
        ['out-of-range', 'tiny'],
      ],
    );
    assert.match(problems[0]!.message, /^huge: its largest element is 9\.\d+e\+199, .*; scale it/);
    assert.deepEqual(layers[1]!.metrics, {});
    assert.ok(layers[1]!.statistics!.max! > 0);
    assert.equal(layers[2]!.metrics.matrix_rank, 10);
    const compressed = run('compress', file, '--layer', 'huge', '--rank', '1', '--out', path.join(folder, 'x'));
    assert.equal(compressed.status, 2);
    assert.match(compressed.stderr, /huge: its largest element/);
  });

  it('names a layer that does not fit the memory limit, and still tells its statistics', () => {
    const file = path.join(folder, 'wide.safetensors');
    const { header, dataBytes } = safetensorsHeader([{ name: 'wide', shape: [300, 60_000] }], 'F32', 4);
    writeFileSync(file, header);
    truncateSync(file, header.length + dataBytes);
    const { status, stdout } = run('inspect', file, '--json', '--memory', '64', '--threads', '1');
    assert.equal(status, 1);
    const { layers, problems } = JSON.parse(stdout) as InspectReport;
    assert.equal(problems[0]!.code, 'limit');
    // 72 MB stored, four chunks of a sixteenth of the limit, and half a Gram matrix of order 300.
    assert.match(problems[0]!.message, /^wide: needs about 89 MB .*; raise the memory limit/);
    assert.equal(layers[0]!.statistics!.zeros, 300 * 60_000);
    assert.deepEqual(layers[0]!.metrics, {});
    // A spectrum fits in more, and factors beside it do not.
    const args = ['--layer', 'wide', '--rank', '2', '--memory', '128', '--threads', '1'];
    const compressed = run('compress', file, ...args, '--out', path.join(folder, 'narrow.safetensors'));
    assert.equal(compressed.status, 2);
    assert.match(compressed.stderr, /compressing wide needs about \d+ MB .*; raise the memory limit/);
  });

  it('names the tensor whose stored bytes are damaged, and analyses the others', () => {
    const file = path.join(folder, 'crc.pt');
    const data = Buffer.from(uniform(96, 8).buffer);
    const state = dict(
      ['sick.weight', tensor({ key: '0', shape: [12, 8] })],
      ['sound.weight', tensor({ key: '1', shape: [12, 8] })],
    );
    const bytes = Buffer.from(torchZip(pickle(state), { 0: data, 1: Buffer.from(uniform(96, 9).buffer) }));
    bytes[bytes.indexOf(data) + 5]! ^= 1;
    writeFileSync(file, bytes);
    const { status, stdout } = run('inspect', file, '--json');
    assert.equal(status, 1);
    const { layers, problems } = JSON.parse(stdout) as InspectReport;
    assert.equal(problems.length, 1);
    assert.match(problems[0]!.message, /crc\.pt, tensor sick\.weight, byte \d+: .*checksum.*; fetch it again$/);
    assert.ok(layers[1]!.metrics.norm! > 0);
    const counts = /\n1 layer with a spectrum, 1 that could not be analysed, 0 tensors with statistics only\.\n/;
    assert.match(run('inspect', file).stdout, counts);
  });

  describe('a matrix that cannot be read', () => {
    const matrix = (name: string, type: number) => ({ name, dims: [32, 2], type, bytes: new Uint8Array(64) });
    let file: string;
    before(() => {
      file = path.join(folder, 'unread.gguf');
      writeFileSync(
        file,
        new GgufWriter().file({ tensors: [matrix('new', 99), floatTensor('w', [3, 4]), floatTensor('b', [3])] }),
      );
    });

    it('is a problem: exit code 1', () => {
      const { status, stdout } = run('inspect', file, '--json');
      assert.equal(status, 1);
      const { layers, problems } = JSON.parse(stdout) as InspectReport;
      assert.deepEqual(
        problems.map(({ code, tensor }) => [code, tensor]),
        [['unreadable', 'new']],
      );
      assert.match(problems[0]!.message, /^new cannot be read: type 99, which is none of ggml's/);
      assert.deepEqual(layers[0]!.problems, problems);
    });

    it('has a row of its own, and counts as one that could not be analysed', () => {
      const { stdout } = run('inspect', file);
      assert.match(
        stdout,
        /\n1 layer with a spectrum, 1 that could not be analysed, 1 tensor with statistics only\.\n/,
      );
      assert.match(stdout, / {2}new {2}\(unreadable\)\n/);
    });

    it('says so in its line of CSV and on stderr', () => {
      const { status, stdout, stderr } = run('inspect', file, '--csv');
      assert.equal(status, 1);
      assert.match(stdout.split('\n')[1]!, /^new,new,.*new cannot be read: type 99/);
      assert.match(stderr, /^new cannot be read: type 99/);
    });
  });

  it('shows what can be read of a truncated file: exit code 1', () => {
    const file = path.join(folder, 'short.safetensors');
    writeSafetensors(file, [
      { name: 'block.0.weight', shape: [40, 24], values: uniform(960, 1) },
      { name: 'block.1.weight', shape: [24, 40], values: uniform(960, 3) },
    ]);
    truncateSync(file, readFileSync(file).length - 100);
    const { status, stdout } = run('inspect', file, '--json');
    assert.equal(status, 1);
    const { layers, problems } = JSON.parse(stdout) as InspectReport;
    assert.ok(layers.some(({ name, metrics }) => name === 'block.0.weight' && metrics.norm! > 0));
    assert.ok(problems.some(({ message }) => message.includes('block.1.weight') && message.includes(file)));
  });

  it('lists each layer that a file which changes in between leaves without numbers: exit code 1', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `layer.${index}`);
    const file = writeSafetensors(
      path.join(folder, 'changing.safetensors'),
      names.map((name, index) => ({ name, shape: [300, 300], values: uniform(90_000, index) })),
    );
    const cache = path.join(folder, 'filling');
    const child = spawn(process.execPath, [cli, 'inspect', file, '--json', '--no-farms', '--threads', '1'], {
      env: { ...process.env, EIGENSCOPE_CACHE_DIR: cache },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    // Once the first result is kept, the next layers are still to be read.
    while (child.exitCode === null && !existsSync(cache)) await setTimeout(5);
    truncateSync(file, 1000);
    const [stdout, stderr] = await output;
    assert.equal(child.exitCode, 1, stderr);
    const { layers, problems } = JSON.parse(stdout) as InspectReport;
    assert.deepEqual(
      layers.map(({ name }) => name),
      names,
    );
    const without = layers.filter(({ metrics }) => metrics.alpha === undefined).map(({ name }) => name);
    assert.ok(without.length > 0 && without.length < names.length, `${without.length} of ${names.length}`);
    assert.deepEqual(
      problems.map(({ code, tensor }) => [code, tensor]),
      without.map((name) => ['changed', name]),
    );
    assert.match(problems[0]!.message, /^layer\.\d+ was not analysed: .*changing\.safetensors: changed on disk/);
  });
});
