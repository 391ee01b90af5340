/** Damage to the structure of JSON: keys taken away, values put where others belong. */
import type { Random } from './random';

export interface StructuralDamage {
  /** What a person or a program could put where something else belongs; parts of the whole are put there, too. */
  readonly values: readonly unknown[];
  /** Keys that may be added. */
  readonly keys: readonly string[];
  /** Of so many changes of an object, one adds or replaces one of `keys`; the others meet a key that is there. */
  readonly foreignOneIn: number;
}

type Container = Record<string, unknown>;

/** One to three changes, in place. */
export function damageStructure(root: unknown, random: Random, damage: StructuralDamage): void {
  for (let count = 1 + random.below(3); count > 0; count--) {
    const all = containers(root);
    const at = random.pick(all);
    const keys = Object.keys(at);
    const known = keys.length > 0 && random.below(damage.foreignOneIn) > 0;
    const key = random.pick(known ? keys : damage.keys);
    if (random.below(4) === 0) Reflect.deleteProperty(at, key);
    else at[key] = structuredClone(random.below(3) > 0 ? random.pick(damage.values) : random.pick(all));
  }
}

function containers(value: unknown): Container[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Container, ...Object.values(value).flatMap(containers)];
}
