/**
 * A plan as the text of its file. The same plan always gives the same bytes: keys in one order, a line for each layer so
 * that plans can be compared, numbers as JSON has them whatever the system's language.
 */
import type { CompressionPlan, GroupPlan, LayerPlan } from './plans';
import { OPTION_NAMES, PLAN_KEYS } from './planKeys';

/** Keys of records within a plan, in the order in which they are written. */
const ORDER: readonly string[] = [
  ...['name', 'fingerprint', 'kind', 'value', 'keep', 'why', 'method', 'rank'],
  ...OPTION_NAMES,
];

export function planText(plan: CompressionPlan): string {
  const lines = Object.keys(PLAN_KEYS).flatMap((key) => {
    const value = plan[key as keyof CompressionPlan];
    if (value === undefined) return [];
    const text = key === 'layers' || key === 'groups' ? table(value as Table) : inline(value);
    return [`  ${JSON.stringify(key)}: ${text}`];
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

type Table = Readonly<Record<string, LayerPlan | GroupPlan>>;

function table(rows: Table): string {
  const lines = Object.entries(rows).map(([name, row]) => `    ${JSON.stringify(name)}: ${inline(row)}`);
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
  return `{ ${entries.map(([key, each]) => `${JSON.stringify(key)}: ${inline(each)}`).join(', ')} }`;
}
