/** `<namespace>_<name>_<uid>` (kubelet: `BuildPodLogsDirectory`); none of the three may hold an underscore. */
const podDirectory = /^[^_]+_[^_]+_(?<uid>[0-9a-f-]{32,36})$/i;

/** `<pod>_<namespace>_<container>-<id>.log`, the head of which may be cut. */
const collectorLink = /-(?<id>[0-9a-f]{64})\.log$/;

/** Of the names in the directory of pod logs, those of pods that are gone. A name of another form is not ours to remove. */
export function orphanedLogDirectories(names: readonly string[], knownUids: ReadonlySet<string>): readonly string[] {
  return names.filter((name) => {
    const uid = podDirectory.exec(name)?.groups?.['uid'];
    return uid !== undefined && !knownUids.has(uid);
  });
}

/** Of the names in the directory for log collectors, the links of containers that are gone. */
export function orphanedLogLinks(names: readonly string[], containerIds: ReadonlySet<string>): readonly string[] {
  return names.filter((name) => {
    const id = collectorLink.exec(name)?.groups?.['id'];
    return id !== undefined && !containerIds.has(id);
  });
}
