import assert from 'node:assert/strict';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import { readHdf5 } from '../../../../extension/checkpoint/hdf5/hdf5';
import type { ReadableBytes } from '../../../../extension/checkpoint/files/fileBytes';
import { readAttributes } from '../../../../extension/checkpoint/hdf5/hdf5Attributes';
import { Hdf5Bytes } from '../../../../extension/checkpoint/hdf5/hdf5Bytes';
import { unfilter } from '../../../../extension/checkpoint/hdf5/hdf5Filters';
import { MESSAGE } from '../../../../extension/checkpoint/hdf5/hdf5ObjectHeader';
import { hdf5Fixture } from '../../../harness/checkpoints/hdf5Files';
import { innerNodes, TREES, VALUES, WIDTHS, withLoops, withNumber } from '../../../harness/checkpoints/hdf5Damaged';
import { checkedBlocks, placesOf, signed } from '../../../harness/checkpoints/hdf5Signatures';
import { hdf5File } from '../../../harness/checkpoints/hdf5Writer';

/** Tensors are read in bands of as much. */
const MAX_BAND_BYTES = 8 * 1024 * 1024;

/** Of all places and values of a file, about so many are tried. */
const CASES = 100;

/** A file in memory, which is faster than thousands on a disk. */
function sourceOf(bytes: Buffer): ReadableBytes {
  return {
    path: '/made.h5',
    size: bytes.length,
    read: (offset, length) => {
      const end = offset + length;
      if (!(offset >= 0 && end <= bytes.length)) {
        return Promise.reject(new CheckpointError('truncated', `ends before byte ${end}`, { file: '/made.h5' }));
      }
      return Promise.resolve(new Uint8Array(bytes.subarray(offset, end)));
    },
  };
}

/** Names of the tensors that could be read, and codes of what could not; the code alone where nothing was listed. */
async function outcome(bytes: Buffer, about = ''): Promise<{ read: string[]; codes: string[] }> {
  const [read, codes]: [string[], string[]] = [[], []];
  try {
    const { tensors, problems } = await readHdf5(sourceOf(bytes));
    codes.push(...problems.map(({ code }) => code));
    for (const { info, source } of tensors) {
      if (!source) continue;
      const height = info.shape[0] ?? 1;
      const rows = Math.min(height, Math.floor(MAX_BAND_BYTES / Math.max(1, info.byteLength / Math.max(1, height))));
      try {
        const band = await source.readRows({ start: height - rows, end: height });
        assert.equal(band.length, height === 0 ? 0 : (info.byteLength / height) * rows, info.name);
        read.push(info.name);
      } catch (error) {
        codes.push(codeOf(error, about));
      }
    }
  } catch (error) {
    codes.push(codeOf(error, about));
  }
  return { read, codes };
}

function codeOf(error: unknown, about: string): string {
  if (error instanceof CheckpointError) {
    assert.ok(error.where.file !== undefined, `names no file: ${error.message} (${about})`);
    return error.code;
  }
  throw new Error(`${about}: ${error instanceof Error ? error.stack : String(error)}`);
}

/** Other tensors of the traps begin with 0. */
const BAND_BEGINS: Readonly<Record<string, number>> = { last: 2 };

describe('damaged HDF5', () => {
  for (const name of ['links', 'links, newest format', 'attributes']) {
    it(`${name}: cut anywhere, it is refused or shows what is whole`, async () => {
      const { file } = hdf5Fixture(name);
      const sound = await outcome(file);
      for (let length = 0; length < file.length; length += name === 'links, newest format' ? 7 : 61) {
        const { read, codes } = await outcome(file.subarray(0, length), `cut at ${length}`);
        assert.ok(codes.includes('truncated') || codes.includes('unknown-format'), `${length}: ${codes.join(', ')}`);
        assert.ok(read.length <= sound.read.length);
      }
    });
  }

  it('cut short, says once how long it was and what is cut off', async () => {
    const { file } = hdf5Fixture('links');
    let named = 0;
    for (let length = 200; length < file.length; length += 61) {
      const { problems } = await readHdf5(sourceOf(file.subarray(0, length))).catch(() => ({ problems: [] }));
      if (problems.length === 0) continue;
      const cut = problems.filter(({ code }) => code === 'truncated');
      assert.equal(cut.length, 1, `${length}: ${cut.map(({ message }) => message).join('\n')}`);
      assert.match(cut[0]!.message, /has [\d,]+ bytes, but was written with [\d,]+.*; fetch it again$/);
      if (/: .+ (is|are) cut off/.test(cut[0]!.message)) named++;
    }
    assert.ok(named > 0, 'groups that are cut off are named');
  });

  for (const name of [
    ...['layouts', 'layouts, format of 1.10', 'layouts, newest format', 'types', 'links', 'links, newest format'],
    ...['attributes', 'attributes, newest format', 'trees of many levels'],
  ]) {
    it(`${name}: any field of another value is an error, or leaves the rest readable`, async () => {
      const { file } = hdf5Fixture(name);
      const blocks = checkedBlocks(file);
      const cases = file.length * WIDTHS.length * VALUES.length;
      // No multiple of 2 or 5, so that it comes by each width and value.
      const stride = 10 * Math.ceil(cases / CASES / 10) + 1;
      for (let i = 0; i < cases; i += stride) {
        const [at, width] = [Math.floor(i / (WIDTHS.length * VALUES.length)), WIDTHS[i % WIDTHS.length]!];
        if (at + width > file.length || file[at] === 0) continue;
        const value = VALUES[Math.floor(i / WIDTHS.length) % VALUES.length]!.of(width, at);
        await outcome(withNumber(file, blocks, { at, width, value }), `${width} bytes at ${at} are ${value}`);
      }
    });
  }

  it('little that asks for much is listed, told or refused, and what is beside it is read', async () => {
    const { tensors, problems } = await readHdf5(sourceOf(hdf5Fixture('traps').file));
    const told = problems.map(({ code, tensor }) => [tensor!.replaceAll(/^(deep\/)+/g, ''), code]);
    assert.deepEqual(Object.fromEntries(told), {
      ...{ 'chunks over the edge': 'limit', 'never written': 'limit', 'no chunk written': 'limit', deep: 'limit' },
      ...{ 'large plain chunk': 'limit', sparse: 'limit' },
    });
    assert.deepEqual(Object.fromEntries(tensors.map(({ info }) => [info.name, info.unreadable])), {
      ...{ 'chunk over the edge': undefined, 'largest chunk': undefined, last: undefined },
      'too large a chunk': 'its chunks have 67125248 bytes once unpacked; more than 67108864 are not held',
    });
    for (const { info, source } of tensors) {
      if (!source) continue;
      const band = await source.readRows({ start: 1, end: 2 });
      const [first] = new Float32Array(band.buffer, band.byteOffset);
      assert.deepEqual(
        [band.length, first],
        [info.byteLength / info.shape[0]!, BAND_BEGINS[info.name] ?? 0],
        info.name,
      );
    }
  });

  it('trees that lead back to themselves are errors', async () => {
    const { file } = hdf5Fixture('trees of many levels');
    for (const { type, keyBytes } of TREES) {
      const nodes = innerNodes(file, type);
      assert.ok(nodes.length > 0);
      for (const at of nodes.slice(0, 3)) {
        const { codes } = await outcome(withLoops(file, [at], keyBytes));
        assert.ok(codes.includes('malformed'), `${at}: ${codes.join()}`);
      }
    }
  });

  it('names and texts that point at the same bytes again and again are not made again and again', async () => {
    const long = Buffer.alloc(1 << 20, 'x');
    const names = Array.from({ length: 200 }, (_, i) => i);
    const heap = Buffer.concat([long, Buffer.alloc(1)]);
    assert.deepEqual(await outcome(hdf5File({ heap, names })), { read: [], codes: ['limit'] });
    const attribute = { text: long, count: 200 };
    assert.deepEqual(await outcome(hdf5File({ heap: Buffer.alloc(8), names: [], attribute })), {
      ...{ read: [], codes: ['limit'] },
    });
    // As they are meant.
    const few = { heap: Buffer.from('a\0b\0'), names: [0, 2], attribute: { text: long, count: 2 } };
    const { metadata, problems } = await readHdf5(sourceOf(hdf5File(few)));
    assert.equal(metadata.texts, `${'x'.repeat(65_536)}…`);
    assert.deepEqual(
      problems.map(({ message }) => /"." is/.exec(message)?.[0]),
      ['"a" is', '"b" is'],
    );
  });

  it('values that take no bytes in the file are counted all the same', async () => {
    const type = [0x13, 0, 0, 0, 0, 0, 0, 0];
    const space = [1, 1, 0, 0, 0, 0, 0, 0, ...new Uint8Array(BigUint64Array.of(100_000n).buffer)];
    const messages = Array.from({ length: 300 }, (_, i) => {
      const name = Buffer.from(`${i}\0`.padEnd(8, '\0'));
      const body = Buffer.from([1, 0, 8, 0, type.length, 0, space.length, 0, ...name, ...type, ...space]);
      return { type: MESSAGE.attribute, shared: false, body, offset: 0 };
    });
    const codes: string[] = [];
    const bytes = Hdf5Bytes.of(sourceOf(Buffer.alloc(0)));
    const found = await readAttributes(messages, bytes, ({ code }) => codes.push(code));
    const values = [...found.values()].reduce((sum, value) => sum + value.length, 0);
    assert.ok(values > 0 && values <= 2_000_000, String(values));
    assert.deepEqual([...new Set(codes)], ['limit']);
  });

  it('a hole in a large file is not read as if it were metadata', async () => {
    const hole = new Uint8Array(2 ** 26);
    let read = 0;
    const source: ReadableBytes = {
      path: '/made.h5',
      size: 2 ** 36,
      read: (_offset, length) => {
        read += length;
        return Promise.resolve(hole.subarray(0, length));
      },
    };
    const bytes = Hdf5Bytes.of(source);
    await assert.rejects(bytes.block(0, 2 ** 26 + 1, 'hole'), /its hole has 67108865 bytes; at most 67108864 are read/);
    assert.equal(read, 0);
    for (let blocks = 0; blocks < 16; blocks++) await bytes.block(0, 2 ** 26, 'hole');
    await assert.rejects(bytes.block(0, 2 ** 26, 'hole'), { code: 'limit' });
  });

  it('an attribute of too many values costs the group no dataset', async () => {
    const { file } = hdf5Fixture('attributes');
    const sound = await outcome(file);
    const damaged = Buffer.from(file);
    // Its type and the head of its dataspace come before; the limit is behind.
    const size = file.indexOf('numbers\0') + 40;
    for (const at of [size, size + 8]) damaged.writeBigUInt64LE(100_001n, at);
    assert.deepEqual(await outcome(damaged), { read: sound.read, codes: ['limit'] });
  });

  it('chunks without an index that are not all in the file are an error, whichever rows are read', async () => {
    const { file } = hdf5Fixture('layouts, newest format');
    // The first two of its chunks, of six.
    const chunks = file.indexOf(Buffer.from(Float32Array.of(1, 2, 6, 7, 3, 4, 8, 9).buffer));
    const address = Buffer.from(BigUint64Array.of(BigInt(chunks)).buffer);
    const damaged = Buffer.from(file);
    damaged.writeBigUInt64LE(BigInt(file.length - 32), file.indexOf(address));
    const blocks = checkedBlocks(file);
    const { tensors } = await readHdf5(sourceOf(signed(damaged, blocks, file.indexOf(address))));
    const { source } = tensors.find(({ info }) => info.name === 'allocated early')!;
    for (const rows of [
      { start: 0, end: 2 },
      { start: 2, end: 3 },
    ]) {
      await assert.rejects(source!.readRows(rows), { code: 'truncated' });
    }
  });

  it('a filter for larger elements than a chunk has bytes leaves it as it is, at once', async () => {
    // Going through four billion bytes of none, it would not end in a test's time.
    const stored = Uint8Array.of(1, 2, 3, 4);
    assert.deepEqual(await unfilter(stored, [{ id: 2, parameters: [2 ** 32 - 1] }], 0, 4), stored);
  });

  it('a name that occurs twice is told, and the first one is shown', async () => {
    const { file } = hdf5Fixture('attributes');
    const twice = Buffer.from(file);
    const at = file.indexOf('layer_1\0layer_2\0');
    assert.ok(at > 0);
    twice.write('layer_2', at);
    const { read, codes } = await outcome(twice);
    assert.deepEqual([read.length, codes], [4, ['malformed']]);
  });

  it('a chunk that is not what its checksum or its compression says is corrupt', async () => {
    const damaged = Buffer.from(hdf5Fixture('layouts').file);
    // The beginning of what zlib deflates at h5py's level, and of the first row of `checked`.
    for (const beginning of [Buffer.from([0x78, 0x5e]), Buffer.from(new Float32Array([1, 2, 6, 7]).buffer)]) {
      const places = placesOf(damaged, beginning);
      assert.ok(places.length > 0);
      for (const at of places) damaged[at + 2]! ^= 0x86;
    }
    const { tensors } = await readHdf5(sourceOf(damaged));
    for (const [name, reason] of [
      ['checked', /does not match its checksum/],
      ['deflated', /cannot be decompressed/],
      ['all filters', /does not match its checksum/],
    ] as const) {
      const { info, source } = tensors.find((each) => each.info.name === name)!;
      await assert.rejects(source!.readRows({ start: 0, end: info.shape[0]! }), (error: CheckpointError) => {
        assert.deepEqual([error.code, error.where.file], ['corrupt', '/made.h5']);
        assert.match(error.reason, reason);
        return true;
      });
    }
  });
});
