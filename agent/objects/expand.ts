import type { Container, EnvVar } from './types.ts';

/**
 * Replaces `$(NAME)` by the value of NAME, as apimachinery's `third_party/forked/golang/expansion` does: an unknown name stays as
 * it is written, `$$` is a literal `$` (so `$$(NAME)` gives `$(NAME)`), and any other `$` stands for itself.
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (reference, name: string | undefined) =>
    name === undefined ? '$' : (variables.get(name) ?? reference),
  );
}

/** Entry point and environment of a container with all references resolved. */
export interface ExpandedContainer {
  /** Undefined: the image's entry point. */
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  /** `NAME=value`, in order. */
  readonly env: readonly string[];
}

/** Resolves `$(VAR)` in a container's command and args by its environment (kubelet `ExpandContainerCommandAndArgs`). */
export function expandCommand(
  { command, args }: Pick<Container, 'command' | 'args'>,
  environment: ReadonlyMap<string, string>,
): ExpandedContainer {
  const expandAll = (texts: readonly string[] | undefined): readonly string[] | undefined =>
    texts === undefined || texts.length === 0 ? undefined : texts.map((text) => expandVariables(text, environment));
  return {
    command: expandAll(command),
    args: expandAll(args),
    env: [...environment].map(([name, value]) => `${name}=${value}`),
  };
}

/**
 * Resolves `$(VAR)` in a container's command, args and env values. A value sees the variables before it; the last of two
 * with one name wins (kubelet `makeEnvironmentVariables`).
 */
export function expandContainer(container: Pick<Container, 'command' | 'args' | 'env'>): ExpandedContainer {
  return expandCommand(container, literalVariables(container.env));
}

function literalVariables(env: readonly EnvVar[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const { name, value } of env) variables.set(name, expandVariables(value ?? '', variables));
  return variables;
}
