import assert from 'node:assert/strict';
import { productModel } from '../../../../extension/linalg/products/onnxGraph';

/** A decoded protocol buffer message: values of each field, by number. */
type Message = Map<number, (number | Uint8Array)[]>;

describe('ONNX product graph', () => {
  for (const precision of ['float32', 'float64'] as const) {
    for (const transA of [false, true]) {
      for (const transB of [false, true]) {
        const accumulate = transA !== transB;
        it(`is one Gemm with free sizes: ${precision}, transA ${transA}, transB ${transB}, sum ${accumulate}`, () => {
          const model = decode(productModel({ precision, transA, transB, accumulate }));
          assert.equal(number(model, 1), 8, 'ir_version');
          const opset = child(model, 8);
          assert.equal(text(opset, 1), '', 'domain');
          assert.equal(number(opset, 2), 13, 'version');

          const graph = child(model, 7);
          assert.equal(graph.get(1)?.length, 1, 'one node');
          const node = child(graph, 1);
          assert.deepEqual(texts(node, 1), accumulate ? ['A', 'B', 'C'] : ['A', 'B']);
          assert.deepEqual(texts(node, 2), ['Y']);
          assert.equal(text(node, 4), 'Gemm');
          assert.deepEqual(
            children(node, 5).map((attribute) => [text(attribute, 1), number(attribute, 3), number(attribute, 20)]),
            [
              ['transA', Number(transA), 2],
              ['transB', Number(transB), 2],
            ],
          );

          const element = precision === 'float32' ? 1 : 11;
          const described = [...children(graph, 11), ...children(graph, 12)].map((value) => {
            const tensor = child(child(value, 2), 1);
            const sizes = children(child(tensor, 2), 1).map((size) => text(size, 2));
            return [text(value, 1), number(tensor, 1), ...sizes];
          });
          assert.deepEqual(described, [
            ['A', element, ...(transA ? ['k', 'm'] : ['m', 'k'])],
            ['B', element, ...(transB ? ['n', 'k'] : ['k', 'n'])],
            ...(accumulate ? [['C', element, 'm', 'n']] : []),
            ['Y', element, 'm', 'n'],
          ]);
        });
      }
    }
  }
});

/** Wire types 0 (varint) and 2 (length-delimited), which are all the model uses. */
function decode(bytes: Uint8Array): Message {
  const message: Message = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    assert.ok(wire === 0 || wire === 2, `wire type ${wire}`);
    let value: number | Uint8Array = varint();
    if (wire === 2) {
      assert.ok(at + value <= bytes.length, 'a field ends inside its message');
      value = bytes.subarray(at, (at += value));
    }
    message.set(tag >> 3, [...(message.get(tag >> 3) ?? []), value]);
  }
  return message;
}

function children(message: Message, field: number): Message[] {
  return (message.get(field) ?? []).map((value) => {
    assert.ok(value instanceof Uint8Array);
    return decode(value);
  });
}

function child(message: Message, field: number): Message {
  const found = children(message, field);
  assert.equal(found.length, 1, `field ${field}`);
  return found[0]!;
}

function texts(message: Message, field: number): string[] {
  return (message.get(field) ?? []).map((value) => {
    assert.ok(value instanceof Uint8Array);
    return new TextDecoder().decode(value);
  });
}

function text(message: Message, field: number): string {
  return texts(message, field).join();
}

function number(message: Message, field: number): number {
  const value = message.get(field)?.[0];
  assert.ok(typeof value === 'number');
  return value;
}
