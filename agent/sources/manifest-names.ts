/**
 * Names in a manifest directory that are no manifests: what editors and package managers leave there for a moment or for good.
 * The kubelet passes over dotfiles only (pkg/kubelet/config/file.go); the others it would try to run.
 */
const SKIPPED: readonly RegExp[] = [
  /^\./, // hidden; also vim's .NAME.swp and emacs' lock .#NAME
  /~$/, // backups of vim, emacs, nano, gedit
  /^#.*#$/, // emacs auto-save
  /\.sw[opx]$/, // vim swap
  /^4913$/, // vim tries with it whether the directory can be written
  /\.tmp$/, // to be renamed when complete
  /\.dpkg-(new|old|dist|tmp)$/,
  /\.rpm(new|save|orig)$/,
];

/** Whether a file of this name is read as a manifest. */
export function isManifestName(name: string): boolean {
  return !SKIPPED.some((pattern) => pattern.test(name));
}
