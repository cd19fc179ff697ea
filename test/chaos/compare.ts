/** Lines that are wanted and missing, and lines that are there and not wanted. */
export function compare(what: string, wanted: readonly string[], there: readonly string[]): readonly string[] {
  return [
    ...subtract(wanted, there).map((line) => `missing: ${what} ${line}`),
    ...subtract(there, wanted).map((line) => `not wanted: ${what} ${line}`),
  ];
}

/** Of lines that come several times, as many as `others` has are taken away. */
function subtract(lines: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...others];
  return lines.filter((line) => {
    const index = left.indexOf(line);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}
