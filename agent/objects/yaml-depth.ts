import type { CST } from 'yaml';

/**
 * Whether a parsed token tree is nested deeper than `limit` collections. Iterative, and to be asked before the tree is composed
 * into nodes: that is recursive in the library, and where the stack runs out inside a regular expression Node does not throw
 * but dies.
 */
export function nestedDeeperThan(token: CST.Token, limit: number): boolean {
  const pending: { readonly token: CST.Token; readonly depth: number }[] = [{ token, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.depth > limit) return true;
    const depth = next.depth + 1;
    for (const child of children(next.token)) pending.push({ token: child, depth });
  }
  return false;
}

function children(token: CST.Token): readonly CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value];
  if (!('items' in token)) return [];
  return token.items.flatMap((item) => [item.key, item.value].filter((part) => part !== undefined && part !== null));
}
