import { z } from 'zod';
import { parseQuantity, unitValue } from '../objects/quantity.ts';
import { parseDuration } from './duration.ts';

/* Kinds of values in configuration files. All are optional, and null counts as not given, as Go decodes it. */

const optional = <T extends z.ZodType>(type: T): z.ZodOptional<z.ZodNullable<T>> => type.nullable().optional();

export const string = optional(z.string());
export const boolean = optional(z.boolean());
export const integer = optional(z.int());
/** An integer of 0 or more. */
export const count = optional(z.int().min(0));
export const number = optional(z.number());
export const strings = optional(z.array(z.string()));
export const stringMap = optional(z.record(z.string(), z.string()));
export const booleanMap = optional(z.record(z.string(), z.boolean()));

export const oneOf = <const T extends readonly [string, ...string[]]>(
  values: T,
): z.ZodOptional<z.ZodNullable<z.ZodEnum<{ [K in T[number]]: K }>>> => optional(z.enum(values));

const anyDuration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: `must be a duration such as 20s or 1m30s, not ${JSON.stringify(text)}` });
  return z.NEVER;
});

/** A Go duration, as milliseconds. */
export const duration = optional(anyDuration.refine((ms) => ms >= 0, { error: 'must not be negative', abort: true }));

/** A Go duration of which a negative one means something. */
export const signedDuration = optional(anyDuration);

/** A resource quantity, as whole units: bytes. */
export const quantity = optional(
  z.union([z.string(), z.number()]).transform((value, context) => {
    const parsed = parseQuantity(value);
    if (parsed !== undefined && parsed >= 0n) return unitValue(parsed);
    context.addIssue({ code: 'custom', message: `must be a quantity such as 10Mi, not ${JSON.stringify(value)}` });
    return z.NEVER;
  }),
);

/** An object whose fields are known; others are errors. */
export const object = <T extends z.ZodRawShape>(
  shape: T,
): z.ZodOptional<z.ZodNullable<z.ZodObject<T, z.core.$strict>>> => optional(z.strictObject(shape));

/** Known to the kubelet or kube-proxy, and not acted on yet: any value is taken. */
export const ignored = z.unknown().optional();
