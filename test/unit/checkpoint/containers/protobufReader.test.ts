import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { FileReader } from '../../../../extension/checkpoint/files/fileReader';
import { type Field, ProtobufReader, WIRE } from '../../../../extension/checkpoint/containers/protobufReader';
import { bytesField, concat, float32, float64, varint, varintField } from '../../../harness/checkpoints/onnxWriter';

describe('protobuf reader', () => {
  let folder: string;
  let count = 0;
  const open: FileReader[] = [];

  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-protobuf-'));
  });
  afterEach(async () => {
    for (const file of open.splice(0)) await file.close();
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function reader(bytes: Uint8Array): Promise<ProtobufReader> {
    const file = path.join(folder, `${count++}.pb`);
    writeFileSync(file, bytes);
    const opened = await FileReader.open(file);
    open.push(opened);
    return new ProtobufReader(opened);
  }

  async function fields(bytes: Uint8Array): Promise<Field[]> {
    const cursor = await reader(bytes);
    const found: Field[] = [];
    await cursor.walk({ start: 0, end: cursor.size }, (field) => {
      found.push(field);
    });
    return found;
  }

  it('gives each field its number, wire type, value and place', async () => {
    const bytes = concat(
      varintField(1, 300),
      bytesField(2, 'ab'),
      varint(3 * 8 + 5),
      float32(1),
      varint(16 * 8 + 1),
      float64(1),
    );
    assert.deepEqual(await fields(bytes), [
      { offset: 0, number: 1, wire: WIRE.varint, start: 1, end: 3, low: 300, high: 0 },
      { offset: 3, number: 2, wire: WIRE.bytes, start: 5, end: 7, low: 0, high: 0 },
      { offset: 7, number: 3, wire: WIRE.fixed32, start: 8, end: 12, low: 0, high: 0 },
      { offset: 12, number: 16, wire: WIRE.fixed64, start: 14, end: 22, low: 0, high: 0 },
    ]);
  });

  it('reads every 64-bit varint as its two halves', async () => {
    const values = fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(values, async (numbers) => {
        const found = await fields(concat(...numbers.map((value) => varintField(1, value))));
        assert.deepEqual(
          found.map(({ low, high }) => (BigInt(high) << 32n) + BigInt(low)),
          numbers,
        );
        await Promise.all(open.splice(0).map((file) => file.close()));
      }),
      { numRuns: 50, seed: 2 },
    );
  });

  it('finds fields before, across and after the edges of its window', async () => {
    const sizes = [1, 65_500, 3, 40, 70_000, 65_536, 200_000, 2];
    const bytes = concat(...sizes.map((size, index) => bytesField(index + 1, new Uint8Array(size).fill(index))));
    const cursor = await reader(bytes);
    const found: [number, number, string][] = [];
    await cursor.walk({ start: 0, end: cursor.size }, async (field) => {
      const text = await cursor.text(field, 300_000);
      found.push([field.number, field.end - field.start, text.at(-1)!]);
    });
    assert.deepEqual(
      found,
      sizes.map((size, index) => [index + 1, size, String.fromCharCode(index)]),
    );
  });

  it('goes back to the field that it descended into', async () => {
    const inner = concat(varintField(1, 5), varintField(1, 6));
    const cursor = await reader(concat(bytesField(2, inner), bytesField(2, inner)));
    const seen: number[] = [];
    await cursor.walk({ start: 0, end: cursor.size }, async (outer) => {
      await cursor.walk(outer, (field) => {
        seen.push(cursor.unsigned(field));
      });
    });
    assert.deepEqual(seen, [5, 6, 5, 6]);
  });

  it('reads a message whose file was cut short up to the cut', async () => {
    const bytes = concat(varintField(1, 1), varintField(1, 2), bytesField(2, 'long text'));
    const cursor = await reader(bytes.subarray(0, bytes.length - 3));
    const seen: number[] = [];
    await assert.rejects(
      cursor.walk({ start: 0, end: bytes.length }, (field) => {
        seen.push(field.number);
      }),
      { name: 'CheckpointError', code: 'truncated' },
    );
    assert.deepEqual(seen, [1, 1, 2]);
  });
});
