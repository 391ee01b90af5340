/** Weights of one block, or of one expert, as the inputs of its graph. */
import type { Linear, LinearRole, Norm, NormRole } from '../families/family';
import { linearInputs, normInputs, type LinearTraits, type NormTraits, type Traits } from '../graphs/parameters';
import type { WeightSource } from '../weights/weightSource';
import type { NamedValues, Values } from './sessions';

export interface LoadedModules {
  readonly traits: Traits;
  readonly feeds: NamedValues;
}

type Modules<R extends string, M> = Readonly<Partial<Record<R, M>>>;

/** @throws as `WeightSource` */
export async function loadModules(
  source: WeightSource,
  linears: Modules<LinearRole, Linear>,
  norms: Modules<NormRole, Norm>,
  sizes: { readonly hidden: number; readonly headSize: number },
  signal?: AbortSignal,
): Promise<LoadedModules> {
  const feeds: Record<string, Values> = {};
  const linearTraits: Partial<Record<LinearRole, LinearTraits>> = {};
  const normTraits: Partial<Record<NormRole, NormTraits>> = {};
  for (const [role, linear] of Object.entries(linears) as [LinearRole, Linear][]) {
    const { matrix, bias } = await source.linear(linear, signal);
    const names = linearInputs(role);
    const { outputs, inputs } = matrix;
    if (matrix.kind === 'dense') {
      feeds[names.weight] = { data: matrix.w, dims: [outputs, inputs] };
    } else {
      feeds[names.left] = { data: matrix.left, dims: [outputs, matrix.rank] };
      feeds[names.right] = { data: matrix.right, dims: [matrix.rank, inputs] };
    }
    if (bias) feeds[names.bias] = { data: bias, dims: [outputs] };
    linearTraits[role] = { pair: matrix.kind === 'pair', bias: bias !== undefined };
  }
  for (const [role, norm] of Object.entries(norms) as [NormRole, Norm][]) {
    const size = role === 'q' || role === 'k' ? sizes.headSize : sizes.hidden;
    const { weight, bias } = await source.norm(norm, size, signal);
    const names = normInputs(role);
    if (weight) feeds[names.weight] = { data: weight, dims: [size] };
    if (bias) feeds[names.bias] = { data: bias, dims: [size] };
    normTraits[role] = { weight: weight !== undefined, bias: bias !== undefined };
  }
  return { traits: { linears: linearTraits, norms: normTraits }, feeds };
}
