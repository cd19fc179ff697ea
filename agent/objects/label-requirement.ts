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
