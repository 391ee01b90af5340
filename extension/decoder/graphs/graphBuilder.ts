/** Builds a graph node by node; every value gets a name of its own. Values are float32. */
import { graphModel, type GraphNode, type GraphValue } from '../../linalg/products/onnxGraph';

export class GraphBuilder {
  private readonly nodes: GraphNode[] = [];
  private readonly inputs: GraphValue[] = [];
  private readonly outputs: GraphValue[] = [];
  private readonly constants: Record<string, { float32: number } | { int64: number[] }> = {};
  private count = 0;

  /** Declares an input. @param sizes names of its axes: the same name is the same size */
  input(name: string, sizes: readonly string[]): string {
    this.inputs.push({ name, type: 'float32', sizes: [...sizes] });
    return name;
  }

  /** @returns the name of the node's output */
  add(operator: string, inputs: readonly string[], attributes?: GraphNode['attributes']): string {
    const output = `v${this.count++}`;
    this.nodes.push({ operator, inputs: [...inputs], output, ...(attributes && { attributes }) });
    return output;
  }

  /** Makes a value an output of the graph, by another name. */
  output(name: string, value: string, sizes: readonly string[]): void {
    this.nodes.push({ operator: 'Identity', inputs: [value], output: name });
    this.outputs.push({ name, type: 'float32', sizes: [...sizes] });
  }

  constant(value: number): string {
    const name = `c${value}`;
    this.constants[name] = { float32: value };
    return name;
  }

  integers(...values: number[]): string {
    const name = `i${values.join()}`;
    this.constants[name] = { int64: values };
    return name;
  }

  scaled(x: string, factor: number): string {
    return factor === 1 ? x : this.add('Mul', [x, this.constant(factor)]);
  }

  /** c·tanh(x / c), or x. */
  capped(x: string, cap: number | undefined): string {
    return cap === undefined ? x : this.scaled(this.add('Tanh', [this.scaled(x, 1 / cap)]), cap);
  }

  /** @param shape 0 keeps an axis, −1 takes what is left */
  reshaped(x: string, ...shape: number[]): string {
    return this.add('Reshape', [x, this.integers(...shape)]);
  }

  turned(x: string, ...perm: number[]): string {
    return this.add('Transpose', [x], { perm });
  }

  /** Elements [start, end) along one axis. */
  part(x: string, axis: number, start: number, end: number): string {
    return this.add('Slice', [x, this.integers(start), this.integers(end), this.integers(axis)]);
  }

  model(name: string): Uint8Array<ArrayBuffer> {
    const { inputs, outputs, constants, nodes } = this;
    return graphModel({ name, inputs, outputs, constants, nodes });
  }
}
