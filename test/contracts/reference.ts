/** The reference of the wire: commands, queries, events and codes, written from the contracts. */
import { z } from 'zod';
import { AccountCommand, AccountQuery, AccountResult } from '../../contracts/account.ts';
import { AccountEvent, accountEventsInternal } from '../../contracts/account-events.ts';
import { codes } from '../../contracts/codes.ts';
import { ExecutionReport, Fill } from '../../contracts/execution-report.ts';
import { EveryQuery, HistoryRecord } from '../../contracts/history.ts';
import { Asset, IdText } from '../../contracts/ids.ts';
import { Decimal } from '../../contracts/money.ts';
import { RecordAddress } from '../../contracts/reversal.ts';
import { Report, SymbolCommand, SymbolQuery, SymbolResult } from '../../contracts/symbol.ts';
import { internalSymbolEvents, SymbolEvent } from '../../contracts/symbol-events.ts';
import { TransferReport } from '../../contracts/transfer.ts';

interface Reference {
  readonly type: string;
  readonly commands: readonly z.ZodType[];
  readonly results: { readonly [name: string]: z.ZodType };
  readonly queries: {
    readonly [name: string]: { readonly body: z.ZodType; readonly result: z.ZodType };
  };
  readonly events: readonly z.ZodType[];
  readonly internal: readonly string[];
  /** What the codes of its refusals begin with. */
  readonly codes: readonly string[];
}

const actors: readonly Reference[] = [
  {
    type: 'account',
    commands: AccountCommand.options,
    results: AccountResult,
    queries: { ...AccountQuery, ...EveryQuery },
    events: AccountEvent.options,
    internal: accountEventsInternal,
    codes: ['account', 'money', 'transfer', 'hold', 'reversal', 'order', 'symbol'],
  },
  {
    type: 'symbol',
    commands: SymbolCommand.options,
    results: SymbolResult,
    queries: { ...SymbolQuery, ...EveryQuery },
    events: SymbolEvent.options,
    internal: internalSymbolEvents,
    codes: ['symbol', 'order', 'money'],
  },
];

/** Shapes that have a name, so that tables stay readable. */
const shapes: readonly (readonly [string, z.ZodType])[] = [
  ['execution report', ExecutionReport],
  ['execution report without `fills`', ExecutionReport.omit({ fills: true })],
  ['fill', Fill],
  ['report', Report],
  ['transfer report', TransferReport],
  ['history record', HistoryRecord],
];
const words: readonly (readonly [string, z.ZodType])[] = [
  ['decimal', Decimal],
  ['id', IdText],
  ['asset', Asset],
  ['address', RecordAddress],
];

/** All of docs/reference.md. */
export function reference(): string {
  return [
    '# Reference of commands, queries, events and codes',
    '',
    'Generated from `contracts/` (`npx vitest run test/contracts -u`). A field with `?` may be left out.',
    '*decimal*: a decimal string such as `"12.50"`; *id*: 1 to 64 of `A-Z a-z 0-9 _ -`; *asset*: such as',
    '`USD`; *address*: the `at` of a record, `17:3-4711`. What may refuse any request, with what each code',
    'means, is in [codes.md](codes.md).',
    '',
    ...actors.flatMap(ofActor),
    '## Shapes',
    '',
    ...shapes.flatMap(([name, schema]) => [`**${name}**`, '', ...shapeLines(schema), '']),
  ].join('\n');
}

function ofActor({
  type,
  commands,
  results,
  queries,
  events,
  internal,
  codes: families,
}: Reference) {
  const kept = (event: z.ZodType): boolean => internal.includes(literal(event, 'type'));
  const published = events.filter((event) => !kept(event));
  return [
    `## ${type}`,
    '',
    `### Commands: \`millrace.cmd.${type}.<id>.<name>\``,
    '',
    '| name | body | result |',
    '|---|---|---|',
    ...commands.map((command) => {
      const name = literal(command, 'name');
      const result = results[name];
      return row(name, fieldsText(command, 'name'), result ? typeText(jsonOf(result)) : '{}');
    }),
    '',
    `### Queries: \`millrace.get.${type}.<id>.<name>\``,
    '',
    '| name | body | result |',
    '|---|---|---|',
    ...Object.entries(queries).map(([name, { body, result }]) =>
      row(name, fieldsText(body), typeText(jsonOf(result))),
    ),
    '',
    `### Events: \`millrace.evt.${type}.<id>.<event>\``,
    '',
    'Each with `at`, `time` and `version`, too.',
    '',
    '| event | body |',
    '|---|---|',
    ...published.map((event) => row(literal(event, 'type'), publishedText(event))),
    '',
    'In the log and not published:',
    '',
    '| event | body |',
    '|---|---|',
    ...events.filter(kept).map((event) => row(literal(event, 'type'), eventText(event))),
    '',
    '### Codes',
    '',
    'Besides those of every request (`request/…`, `runtime/…`, `history/…`):',
    '',
    ...Object.entries(codes)
      .filter(([code]) => families.includes(code.slice(0, code.indexOf('/'))))
      .map(([code, { status }]) => `- \`${code}\` (${status})`),
    '',
  ];
}

const row = (name: string, ...cells: readonly string[]): string =>
  `| \`${name}\` | ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

/** As much of JSON Schema as contracts need. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly properties?: { readonly [field: string]: JsonSchema };
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

function jsonOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });
  return json as JsonSchema;
}

const known = new Map(
  [...shapes, ...words].map(([name, schema]) => [JSON.stringify(jsonOf(schema)), name]),
);

function literal(schema: z.ZodType, field: string): string {
  return String(jsonOf(schema).properties?.[field]?.const);
}

/** The fields of an object, but for the one that names it. */
const fieldsText = (schema: z.ZodType, but = ''): string => fieldsIn(jsonOf(schema), but);

function fieldsIn({ properties = {}, required = [] }: JsonSchema, but: string): string {
  const fields = Object.entries(properties)
    .filter(([field]) => field !== but)
    .map(([field, type]) => `\`${field}${required.includes(field) ? '' : '?'}\` ${typeText(type)}`);
  return fields.length === 0 ? '{}' : fields.join(', ');
}

/** Published, the `orderType` of the log is called `type`, since the subject names the event. */
const publishedText = (event: z.ZodType): string =>
  eventText(event).replace('`orderType`', '`type`');

/** An order's event is its execution report, whose `type` is called `orderType` in the log. */
function eventText(event: z.ZodType): string {
  const { properties = {}, required = [] } = jsonOf(event);
  if (properties['ordStatus'] === undefined) return fieldsIn({ properties, required }, 'type');
  const report = new Set([...Object.keys(ExecutionReport.shape), 'orderType']);
  const more = Object.fromEntries(
    Object.entries(properties).filter(([field]) => !report.has(field)),
  );
  const rest = fieldsIn({ properties: more, required }, 'type');
  return rest === '{}' ? 'an *execution report*' : `an *execution report*, ${rest}`;
}

function typeText(schema: JsonSchema): string {
  const named = known.get(JSON.stringify(schema));
  if (named !== undefined) return `*${named}*`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.map((one) => typeText(one)).join(' | ');
  const { type, minimum = 0, maximum = Infinity, maxLength } = schema;
  switch (type) {
    case 'integer':
      return maximum < Number.MAX_SAFE_INTEGER ? `integer, ${minimum} to ${maximum}` : type;
    case 'string':
      return maxLength === undefined ? type : `string, at most ${maxLength}`;
    case 'array':
      return schema.prefixItems
        ? `[${schema.prefixItems.map((one) => typeText(one)).join(', ')}]`
        : `[${typeText(schema.items ?? {})}, …]`;
    case 'object':
      return typeof schema.additionalProperties === 'object' && schema.properties === undefined
        ? `{ …: ${typeText(schema.additionalProperties)} }`
        : `{ ${fieldsIn(schema, '')} }`;
    case undefined:
      return 'any JSON';
    default:
      return typeof type === 'string' ? type : type.join(' | ');
  }
}

function shapeLines(schema: z.ZodType): string[] {
  const { properties, required = [], oneOf, anyOf } = jsonOf(schema);
  const either = oneOf ?? anyOf;
  if (either) return either.map((one) => `- ${fieldsIn(one, '')}`);
  return Object.entries(properties ?? {}).map(
    ([field, type]) => `- \`${field}${required.includes(field) ? '' : '?'}\` ${typeText(type)}`,
  );
}
