/**
 * Weights of Basis Sharing: layers of a group have one basis, and each its own coefficients, which have the name of the
 * weight. y = C·(B·x): `q_proj.weight` is C, and B is `q_basis.weight` beside it, or `q_basis.<layer>.weight` of the model.
 * A file that holds shared tensors once has B under the name of one layer of the group; the configuration has the groups.
 *
 * @see https://github.com/TUDa-HWAI/Basis_Sharing models/llama.py, models/gpt2.py, models/opt.py
 */
import type { TensorInfo } from '../checkpoint';
import { isFloating } from '../elements/dtype';
import { madeInfo, productOf, type MadeWeight } from './madeWeights';

/** Bases of a module, and the name of their groups in the configuration. */
const BASES: Readonly<Record<string, readonly string[]>> = {
  ...{ q_proj: ['q'], k_proj: ['k'], v_proj: ['v'], o_proj: ['o'], out_proj: ['o'] },
  ...{ gate_proj: ['gate'], up_proj: ['up'], down_proj: ['down'], fc1: ['up'], fc2: ['down'] },
  ...{ c_attn: ['attn'], c_fc: ['up'], c_proj: ['o', 'down'] },
};

const BASIS = /(^|\.)(q|k|v|o|gate|up|down|attn)_basis(\.\d+)?\.weight$/;

/** `model.` `layers.3.` `self_attn.` `q_proj` */
const COEFFICIENTS = /^((?:[^.]+\.)*?)((?:layers|h)\.)(\d+)\.((?:[^.]+\.)*)([^.]+)\.weight$/;

export function isBasis(name: string): boolean {
  return name.includes('_basis.') && BASIS.test(name);
}

/** @param config of the model: `q_groups` and its like */
export function sharedBases(
  tensors: readonly TensorInfo[],
  config: Readonly<Record<string, unknown>>,
  refuse: (tensor: string, message: string) => void,
): MadeWeight[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return tensors.flatMap((tensor) => {
    const [, model, blocks, layer, inner, module] = COEFFICIENTS.exec(tensor.name) ?? [];
    if (module === undefined || !Object.hasOwn(BASES, module)) return [];
    const found = BASES[module]!.flatMap((kind) => {
      const members = [layer!, ...groupOf(config[`${kind}_groups`], Number(layer))];
      const names = members.flatMap((member) => [
        `${model!}${blocks!}${member}.${inner!}${kind}_basis.weight`,
        `${model!}${kind}_basis.${member}.weight`,
      ]);
      return names.flatMap((name) => byName.get(name) ?? []).slice(0, 1);
    });
    // `c_proj` of attention has one basis, that of the MLP the other: both lie beside the model's blocks.
    const fitting = found.filter((basis) => fits(tensor, basis));
    const [basis] = fitting;
    if (!basis || fitting.length > 1) {
      const why =
        fitting.length > 1 ? 'more than one basis fits it' : `its basis is [${found[0]?.shape.join(', ') ?? ''}]`;
      if (found.length > 0)
        refuse(tensor.name, `has the shape [${tensor.shape.join(', ')}], but ${why}: their product is not shown`);
      return [];
    }
    const name = `${tensor.name.slice(0, -'weight'.length)}product_weight`;
    if (byName.has(name)) return [];
    const [rank, inputs] = basis.shape as [number, number];
    const info = madeInfo(
      { name, group: tensor.group, shape: [tensor.shape[0]!, inputs], encoding: `shared basis r=${rank}` },
      productOf({ tensor, transposed: false }, { tensor: basis, transposed: false }, rank),
    );
    return [{ info, hidesParts: true }];
  });
}

/** Layers that have one basis with this one. */
function groupOf(groups: unknown, layer: number): string[] {
  if (!Array.isArray(groups)) return [];
  const own = groups.find((group: unknown) => Array.isArray(group) && group.includes(layer)) as unknown[] | undefined;
  return (own ?? []).filter((member) => Number.isSafeInteger(member)).map(String);
}

function fits(coefficients: TensorInfo, basis: TensorInfo): boolean {
  const readable = [coefficients, basis].every(
    ({ dtype, unreadable }) => isFloating(dtype) && unreadable === undefined,
  );
  const { shape } = coefficients;
  return (
    readable &&
    shape.length === 2 &&
    basis.shape.length === 2 &&
    shape[1] === basis.shape[0] &&
    !shape.includes(0) &&
    basis.shape[1]! > 0
  );
}
