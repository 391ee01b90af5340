/**
 * Checks that a setting's value is what package.json declares. VS Code marks other values in its editor, and still
 * hands them out.
 */
import { l10n } from '../shared/language/l10n';

/** The parts of a configuration property that this extension uses. */
export interface SettingSchema {
  type: 'boolean' | 'integer' | 'number' | 'string';
  default: unknown;
  minimum?: number;
  maximum?: number;
  enum?: readonly string[];
}

/** @returns why it does not count, in words that follow "must be"; undefined for a good one */
export function mismatch(schema: SettingSchema, value: unknown): string | undefined {
  const { type, minimum = -Infinity, maximum = Infinity } = schema;
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : l10n.t('true or false');
    case 'string':
      if (typeof value === 'string' && (!schema.enum || schema.enum.includes(value))) return undefined;
      return schema.enum ? l10n.t('one of {0}', schema.enum.join(', ')) : l10n.t('text');
    case 'integer':
    case 'number': {
      const isNumber = type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
      if (isNumber && (value as number) >= minimum && (value as number) <= maximum) return undefined;
      return type === 'integer'
        ? l10n.t('a whole number from {0} to {1}', minimum, maximum)
        : l10n.t('a number from {0} to {1}', minimum, maximum);
    }
  }
}
