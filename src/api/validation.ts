import { Ajv } from 'ajv';
import formats from 'ajv-formats';

type Validator = ReturnType<Ajv['compile']>;

const options = { removeAdditional: false, useDefaults: false, allErrors: false, strict: false } as const;
/** Bodies are JSON and have types of their own: "1" is no number. */
const strict = formats.default(new Ajv(options));
/** Query strings and paths are text: "1" may be a number. */
const lenient = formats.default(new Ajv({ ...options, coerceTypes: true }));

export function compileValidator({ schema, httpPart }: { schema: unknown; httpPart?: string }): Validator {
  return (httpPart === 'body' ? strict : lenient).compile(schema as object);
}
