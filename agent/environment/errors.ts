/**
 * A container cannot be described to the runtime: what its environment refers to is missing or unfit. The message is
 * the kubelet's, for `status.containerStatuses[].state.waiting` and the event `Failed`; it never holds a value out of
 * a Secret.
 */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError';
  /** `pkg/kubelet/kuberuntime`, ErrCreateContainerConfig. */
  readonly reason = 'CreateContainerConfigError';
}
