import { type HostDefaults, initSettings, type InitFlags } from '../../../agent/control-plane/init-settings.ts';
import { type InitFile, parseInitFile } from '../../../agent/control-plane/init-file.ts';
import type { InitSettings } from '../../../agent/control-plane/settings.ts';

export const hostDefaults: HostDefaults = { hostname: 'Node-1', address: '192.0.2.10', environment: {} };

/** Settings as a command line makes them. */
export function settingsOf(flags: InitFlags = {}, file?: string, host: Partial<HostDefaults> = {}): InitSettings {
  const parsed: InitFile | undefined = file === undefined ? undefined : parseInitFile('init.yaml', file);
  return initSettings({ token: 'abcdef.0123456789abcdef', ...flags }, parsed, { ...hostDefaults, ...host });
}
