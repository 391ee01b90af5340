import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { layOut } from '../../../extension/compression/safetensorsLayout';
import { assertSavable, saveCheckpointWith, type NewTensor } from '../../../extension/compression/safetensorsWriter';
import { copyNotes, copySizes, replacementNotes } from '../../../extension/compression/storageNotes';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../extension/checkpoint/openModel';
import { gptqParts, writeModel } from '../../harness/checkpoints/quantisedFixtures';
import { safetensorsFormat } from '../../../extension/checkpoint/safetensors/safetensors';
import { ramp, rawSafetensors, safetensorsBytes, writeSharded } from '../../harness/checkpoints/safetensorsFixtures';
import { madeTensor, memoryCheckpoint, parseSafetensors } from './savingFixture';

const note = { version: '0.1.0', layer: 'b.weight', method: 'svd', rank: 1 };

describe('saving a checkpoint with tensors replaced', () => {
  let folder: string;
  let target: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-writer-'));
    target = path.join(folder, 'out.safetensors');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const all = [
    madeTensor('a', 'F32', [3, 4]),
    madeTensor('b.weight', 'F32', [4, 6]),
    madeTensor('b.bias', 'F32', [4]),
    madeTensor('2', 'I64', []),
    madeTensor('empty', 'F16', [0, 7]),
    madeTensor('h', 'BF16', [2, 2, 3]),
    madeTensor('10', 'F8_E4M3', [5]),
    madeTensor('ключ "quoted" \\ 🙂', 'BOOL', [3]),
    madeTensor('__proto__', 'U8', [2]),
  ];
  const factors: NewTensor[] = [
    madeTensor('b.0.weight', 'F32', [1, 6], 77),
    madeTensor('b.1.weight', 'F32', [4, 1], 78),
  ];

  it('copies every other tensor byte for byte, in the source’s order, and puts the new ones in place', async () => {
    const result = await saveCheckpointWith(memoryCheckpoint(all), new Map([['b.weight', factors]]), { target, note });
    assert.equal(result.bytes, statSync(target).size);
    const saved = parseSafetensors(target);
    const expected = all.flatMap((tensor) => (tensor.name === 'b.weight' ? factors : [tensor]));
    assert.deepEqual(
      saved.names,
      expected.map(({ name }) => name),
    );
    for (const { name, dtype, shape, bytes } of expected) {
      const got = saved.tensors.get(name)!;
      assert.deepEqual([got.dtype, got.shape], [dtype, shape], name);
      assert.ok(got.bytes.equals(bytes), name);
    }
  });

  it('copies what is stored in less than a byte an element as it is stored, and decodes what is changed', async () => {
    const source = path.join(folder, 'source.safetensors');
    const bytes = Uint8Array.from({ length: 12 }, (_, i) => 37 * i + 5);
    const packed = [
      { name: 'scale', dtype: 'F8_E8M0', shape: [3], bytes: Uint8Array.of(127, 0, 255) },
      { name: 'four', dtype: 'F4', shape: [4, 6], bytes },
      { name: 'six', dtype: 'F6_E2M3', shape: [4, 4], bytes },
      { name: 'plain', dtype: 'F32', shape: [1], bytes: new Uint8Array(4) },
    ];
    writeFileSync(source, safetensorsBytes(packed));
    const checkpoint = await safetensorsFormat.open(source);
    const six = checkpoint.tensors.find(({ name }) => name === 'six')!;
    const patch = { offset: 8, bytes: new Uint8Array(Float32Array.of(7).buffer) };
    await saveCheckpointWith(checkpoint, new Map([['six', patch]]), { target, note });
    const saved = parseSafetensors(target);
    for (const { name, dtype, shape, bytes: stored } of packed.filter((tensor) => tensor.name !== 'six')) {
      const found = saved.tensors.get(name)!;
      assert.deepEqual([found.dtype, found.shape], [dtype, shape], name);
      assert.ok(found.bytes.equals(stored), name);
    }
    const found = saved.tensors.get('six')!;
    const expected = [...new Float32Array((await checkpoint.read(six)).buffer)];
    expected[2] = 7;
    assert.deepEqual(
      [found.dtype, ...new Float32Array(found.bytes.buffer.slice(found.bytes.byteOffset).slice(0, 64))],
      ['F32', ...expected],
    );
    assert.deepEqual(replacementNotes(checkpoint, six), [
      'The layer is stored as F6_E2M3; what replaces it is stored as F32.',
    ]);
    assert.deepEqual(copyNotes(checkpoint, [six]), []);
    assert.deepEqual(replacementNotes(checkpoint, checkpoint.tensors[0]!), []);
    await checkpoint.close();
  });

  it('copies the parts of quantised weights as they are, and refuses to put plain numbers in their place', async () => {
    const parts = {
      base: 'q',
      outputs: 32,
      inputs: 64,
      bits: 4,
      groups: 2,
      groupOf: (i: number) => Math.floor(i / 32),
    };
    const { tensors } = gptqParts({ ...parts, withIndex: true });
    const source = writeModel(folder, [...tensors, ramp('head', [2, 2])]);
    const checkpoint = await openModel(source);
    const [weight] = checkpoint.tensors;
    assert.equal(weight!.name, 'q.weight');
    const head = { name: 'head', dtype: 'F32' as const, shape: [2, 2], bytes: new Uint8Array(16) };
    await saveCheckpointWith(checkpoint, new Map([['head', [head]]]), { target, note });
    const saved = parseSafetensors(target);
    assert.deepEqual(saved.names, [...tensors.map(({ name }) => name), 'head']);
    for (const { name, dtype, shape, bytes } of tensors) {
      const found = saved.tensors.get(name)!;
      assert.deepEqual([found.dtype, found.shape], [dtype, shape], name);
      assert.ok(found.bytes.equals(bytes), name);
    }
    const plain = { name: 'q.weight', dtype: 'F32' as const, shape: [32, 64], bytes: new Uint8Array(8192) };
    await assert.rejects(
      saveCheckpointWith(checkpoint, new Map([['q.weight', [plain]]]), { target: `${target}2`, note }),
      { code: 'unsupported', message: /q\.weight: is stored quantised \(GPTQ 4-bit g32\).*quantised from/ },
    );
    assert.match(replacementNotes(checkpoint, weight!)[0]!, /cannot be saved compressed/);
    await checkpoint.close();
  });

  it('says which tensors a copy holds decoded because safetensors has no such type', () => {
    const checkpoint = memoryCheckpoint([madeTensor('a', 'F32', [2, 2]), madeTensor('b', 'F32', [2, 2])]);
    const [a, b] = checkpoint.tensors.map((tensor) => ({ ...tensor, encoding: { name: 'Q4_0', byteLength: 3 } }));
    const whole = { ...checkpoint, tensors: [a!, b!] };
    assert.deepEqual(replacementNotes(whole, a!), ['The layer is stored as Q4_0; what replaces it is stored as F32.']);
    assert.deepEqual(copyNotes(whole, []), [
      '2 other tensors stored as Q4_0 are written decoded, as F32: 32 bytes in place of 6 bytes.',
    ]);
    assert.deepEqual(copyNotes(whole, [a!]), [
      '1 other tensor stored as Q4_0 is written decoded, as F32: 16 bytes in place of 3 bytes.',
    ]);
    // What replaces all, or half, of one is counted by who knows it.
    assert.deepEqual(copySizes(whole, a!, 1), { before: 6, others: 16 });
    assert.deepEqual(copySizes(whole, a!, 0.5), { before: 6, others: 24 });
    const factor = { tensor: a!, transposed: false };
    const product = { ...b!, product: { left: factor, right: factor, rank: 1, scale: 1 } };
    assert.deepEqual(copyNotes({ ...whole, tensors: [a!, product] }, [a!]), [], 'a product is not stored');
  });

  it('keeps the data in the source’s order where every tensor stays aligned, else puts large elements first', async () => {
    const offsets = async (tensors: ReturnType<typeof madeTensor>[]) => {
      await saveCheckpointWith(memoryCheckpoint(tensors), new Map(), { target, note, overwrite: true });
      const saved = parseSafetensors(target);
      return saved.names.map((name) => saved.tensors.get(name)!.offset);
    };
    const half = madeTensor('half', 'F16', [4]);
    const whole = madeTensor('whole', 'F32', [2]);
    const flag = madeTensor('flag', 'BOOL', [3]);
    assert.deepEqual(await offsets([half, whole, flag]), [0, 8, 16]);
    assert.deepEqual(await offsets([flag, half, whole]), [16, 8, 0]);
  });

  it('keeps the metadata and adds its note, with an earlier note inside', async () => {
    const metadata = { format: 'pt', 'naïve "key"': 'line\nbreak' };
    await saveCheckpointWith(memoryCheckpoint(all, { metadata }), new Map(), { target, note });
    const first = parseSafetensors(target).metadata;
    assert.deepEqual(
      { ...first, eigenscope: JSON.parse(first['eigenscope']!) as unknown },
      { ...metadata, eigenscope: note },
    );

    await saveCheckpointWith(memoryCheckpoint(all, { metadata: first }), new Map(), {
      target,
      note: { rank: 2 },
      overwrite: true,
    });
    const second = parseSafetensors(target).metadata;
    assert.deepEqual(JSON.parse(second['eigenscope']!), { rank: 2, previous: note });

    await saveCheckpointWith(memoryCheckpoint(all, { metadata: { eigenscope: 'not JSON' } }), new Map(), {
      target,
      note: { rank: 3 },
      overwrite: true,
    });
    assert.deepEqual(JSON.parse(parseSafetensors(target).metadata['eigenscope']!), { rank: 3, previous: 'not JSON' });
  });

  it('says which program it is for, where the source did not: loaders refuse metadata without that', async () => {
    const formatOf = async (checkpoint: Checkpoint): Promise<Record<string, string>> => {
      await saveCheckpointWith(checkpoint, new Map(), { target, note, overwrite: true });
      const { eigenscope: _, ...kept } = parseSafetensors(target).metadata;
      return kept;
    };
    const axes = (kernelLayout: '…IO' | 'OI…'): Checkpoint =>
      memoryCheckpoint([{ ...madeTensor('dense/kernel', 'F32', [3, 4]), kernelLayout }]);
    assert.deepEqual(await formatOf(memoryCheckpoint(all)), { format: 'pt' });
    assert.deepEqual(await formatOf(memoryCheckpoint(all, { metadata: { format: 'mlx' } })), { format: 'mlx' });
    assert.deepEqual(await formatOf(memoryCheckpoint(all, { metadata: { format: 'layers-model' } })), {
      format: 'pt',
      source_format: 'layers-model',
    });
    assert.deepEqual(await formatOf(axes('OI…')), { format: 'pt' });
    assert.deepEqual(await formatOf(axes('…IO')), { format: 'tf' });
    assert.deepEqual(await formatOf({ ...axes('…IO'), format: 'flax' }), { format: 'flax' });
  });

  it('takes null in place of metadata for none, as the reference parser does', async () => {
    const source = path.join(folder, 'null.safetensors');
    const header = '{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
    writeFileSync(source, rawSafetensors(header, 4));
    const checkpoint = await openModel(source);
    assert.deepEqual([checkpoint.metadata, checkpoint.problems], [{}, []]);
    await saveCheckpointWith(checkpoint, new Map(), { target, note });
    await checkpoint.close();
    assert.equal(parseSafetensors(target).metadata['format'], 'pt');
  });

  it('holds the totals of an index of shards to what is written', async () => {
    const shards = { 'a-1.safetensors': [ramp('x.weight', [4, 4])], 'a-2.safetensors': [ramp('y', [2])] };
    const index = writeSharded(folder, shards, { metadata: { total_size: 72, total_parameters: 1018 } });
    const checkpoint = await openModel(index);
    const halves = [ramp('x.0.weight', [1, 4]), ramp('x.1.weight', [4, 1])] as NewTensor[];
    await saveCheckpointWith(checkpoint, new Map([['x.weight', halves]]), { target, note });
    await checkpoint.close();
    const { metadata, tensors } = parseSafetensors(target);
    const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
    assert.equal(metadata['total_size'], String(bytes));
    assert.equal(metadata['total_parameters'], String(1018 - 16 + 8));
  });

  it('is no mixture where the source changes meanwhile, even with its time put back', async () => {
    const source = path.join(folder, 'source', 'model.safetensors');
    mkdirSync(path.dirname(source));
    // Two tensors of one band each.
    writeFileSync(source, safetensorsBytes([ramp('a', [1_500_000]), ramp('b', [1_500_000])]));
    const then = new Date(1e12);
    utimesSync(source, then, then);
    const checkpoint = await openModel(source);
    let changed = false;
    const saving = saveCheckpointWith(checkpoint, new Map(), {
      target,
      note,
      onProgress: (fraction) => {
        if (changed || fraction < 0.4) return;
        changed = true;
        writeFileSync(source, safetensorsBytes([ramp('a', [1_500_000], 7), ramp('b', [1_500_000], 7)]));
        utimesSync(source, then, then);
      },
    });
    await assert.rejects(saving, { code: 'changed' });
    assert.ok(changed);
    assert.equal(existsSync(target), false);
    await checkpoint.close();
  });

  it('overwrites part of a tensor across band borders and leaves the rest', async () => {
    // 3 rows of 3 MB: with bands of at most 8 MB the patch lies in both.
    const stack = madeTensor('experts', 'F32', [3, 3, 250_000]);
    const patch = { offset: 5_000_000, bytes: madeTensor('p', 'U8', [2_000_000], 5).bytes };
    const checkpoint = memoryCheckpoint([stack]);
    await saveCheckpointWith(checkpoint, new Map([['experts', patch]]), { target, note });
    const expected = Buffer.from(stack.bytes);
    expected.set(patch.bytes, patch.offset);
    assert.ok(parseSafetensors(target).tensors.get('experts')!.bytes.equals(expected));
    assert.ok(checkpoint.reads.length > 1, 'the patch should cross a border');
  });

  it('reads in bands of bounded size', async () => {
    const large = madeTensor('large', 'F32', [1000, 10_000]);
    const checkpoint = memoryCheckpoint([large]);
    await saveCheckpointWith(checkpoint, new Map(), { target, note });
    assert.ok(checkpoint.reads.every(({ start, end }) => (end - start) * 40_000 <= 8 * 1024 * 1024));
    assert.equal(
      checkpoint.reads.reduce((rows, { start, end }) => rows + end - start, 0),
      1000,
    );
    assert.ok(parseSafetensors(target).tensors.get('large')!.bytes.equals(large.bytes));
  });

  it('reports progress from above 0 to 1, never backwards', async () => {
    const seen: number[] = [];
    await saveCheckpointWith(memoryCheckpoint(all), new Map(), { target, note, onProgress: (f) => seen.push(f) });
    assert.ok(seen[0]! > 0 && seen.at(-1) === 1);
    assert.deepEqual(
      seen,
      seen.slice().sort((a, b) => a - b),
    );
  });

  describe('refuses before anything is written', () => {
    const refusal = async (run: Promise<unknown>, code: string, message: RegExp): Promise<void> => {
      await assert.rejects(run, (error: Error & { code?: string }) => {
        assert.equal(error.name, 'CompressionError');
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      });
      assert.deepEqual(existsSync(target), false);
    };

    it('a type safetensors has no name for', () =>
      refusal(
        saveCheckpointWith(memoryCheckpoint([...all, madeTensor('z', 'C128', [2])]), new Map(), { target, note }),
        'unsupported',
        /tensor z is of type C128.*safetensors cannot hold/,
      ));

    it('a factor whose name is taken', () =>
      refusal(
        saveCheckpointWith(
          memoryCheckpoint([...all, madeTensor('b.0.weight', 'F32', [1])]),
          new Map([['b.weight', factors]]),
          { target, note },
        ),
        'name-collision',
        /two tensors would be called b\.0\.weight/,
      ));

    it('a tensor called __metadata__, or by half a surrogate pair', async () => {
      for (const name of ['__metadata__', 'x\ud83d']) {
        await refusal(
          saveCheckpointWith(memoryCheckpoint([madeTensor(name, 'U8', [1])]), new Map(), { target, note }),
          'unsupported',
          /cannot hold a tensor of the name/,
        );
      }
    });

    it('a checkpoint of which parts cannot be read', () =>
      refusal(
        saveCheckpointWith(
          memoryCheckpoint(all, {
            problems: [{ code: 'missing-shard', message: 'model-00002.safetensors is missing' }],
            path: 'model.index.json',
          }),
          new Map(),
          { target, note },
        ),
        'incomplete-source',
        /model\.index\.json: this checkpoint is not whole.*model-00002.*repair it first/,
      ));

    it('but not one that also holds things which are no tensors', async () => {
      const problems = [
        { code: 'unsupported', message: '"args" is an argparse.Namespace, which is not shown' },
        { code: 'unsafe-pickle', message: 'refers to os.system; it was not run' },
      ];
      await saveCheckpointWith(memoryCheckpoint(all, { problems }), new Map(), { target, note });
      assert.equal(parseSafetensors(target).tensors.size, all.length);
    });

    it('a replacement for a tensor that is not there', () =>
      refusal(
        saveCheckpointWith(memoryCheckpoint(all), new Map([['nowhere', factors]]), { target, note }),
        'unknown-layer',
        /layer nowhere/,
      ));
  });

  it('can be asked beforehand whether a save would be refused', async () => {
    await assertSavable(memoryCheckpoint(all), { target });
    assert.equal(existsSync(target), false);
    writeFileSync(target, 'old');
    await assert.rejects(assertSavable(memoryCheckpoint(all), { target }), { code: 'target-exists' });
    await assertSavable(memoryCheckpoint(all), { target, overwrite: true });
    const own = memoryCheckpoint(all, { files: [target] });
    await assert.rejects(assertSavable(own, { target, overwrite: true }), { code: 'target-is-source' });
    const complex = memoryCheckpoint([madeTensor('z', 'C128', [2])]);
    await assert.rejects(assertSavable(complex, { target, overwrite: true }), { code: 'unsupported' });
    const broken = memoryCheckpoint(all, { problems: [{ code: 'truncated', message: 'cut', tensor: 'x' }] });
    await assert.rejects(assertSavable(broken, { target, overwrite: true }), { code: 'incomplete-source' });
    assert.equal(readFileSync(target, 'utf8'), 'old');
  });

  it('a source that gives too few bytes is an error, and no file', async () => {
    const checkpoint = memoryCheckpoint(all);
    const short = { ...checkpoint, read: () => Promise.resolve(new Uint8Array(1)) };
    await assert.rejects(saveCheckpointWith(short, new Map(), { target, note }), { code: 'verification' });
    assert.equal(existsSync(target), false);
  });

  it('an error of the source comes through as it is', async () => {
    writeFileSync(target, 'old');
    const broken = { ...memoryCheckpoint(all), read: () => Promise.reject(new Error('the cable is out')) };
    await assert.rejects(saveCheckpointWith(broken, new Map(), { target, note, overwrite: true }), /the cable is out/);
    assert.equal(readFileSync(target, 'utf8'), 'old');
  });

  it('a header is at most as long as readers accept', () => {
    const long = madeTensor('x', 'U8', [1]);
    assert.throws(() => layOut([long], { huge: 'x'.repeat(100_000_000) }), { code: 'unsupported' });
  });
});
