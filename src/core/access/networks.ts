import { lookup } from 'node:dns';
import { BlockList, connect, isIP, type LookupFunction, type Socket, SocketAddress } from 'node:net';
import type { MachineAccess } from './driver.ts';
import { accessError } from './ssh/failures.ts';

/** Which addresses machines may have. */
export interface MachineNetworks {
  /** Why no connection is made to this IP address, in words that follow it; null when one may be. */
  refusal(address: string): string | null;
}

/**
 * Where no machine is ever: this host as "any", link-local addresses (the metadata of clouds, which holds credentials, is
 * one), and groups. Nothing opens them.
 */
const NEVER = listOf([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  // Metadata over IPv6 of AWS, Google and Oracle, and of Alibaba's and Azure's clouds.
  'fd00:ec2::254',
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
  '100.100.100.200',
  '168.63.129.16',
]);

/** Networks as BERTH_MACHINE_NETWORKS has them: addresses, or networks like 10.0.0.0/8. None: no restriction but NEVER. */
export function machineNetworks(networks: readonly string[]): MachineNetworks {
  const allowed = networks.length === 0 ? null : listOf(networks);
  return {
    refusal(address) {
      const plain = plainAddress(address);
      const inner = innerAddress(plain);
      if (has(NEVER, plain) || (inner !== null && has(NEVER, inner)))
        return 'is an address that no machine is lent from (link-local, multicast or unspecified)';
      if (allowed !== null && !has(allowed, plain)) return 'is in none of the networks of BERTH_MACHINE_NETWORKS';
      return null;
    },
  };
}

/** Why a machine at this host would never be reached: known at once for an IP address, for a name only when it is looked up. */
export function hostRefusal(networks: MachineNetworks, host: string): string | null {
  const words = isIP(host) === 0 ? null : networks.refusal(host);
  return words === null ? null : `${host} ${words}`;
}

/**
 * Begins a TCP connection to the machine. Its name is looked up once, and only addresses that may be reached are ever
 * connected to: what the name stands for a moment later changes nothing. A refusal comes as the socket's error.
 * @throws AccessError `not_allowed` when the host is an IP address that may not be reached.
 */
export function reach(machine: MachineAccess, networks: MachineNetworks): Socket {
  const words = hostRefusal(networks, machine.host);
  if (words !== null) throw accessError('not_allowed', machine, words);
  return connect({ host: machine.host, port: machine.port, lookup: checkedLookup(machine, networks) });
}

function checkedLookup(machine: MachineAccess, networks: MachineNetworks): LookupFunction {
  return (host, options, answer) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return answer(error, []);
      const good = found.filter(({ address }) => networks.refusal(address) === null);
      const [first] = good;
      if (first === undefined) {
        const { address = host } = found[0] ?? {};
        const words = `its address ${address} ${networks.refusal(address) ?? 'is none'}`;
        return answer(accessError('not_allowed', machine, words), []);
      }
      if (options.all) answer(null, good);
      else answer(null, first.address, first.family);
    });
  };
}

/** An IPv4 address that is written as an IPv6 one, in whichever way, is that IPv4 address. */
function plainAddress(address: string): string {
  const bare = address.split('%', 1)[0] as string;
  if (isIP(bare) !== 6) return bare;
  const canonical = new SocketAddress({ address: bare, family: 'ipv6' }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1] ?? canonical;
}

/** The IPv4 address that an IPv6 one leads to through a translator or a tunnel; null for none. */
function innerAddress(plain: string): string | null {
  if (isIP(plain) !== 6) return null;
  const written = /^(?:::|64:ff9b::)(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (written !== undefined) return written;
  const groups = fullGroups(plain);
  const at = embeddedAt(groups);
  if (at === null) return null;
  const [high = 0, low = 0] = groups.slice(at, at + 2);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/**
 * Which of the eight groups an IPv4 address begins at: RFC 6052 and RFC 8215 (NAT64), RFC 3056 (6to4), RFC 2765 (translated),
 * RFC 4291 (compatible); null for none.
 */
function embeddedAt(groups: readonly number[]): number | null {
  const zero = (from: number, to: number): boolean => groups.slice(from, to).every((group) => group === 0);
  if (groups[0] === 0x64 && groups[1] === 0xff9b && (groups[2] === 0 || groups[2] === 1) && zero(3, 6)) return 6;
  if (groups[0] === 0x2002) return 1;
  if (zero(0, 4) && groups[4] === 0xffff && groups[5] === 0) return 6;
  if (zero(0, 6) && (groups[6] ?? 0) !== 0) return 6;
  return null;
}

function fullGroups(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const numbers = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const front = numbers(head);
  const back = tail === undefined ? [] : numbers(tail);
  return [...front, ...Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back];
}

/** @throws Error for what is no address and no network. */
function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const plain = plainAddress(address);
    const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(plain, family);
    // A network of mapped addresses is one of IPv4 addresses.
    else list.addSubnet(plain, Math.max(0, Number(bits) - (isIP(address) === 6 && family === 'ipv4' ? 96 : 0)), family);
  }
  return list;
}

function has(list: BlockList, plain: string): boolean {
  return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}
