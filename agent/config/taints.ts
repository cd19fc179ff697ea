import { z } from 'zod';
import { labelValue, qualifiedName } from '../objects/names.ts';

/** The parts of `key=value:effect` or `key:effect`, the form of taints in flags (`pkg/util/taints`); whatever they hold. */
export function splitTaint(text: string): { readonly key: string; readonly value?: string; readonly effect?: string } {
  const colon = text.lastIndexOf(':');
  const [pair, effect] = colon === -1 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
  const equals = pair.indexOf('=');
  return {
    key: equals === -1 ? pair : pair.slice(0, equals),
    ...(equals === -1 ? {} : { value: pair.slice(equals + 1) }),
    ...(effect === undefined ? {} : { effect }),
  };
}

const taint = z
  .strictObject({
    key: z.string(),
    value: z.string().optional(),
    effect: z.string().optional(),
    timeAdded: z.string().optional(),
  })
  .transform(({ key, value, effect }, context) => {
    const problem = qualifiedName(key) ?? labelValue(value ?? '');
    const shown = JSON.stringify(`${key}${value === undefined ? '' : `=${value}`}:${effect ?? ''}`);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: `taint ${shown} ${problem}` });
    else if (isEffect(effect)) return { key, ...(value === undefined ? {} : { value }), effect };
    else context.addIssue({ code: 'custom', message: `taint ${shown} must have the effect ${effects.join(', ')}` });
    return z.NEVER;
  });

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;
const isEffect = (text: string | undefined): text is (typeof effects)[number] => effects.some((one) => one === text);

/** Taints of a Node; two of them may not have the same key and effect. */
export const taints = z
  .array(taint)
  .refine((list) => new Set(list.map(({ key, effect }) => `${key}:${effect}`)).size === list.length, {
    error: 'two taints have the same key and effect',
  })
  .nullable()
  .optional();
