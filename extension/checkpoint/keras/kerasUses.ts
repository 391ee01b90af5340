/**
 * What a Keras model's configuration says of its variables: a class is a convolution, an EinsumDense tells by its equation
 * which axes of its kernel are inputs and which outputs. Names say neither where a person has named the layer.
 *
 * @see https://github.com/keras-team/keras/blob/master/keras/src/layers/core/einsum_dense.py
 * @see https://github.com/keras-team/keras/blob/master/keras/src/saving/saving_lib.py (`_save_container_state`)
 */
import type { MatrixAxes } from '../../shared/matrixAxes';
import type { TensorInfo } from '../checkpoint';
import { configLayers, layerName, type ConfigLayer, type GroupAttributes } from './kerasModel';

type Use = Pick<TensorInfo, 'usedAs' | 'matrixAxes'>;

const CONVOLUTION = /^(?:Depthwise|Separable)?Conv(\d)D(?:Transpose)?$/;

const EINSUM = 'EinsumDense';

/** The tensors with what the configuration says they are. */
export function withConfigUses<Tensor extends { readonly info: TensorInfo }>(
  tensors: readonly Tensor[],
  config: string,
  attributes: GroupAttributes,
): Tensor[] {
  const layers = configLayers(config);
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const byPlace = layersByPlace(layers);
  return tensors.map((tensor) => {
    const { name, shape } = tensor.info;
    if (shape.length < 3) return tensor;
    const [group, variables] = groupOf(name);
    const told = layerName(attributes, `${group}/vars`);
    const layer =
      told === undefined
        ? (variables ? byPlace : byName).get(group.slice(group.lastIndexOf('/') + 1))
        : byName.get(told);
    const use = layer && useOf(layer, shape);
    return use ? { ...tensor, info: { ...tensor.info, ...use } } : tensor;
  });
}

/** The layer's group: `layers/dense` of `layers/dense/vars/0` (Keras 3), `dense` of `dense/dense/kernel:0` before. */
function groupOf(name: string): [group: string, variables: boolean] {
  const at = name.lastIndexOf('/vars/');
  return at >= 0 ? [name.slice(0, at), true] : [name.slice(0, Math.max(0, name.lastIndexOf('/'))), false];
}

/** By what Keras 3 calls a layer's group: its class, and a number from the second on. */
function layersByPlace(layers: readonly ConfigLayer[]): Map<string, ConfigLayer> {
  const counts = new Map<string, number>();
  const found = new Map<string, ConfigLayer>();
  for (const layer of layers) {
    const name = snakeCase(layer.className);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    found.set(count === 0 ? name : `${name}_${count}`, layer);
  }
  return found;
}

/** Keras's own rule: `Conv1D` is `conv1d`, `EinsumDense` `einsum_dense`. */
function snakeCase(className: string): string {
  return className
    .slice(0, 100)
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function useOf({ className, equation }: ConfigLayer, shape: readonly number[]): Use | undefined {
  const spatial = CONVOLUTION.exec(className)?.[1];
  if (spatial !== undefined) return shape.length === Number(spatial) + 2 ? { usedAs: 'kernel' } : undefined;
  const matrixAxes = className === EINSUM && equation !== undefined ? einsumAxes(equation, shape.length) : undefined;
  return matrixAxes && { matrixAxes };
}

/** Axes of the kernel of `input,kernel->output`; undefined where they make no matrix, or are not as many as its letters. */
export function einsumAxes(equation: string, axes: number): MatrixAxes | undefined {
  const [, input, kernel, output] =
    /^([a-z.]{0,60}),([a-z]{1,60})->([a-z.]{0,60})$/i.exec(equation.replace(/\s/g, '')) ?? [];
  if (input === undefined || kernel!.length !== axes) return undefined;
  const where = (inInput: boolean, inOutput: boolean): number[] =>
    Array.from(kernel!).flatMap((letter, axis) =>
      input.includes(letter) === inInput && output!.includes(letter) === inOutput ? [axis] : [],
    );
  const [stack, rows, cols] = [where(true, true), where(true, false), where(false, true)];
  return rows.length > 0 && cols.length > 0 && stack.length + rows.length + cols.length === axes
    ? { stack, rows, cols }
    : undefined;
}
