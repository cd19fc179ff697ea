/** One of a selector's `matchExpressions`. */
export interface LabelRequirement {
  readonly operator: string;
  readonly values?: readonly string[];
}

/**
 * Whether a label is as a selector requires (apimachinery `pkg/labels/selector.go`, `Requirement.Matches`), by the operators
 * that all selectors have; false for another one.
 *
 * @param label undefined where there is none
 */
export function meetsRequirement({ operator, values = [] }: LabelRequirement, label: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return label === undefined || !values.includes(label);
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
    default:
      return false;
  }
}

export function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly (LabelRequirement & { readonly key: string })[];
}

/** Whether labels are as a selector has it (apimachinery, LabelSelectorAsSelector); an empty one selects everything. */
export function isSelectedBy(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((one) => meetsRequirement(one, labelOf(labels, one.key)))
  );
}
