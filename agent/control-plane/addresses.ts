import { formatIp, parseCidr } from '../../cni/index.ts';

/** The address of the Service `kubernetes`. */
export const firstServiceAddress = (serviceSubnet: string): string => addressAt(serviceSubnet, 1);

/** The address of cluster DNS, as kubeadm chooses it. */
export const dnsAddress = (serviceSubnet: string): string => addressAt(serviceSubnet, 10);

/** The nth address of the first range, which is that of the cluster's first family. */
function addressAt(ranges: string, index: number): string {
  const [first = ''] = ranges.split(',');
  const range = parseCidr(first);
  if (range === undefined || range.first + BigInt(index) >= range.last) {
    throw new RangeError(`${first} has no ${index} addresses`);
  }
  return formatIp({ family: range.family, value: range.first + BigInt(index) });
}
