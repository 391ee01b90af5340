/** An assistant's input, held to its schema in package.json: models also send what the schema does not allow. */
import { EigenscopeError } from '../api/eigenscopeError';

export interface ToolInput {
  path?: string;
  layer?: string;
  /** Part of a name, or a pattern with `*`. */
  filter?: string;
  sort?: string;
  descending?: boolean;
  limit?: number;
  compute?: boolean;
}

const TYPES: Readonly<Record<keyof ToolInput, 'string' | 'boolean' | 'number'>> = {
  path: 'string',
  layer: 'string',
  filter: 'string',
  sort: 'string',
  descending: 'boolean',
  limit: 'number',
  compute: 'boolean',
};

/** @throws EigenscopeError that names the first key with a value of another type; unknown keys and null are ignored */
export function toolInput(given: unknown): ToolInput {
  const values = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  const known = Object.entries(TYPES).filter(([key]) => values[key] !== undefined && values[key] !== null);
  for (const [key, type] of known) {
    if (typeof values[key] === type) continue;
    throw new EigenscopeError('invalid', `"${key}" must be a ${type}.`);
  }
  return Object.fromEntries(known.map(([key]) => [key, values[key]]));
}
