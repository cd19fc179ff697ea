export { podDns, type DnsInput, type DnsProblem, type PodDns } from './dns-plan.ts';
export { ContainerConfigError } from './errors.ts';
export { podHostname, type PodHostname } from './hostname.ts';
export { renderHostsFile, type HostsFileInput } from './hosts-render.ts';
export { identityMounts, writeIdentityFiles, type IdentityFiles } from './identity-files.ts';
export { parseResolvConf, renderResolvConf, type DnsConfig } from './resolv-conf.ts';
export { serviceVariables } from './services.ts';
export { resolveEnvironment, type EnvironmentInput } from './variables.ts';
