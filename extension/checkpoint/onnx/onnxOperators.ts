/**
 * Finds the operators of an ONNX graph that use its stored tensors. A name means what the graph it stands in has under
 * it, else what the graphs around that one have.
 */
import type { OperatorCall } from './onnxNode';

/** An operator between an initializer and its use is followed this far: exporters put one or two there, a cycle any. */
const MAX_STEPS = 8;

/**
 * A graph, a function or a subgraph, and what is in it. Its place is put before names that occur twice:
 * `If_0.else_branch` for a subgraph (node name, or operator where it has none, and attribute; nested ones joined by `/`),
 * `function domain.Name`, `training[0].algorithm`.
 */
export class Scope {
  /** Its tensors by their names in it, as places among all that were found. If names are equal, the first counts. */
  readonly tensors = new Map<string, number>();
  /** The calls that are kept, by what they compute. */
  readonly calls = new Map<string, ScopedCall>();

  constructor(
    /** '' for the main graph. */
    readonly place: string,
    /** 0 for the main graph. */
    readonly depth: number,
    private readonly around?: Scope,
  ) {}

  /** The subgraph that `attribute` of the node called `node` holds. */
  below(node: string, attribute: string): Scope {
    const place = `${node}.${attribute}`;
    return new Scope(this.place ? `${this.place}/${place}` : place, this.depth + 1, this);
  }

  /** The stored tensor or the call that a name stands for; undefined for inputs, and for calls that were not kept. */
  find(name: string): number | ScopedCall | undefined {
    return this.tensors.get(name) ?? this.calls.get(name) ?? this.around?.find(name);
  }
}

export interface ScopedCall extends OperatorCall {
  readonly scope: Scope;
}

/** The calls that were kept, and the tensors that they were found among. */
export class Operators<Tensor> {
  constructor(
    /** In file order. */
    readonly calls: readonly ScopedCall[],
    /** By their places; undefined where one was found and cannot be read. */
    private readonly tensors: readonly (Tensor | undefined)[],
  ) {}

  /** The stored tensor that is input `index`, if it is one. */
  tensor(call: ScopedCall, index: number): Tensor | undefined {
    return this.tensorThrough(call, index, IDENTITY);
  }

  /** The stored tensor that reaches input `index` through none but `operators`, as the first input of each. */
  tensorThrough(call: ScopedCall, index: number, operators: ReadonlySet<string>): Tensor | undefined {
    let found = this.input(call, index);
    for (let step = 0; step < MAX_STEPS && typeof found === 'object' && operators.has(found.operator); step++) {
      found = this.input(found, 0);
    }
    return typeof found === 'number' ? this.tensors[found] : undefined;
  }

  /** The call whose output is input `index`, if it was kept. */
  call(call: ScopedCall, index: number): ScopedCall | undefined {
    const found = this.input(call, index);
    return typeof found === 'object' ? found : undefined;
  }

  private input(call: ScopedCall, index: number): number | ScopedCall | undefined {
    const name = call.inputs[index];
    return name ? call.scope.find(name) : undefined;
  }
}

const IDENTITY: ReadonlySet<string> = new Set(['Identity']);
