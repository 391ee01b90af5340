/** Writes TensorFlow graphs for tests, field by field: nodes, functions, SavedModels. Field numbers are TensorFlow's. */
import { bytesField, concat, varintField } from './onnxWriter';
import { shapeField, TF } from './tensorBundleWriter';

/** A TensorProto. @param data fields that hold the elements */
export function tensorProto(
  shape: readonly (number | bigint)[],
  data: Uint8Array,
  type: number = TF.FLOAT,
): Uint8Array {
  return concat(varintField(1, type), shapeField(2, shape), data);
}

/** Elements as they lie in memory. */
export function content(bytes: Uint8Array): Uint8Array {
  return bytesField(4, bytes);
}

/** An entry of a node's attributes. @param value an AttrValue */
export function attribute(key: string, value: Uint8Array): Uint8Array {
  return bytesField(5, concat(bytesField(1, key), bytesField(2, value)));
}

export function node(name: string, operator: string, ...fields: readonly Uint8Array[]): Uint8Array {
  return concat(bytesField(1, name), bytesField(2, operator), ...fields);
}

export function constant(name: string, tensor: Uint8Array): Uint8Array {
  const type = attribute('dtype', varintField(6, TF.FLOAT));
  return node(name, 'Const', type, attribute('value', bytesField(8, tensor)));
}

/** A GraphDef. */
export function graphDef(
  nodes: readonly Uint8Array[],
  functions: Readonly<Record<string, readonly Uint8Array[]>> = {},
): Uint8Array {
  const library = Object.entries(functions).map(([name, own]) =>
    bytesField(1, concat(bytesField(1, bytesField(1, name)), ...own.map((each) => bytesField(3, each)))),
  );
  const versions = bytesField(4, varintField(1, 987));
  return concat(
    Buffer.concat(nodes.map((each) => bytesField(1, each))),
    library.length === 0 ? [] : bytesField(2, concat(...library)),
    versions,
  );
}

/** A SavedModel of these graphs. */
export function savedModel(...graphs: readonly Uint8Array[]): Uint8Array {
  const info = bytesField(1, bytesField(4, 'serve'));
  return concat(varintField(1, 1), ...graphs.map((graph) => bytesField(2, concat(info, bytesField(2, graph)))));
}
