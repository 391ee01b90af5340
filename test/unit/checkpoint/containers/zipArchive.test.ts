/** Zip archives that are unusual, and such that lie. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import { crc32, tableCrc32 } from '../../../../extension/checkpoint/containers/crc32';
import { FileReader } from '../../../../extension/checkpoint/files/fileReader';
import { OpeningBudget } from '../../../../extension/checkpoint/files/openingBudget';
import { ZipArchive } from '../../../../extension/checkpoint/containers/zipArchive';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { zip, type ZipOptions, type ZipRecord } from '../../../harness/checkpoints/zipWriter';

const LIMIT = 1_000_000;

describe('CRC-32', () => {
  it('is the published check value', () => {
    // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
    assert.equal(tableCrc32(Buffer.from('123456789')), 0xcbf43926);
    assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
  });

  it('runs on from part to part', () => {
    for (const algorithm of [crc32, tableCrc32]) {
      assert.equal(algorithm(Buffer.from('6789'), algorithm(Buffer.from('12345'))), 0xcbf43926);
    }
  });
});

describe('zip archive', () => {
  const folder = temporaryFolder();
  const readers: FileReader[] = [];
  afterEach(() => Promise.all(readers.splice(0).map((reader) => reader.close())));

  async function openBytes(bytes: Buffer): Promise<ZipArchive> {
    const file = path.join(folder, 'made.zip');
    writeFileSync(file, bytes);
    const reader = await FileReader.open(file);
    readers.push(reader);
    return ZipArchive.open(reader);
  }

  it('brings memory for its records: the optimizer of a large model has 200 000 of few bytes', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `optimizer/data/${i}`);
    const file = path.join(folder, 'optimizer.zip');
    writeFileSync(file, zip(names.map((name) => ({ name, bytes: Buffer.alloc(4) }))));
    const reader = await FileReader.open(file);
    readers.push(reader);
    const budget = new OpeningBudget(file);
    const before = budget.left;
    await ZipArchive.open(reader, undefined, budget);
    // What `torch.save` writes of a tensor into the pickle brings less than half of what the tensor takes.
    assert.ok(budget.left - before > 500 * names.length, `${budget.left - before} bytes`);
  });

  const open = (records: readonly ZipRecord[], options?: ZipOptions): Promise<ZipArchive> =>
    openBytes(zip(records, options));

  async function whole(archive: ZipArchive, name: string): Promise<string> {
    return Buffer.from(await archive.readWhole(archive.entries.get(name)!, LIMIT)).toString();
  }

  async function codeOf(reading: Promise<unknown>): Promise<string> {
    try {
      await reading;
    } catch (error) {
      if (error instanceof CheckpointError) return error.code;
      throw error;
    }
    return 'read';
  }

  const hello = { name: 'a/hello', bytes: Buffer.from('hello hello hello hello') };
  const world = { name: 'a/world', bytes: Buffer.from('world') };

  for (const zip64 of [false, true]) {
    it(`reads stored and deflated records${zip64 ? ' with zip64 fields' : ''}`, async () => {
      const archive = await open([hello, { ...world, deflate: true }, { ...hello, name: 'b', padding: 61 }], { zip64 });
      assert.deepEqual([...archive.entries.keys()], ['a/hello', 'a/world', 'b']);
      for (const { name, bytes } of [hello, world]) assert.equal(await whole(archive, name), bytes.toString());
      const range = await archive.readRange(archive.entries.get('b')!, 6, 11);
      assert.equal(Buffer.from(range).toString(), 'hello');
    });
  }

  it('reads names that are not ASCII, and a comment at the end', async () => {
    const archive = await open([{ name: 'modèle/データ', bytes: Buffer.from('x') }], { comment: Buffer.from('bye') });
    assert.equal(await whole(archive, 'modèle/データ'), 'x');
  });

  it('a record that is not what its checksum says is corrupt', async () => {
    const archive = await open([
      { ...hello, crc: 1 },
      { ...world, deflate: true, crc: 1 },
    ]);
    for (const { name } of [hello, world]) assert.equal(await codeOf(whole(archive, name)), 'corrupt');
  });

  it('a deflated record that grows beyond its declared size is not inflated further', async () => {
    const bomb = { name: 'bomb', bytes: Buffer.alloc(50_000_000), deflate: true, size: 1000 };
    assert.equal(await codeOf(whole(await open([bomb]), 'bomb')), 'corrupt');
  });

  it('a declared size over the limit is refused before anything is read', async () => {
    const archive = await open([{ ...hello, deflate: true, size: 2 ** 40 }], { zip64: true });
    assert.equal(await codeOf(whole(archive, 'a/hello')), 'limit');
  });

  it('a record cannot reach beyond the file', async () => {
    const huge = 2 ** 40;
    const archive = await open([hello, { ...world, size: huge, compressedSize: huge }], { zip64: true });
    assert.equal(archive.entries.get('a/world')!.refused?.code, 'truncated');
    assert.equal(await whole(archive, 'a/hello'), hello.bytes.toString());
  });

  it('records that overlap, share a name, or are encrypted are refused, each for its reason; others are read', async () => {
    const good = { name: 'good', bytes: Buffer.from('good') };
    const cases: [string, ZipRecord[], RegExp][] = [
      ['same place', [hello, { ...world, localHeader: 0 }], /overlaps/],
      ['same name', [hello, { ...world, name: 'a/hello' }], /more than once/],
      ['encrypted', [{ ...hello, flags: 1 }], /encrypted/],
      ['unknown method', [{ ...hello, method: 12 }], /method 12/],
      ['two sizes', [{ ...hello, size: 5 }], /two sizes/],
    ];
    for (const [name, records, reason] of cases) {
      const archive = await open([...records, good]);
      assert.match(archive.entries.get('a/hello')!.refused?.reason ?? '', reason, name);
      assert.notEqual(await codeOf(whole(archive, 'a/hello')), 'read');
      assert.equal(await whole(archive, 'good'), 'good');
    }
  });

  it('a local header that is elsewhere or has another name is malformed', async () => {
    assert.equal(await codeOf(whole(await open([{ ...hello, localName: 'a/jello' }]), 'a/hello')), 'malformed');
    assert.equal(await codeOf(whole(await open([{ ...hello, localHeader: 3 }, world]), 'a/hello')), 'malformed');
  });

  it('an end record that promises too much is an error', async () => {
    for (const options of [
      { entryCount: 60_000 },
      { directoryOffset: 7 },
      { directoryOffset: 0xfffffff0 },
      { zip64: true, entryCount: 2 ** 50 },
      { zip64: true, entryCount: 1_000_000 },
      { zip64: true, directoryOffset: 2 ** 52 },
    ]) {
      assert.ok(
        ['malformed', 'truncated', 'limit'].includes(await codeOf(open([hello], options))),
        JSON.stringify(options),
      );
    }
  });

  it('cut anywhere, it is truncated', async () => {
    const bytes = zip([hello, world]);
    for (let length = 0; length < bytes.length; length++) {
      const code = await codeOf(openBytes(bytes.subarray(0, length)));
      assert.equal(code, 'truncated', `${length} of ${bytes.length} bytes`);
    }
  });

  it('any byte changed, it still ends, with what can be read or an error', async () => {
    const bytes = zip([hello, { ...world, deflate: true }], { zip64: true });
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= flip;
        const code = await codeOf(
          openBytes(changed).then((archive) =>
            Promise.all([...archive.entries.keys()].map((name) => whole(archive, name))),
          ),
        );
        assert.ok(['read', 'truncated', 'malformed', 'corrupt', 'limit', 'unsupported'].includes(code), code);
        await Promise.all(readers.splice(0).map((reader) => reader.close()));
      }
    }
  });

  it('stops when it is told to', async () => {
    const file = path.join(folder, 'stopped.zip');
    writeFileSync(file, zip([hello]));
    const reader = await FileReader.open(file);
    readers.push(reader);
    await assert.rejects(ZipArchive.open(reader, AbortSignal.abort()), { name: 'AbortError' });
  });
});
