/**
 * The JSON schema of a plan's file, made from the tables that the parser reads. `media/schemas/` holds what it gives, for
 * editors; a test compares the two.
 *
 * @see https://json-schema.org/draft-07
 */
import { methodOptions, type OptionRow } from '../../shared/compression/methodOptions';
import { layerMethods, type LayerMethodRow } from '../../shared/compression/methodTable';
import { ALLOCATIONS } from '../../shared/compression/plans';
import {
  ALLOCATION_DESCRIPTIONS,
  FINGERPRINT,
  GROUP_METHODS,
  MULTIPLES,
  NAMED_KEYS,
  PLAN_KEYS,
  PLAN_VERSION,
  REQUIRED_KEYS,
  TARGET_KINDS,
} from '../../shared/compression/planKeys';

type Schema = Readonly<Record<string, unknown>>;

const SHARE = { type: 'number', minimum: 0, maximum: 1 };

const RANK = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };

export function planSchema(): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Eigenscope compression plan',
    description: 'What each layer of a model becomes.',
    allowComments: false,
    ...record(
      {
        $schema: { type: 'string' },
        version: { const: PLAN_VERSION },
        checkpoint: { $ref: '#/definitions/named' },
        target: record({ kind: choices(TARGET_KINDS), value: SHARE }, ['kind', 'value']),
        allocation: choices(Object.fromEntries(ALLOCATIONS.map((name) => [name, ALLOCATION_DESCRIPTIONS[name]]))),
        relative: { type: 'boolean' },
        method: { $ref: '#/definitions/choice' },
        exclude: { type: 'array', items: { type: 'string', format: 'regex' } },
        multiple: { enum: MULTIPLES },
        statistics: { $ref: '#/definitions/named' },
        layers: { type: 'object', additionalProperties: { $ref: '#/definitions/layer' } },
        groups: { type: 'object', additionalProperties: { $ref: '#/definitions/group' } },
      },
      REQUIRED_KEYS,
      PLAN_KEYS,
    ),
    definitions: {
      named: record(
        { name: { type: 'string' }, fingerprint: { type: 'string', pattern: FINGERPRINT.source } },
        ['name', 'fingerprint'],
        NAMED_KEYS,
      ),
      layer: {
        type: 'object',
        if: { required: ['keep'] },
        then: record({ keep: { const: 'dense' }, why: { type: 'string' } }, ['keep', 'why'], {
          keep: 'The layer stays as it is.',
          why: 'The reason, for people.',
        }),
        else: {
          allOf: [{ $ref: '#/definitions/choice' }, ...ranked().map(({ name }) => when(name, { required: ['rank'] }))],
        },
      },
      choice: {
        type: 'object',
        required: ['method'],
        properties: { method: choices(Object.fromEntries(layerMethods.map((row) => [row.name, row.description]))) },
        allOf: layerMethods.map((row) => when(row.name, ownProperties(row))),
      },
      group: record({ method: choices(GROUP_METHODS), rank: RANK }, ['method', 'rank'], {
        rank: 'Intermediate channels, or dimensions of a head, that stay.',
      }),
    },
  };
}

/** As the file has it. */
export function planSchemaText(): string {
  return `${JSON.stringify(planSchema(), null, 2)}\n`;
}

function ranked(): LayerMethodRow[] {
  return layerMethods.filter(({ rank }) => rank !== undefined);
}

/** What a choice of this method may have. */
function ownProperties({ rank, options, label }: LayerMethodRow): Schema {
  const rows = methodOptions.filter(({ name }) => options.includes(name));
  return {
    properties: {
      method: {},
      ...(rank !== undefined && { rank: { ...RANK, description: `${label}: the ${rank} that stays.` } }),
      ...Object.fromEntries(rows.map((row) => [row.name, { ...valueOf(row), description: described(row) }])),
    },
    additionalProperties: false,
  };
}

function described({ description, default: standard }: OptionRow): string {
  return `${description} ${String(standard)} unless given.`;
}

function valueOf(row: OptionRow): Schema {
  switch (row.kind) {
    case 'integer':
      return { type: 'integer', minimum: row.least, maximum: row.most };
    case 'share':
      return SHARE;
    case 'choice':
      return { enum: row.choices };
  }
}

function when(method: string, then: Schema): Schema {
  return { if: { required: ['method'], properties: { method: { const: method } } }, then };
}

/** One of some texts, each with its description for the list of completions. */
function choices(described: Readonly<Record<string, string>>): Schema {
  return { enum: Object.keys(described), enumDescriptions: Object.values(described) };
}

/** An object with these keys and no others. */
function record(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  descriptions: Readonly<Record<string, string>> = {},
): Schema {
  const entries = Object.entries(properties).map(([key, value]) => {
    const description = descriptions[key];
    return [key, { ...value, ...(description !== undefined && { description }) }];
  });
  return { type: 'object', properties: Object.fromEntries(entries) as Schema, required, additionalProperties: false };
}
