export { podDns, type DnsInput, type DnsProblem } from './dns-plan.ts';
export { ContainerConfigError } from './errors.ts';
export { readEnvFiles } from './file-variables.ts';
export { podHostname, type PodHostname } from './hostname.ts';
export { renderHostsFile, type HostsFileInput } from './hosts-render.ts';
export { identityMounts, writeIdentityFiles } from './identity-files.ts';
export { parseResolvConf, renderResolvConf, type DnsConfig } from './resolv-conf.ts';
export { resolveEnvironment } from './variables.ts';
