import type { FieldPath } from '../field-path.ts';
import { forbidden, invalid, required, unsupported, type FieldProblem } from '../field-problem.ts';
import { dns1123Subdomain } from '../names.ts';
import { parseQuantity } from '../quantity.ts';
import { check } from '../validate-metadata.ts';

/* What PersistentVolumes and claims have in common (`ValidatePersistentVolumeSpec`, `ValidatePersistentVolumeClaimSpec`). */

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const ALONE = 'ReadWriteOncePod';

export function validateAccessModes(modes: readonly string[], path: FieldPath): readonly FieldProblem[] {
  if (modes.length === 0) return [required(path, 'at least 1 access mode is required')];
  const unknown = modes.flatMap((mode, index) =>
    ACCESS_MODES.includes(mode) ? [] : [unsupported([...path, index], mode, ACCESS_MODES)],
  );
  const mixed = modes.includes(ALONE) && modes.some((mode) => mode !== ALONE);
  return [...unknown, ...(mixed ? [forbidden(path, `may not use ${ALONE} with other access modes`)] : [])];
}

/** A size that must be there and be more than nothing. */
export function validateSize(value: number | string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (value === undefined) return [required(path)];
  const quantity = parseQuantity(value);
  if (quantity === undefined) return [invalid(path, value, 'must be a quantity, such as 500Mi or 10G')];
  return quantity > 0n ? [] : [invalid(path, value, 'must be greater than zero')];
}

export function validateClassName(name: string | undefined, path: FieldPath): readonly FieldProblem[] {
  return name ? check(name, dns1123Subdomain, path) : [];
}

/** Block devices are not handed to containers: volumes are file systems. */
export function validateVolumeMode(mode: string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (mode === undefined || mode === 'Filesystem') return [];
  if (mode === 'Block') return [notSupported(path)];
  return [unsupported(path, mode, ['Block', 'Filesystem'])];
}

/** A valid field that this node cannot serve. */
export function notSupported(path: FieldPath): FieldProblem {
  return { path, severity: 'error', message: 'not supported' };
}
