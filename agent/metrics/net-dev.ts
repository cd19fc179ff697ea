/** Counters of a network device since it was made. */
export interface NetDevice {
  readonly name: string;
  readonly receive: NetCounters;
  readonly transmit: NetCounters;
}

export interface NetCounters {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

/** Devices that carry what others have counted already (cadvisor: `isIgnoredDevice`, container/libcontainer/handler.go). */
const ignored = /^(lo|veth|docker|nerdctl)/;

/** Devices of a network namespace from its `/proc/<pid>/net/dev`, without those that cAdvisor ignores. */
export function parseNetDev(text: string): readonly NetDevice[] {
  return text.split('\n').flatMap((line) => {
    const [, name, rest] = /^\s*([^\s:]+):\s*(.+)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || ignored.test(name)) return [];
    const fields = rest.trim().split(/\s+/).map(Number);
    if (fields.length < 12 || fields.some(Number.isNaN)) return [];
    return [{ name, receive: countersFrom(fields, 0), transmit: countersFrom(fields, 8) }];
  });
}

function countersFrom(fields: readonly number[], offset: number): NetCounters {
  const [bytes = 0, packets = 0, errors = 0, dropped = 0] = fields.slice(offset);
  return { bytes, packets, errors, dropped };
}

/** The device of the default route in `/proc/net/route`; undefined when there is none. */
export function parseDefaultDevice(text: string): string | undefined {
  const rows = text.split('\n').map((line) => line.split('\t'));
  return rows.find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0];
}
