import fc, { type Arbitrary } from 'fast-check';

/** Runs are the same each time; FUZZ_SEED and FUZZ_RUNS look elsewhere and for longer. */
export const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_123);
export const runs = (usual: number): number => Number(process.env['FUZZ_RUNS'] ?? usual);

export interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
}

/** What people who mean harm have always sent. */
const HOSTILE = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  'a\r\nX-Injected: 1',
  '\u001b]0;owned\u0007',
  '\u202egnp.exe',
  '\ud800',
  '$(id)',
  '`id`',
  "' OR 1=1 --",
  '"; DROP TABLE users; --',
  '-oProxyCommand=id',
  '../../etc/passwd',
  '{{7*7}}',
  '%s%n%x',
  '__proto__',
  'constructor',
  'toString',
  'x'.repeat(70_000),
  '\u{1f600}'.repeat(300),
  'NaN',
  '1e999',
  '-0',
  '99999999999999999999',
];

export const hostileText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ maxLength: 30 }),
);

/** Anything that JSON can say, and rather what breaks things. */
export const garbage: Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    [],
    {},
    [[]],
    { length: 1e9 },
    { toString: 1 },
    { toJSON: 1 },
  ),
  fc.jsonValue({ maxDepth: 4 }),
  fc.array(hostileText, { maxLength: 40 }),
);

/** Mostly what the schema asks for, so that it comes far; here and there something else. `known` are values that are there. */
export function like(
  schema: Schema,
  known: Readonly<Record<string, readonly unknown[]>>,
  name = '',
): Arbitrary<unknown> {
  const there = known[name];
  const good = there ? fc.oneof(fc.constantFrom(...there), fitting(schema, known)) : fitting(schema, known);
  return fc.oneof({ arbitrary: good, weight: 12 }, { arbitrary: garbage, weight: 1 });
}

function fitting(schema: Schema, known: Readonly<Record<string, readonly unknown[]>>): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch ([schema.type].flat()[0]) {
    case 'object':
      return objectLike(schema, known);
    case 'array':
      return fc.array(like(schema.items ?? {}, known), { maxLength: Math.min(schema.maxItems ?? 5, 5) });
    case 'integer':
    case 'number': {
      const [least, most] = [schema.minimum ?? -1_000, schema.maximum ?? 100_000];
      return fc.oneof(
        fc.integer({ min: least, max: Math.min(most, least + 3) }),
        fc.constantFrom(least, most, least - 1, most + 1, least + 0.5),
      );
    }
    case 'boolean':
      return fc.boolean();
    case 'string':
      return textLike(schema);
    default:
      return garbage;
  }
}

function textLike({ format, pattern, minLength = 0, maxLength = 100 }: Schema): Arbitrary<unknown> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') {
    return fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.constantFrom(
        '9999-12-31T23:59:60Z',
        '0000-01-01T00:00:00Z',
        '2026-02-30T00:00:00Z',
        '+275760-09-13T00:00:00Z',
      ),
    );
  }
  const edges = [minLength, maxLength, maxLength + 1].map((length) => 'a'.repeat(Math.max(0, length)));
  const text = pattern === undefined ? fc.string({ maxLength: 40 }) : fc.stringMatching(new RegExp(pattern));
  return fc.oneof({ arbitrary: text, weight: 4 }, { arbitrary: fc.constantFrom(...edges), weight: 1 });
}

/** Some fields left out, and now and then one too many. */
function objectLike(
  { properties = {} }: Schema,
  known: Readonly<Record<string, readonly unknown[]>>,
): Arbitrary<unknown> {
  const fields = Object.entries(properties).map(([name, schema]) =>
    fc
      .tuple(fc.integer({ min: 0, max: 9 }), like(schema, known, name))
      .map(([dice, value]) => (dice < 7 ? ([[name, value]] as const) : [])),
  );
  const strange = fc
    .tuple(
      fc.integer({ min: 0, max: 19 }),
      fc.constantFrom('__proto__', 'constructor', 'sudo', '', 'x'.repeat(1_000)),
      garbage,
    )
    .map(([dice, name, value]) => (dice === 0 ? ([[name, value]] as const) : []));
  return fc.tuple(strange, ...fields).map((parts) => Object.fromEntries(parts.flat()));
}
