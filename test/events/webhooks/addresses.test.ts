import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDestinations } from '../../../src/events/webhooks/destination.ts'
import { runs, seed } from '../../support/random.ts'

const problemOf = (url: string, addresses: readonly string[] = []): Promise<string | null> =>
  createDestinations({ allowPrivate: false, resolve: async () => addresses }).problemOf(url)

/** First and last address of what is not public, written down a second time. */
const notPublic = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '255.255.255.255'],
].map(([first = '', last = '']) => [numberOf(first), numberOf(last)] as const)

function numberOf(dotted: string): number {
  return dotted.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function isPublic(address: number): boolean {
  return !notPublic.some(([first, last]) => first <= address && address <= last)
}

const bytesOf = (address: number): number[] => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256)
const hex = (number: number): string => number.toString(16)
const groupsOf = (address: number): string => `${hex(Math.floor(address / 65_536))}:${hex(address % 65_536)}`

/** Spellings of one address, all of which lead to it. */
const spellings: Readonly<Record<string, (address: number) => string>> = {
  dotted: (address) => bytesOf(address).join('.'),
  'with a dot at the end': (address) => `${bytesOf(address).join('.')}.`,
  'one number': String,
  'one hexadecimal number': (address) => `0x${hex(address)}`,
  'octal parts': (address) =>
    bytesOf(address)
      .map((byte) => `0${byte.toString(8)}`)
      .join('.'),
  'two parts': (address) => `0x${hex(bytesOf(address)[0]!)}.${address % 2 ** 24}`,
  'full-width digits': (address) =>
    bytesOf(address)
      .join('.')
      .replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  'percent-encoded': (address) => bytesOf(address).join('%2e'),
  mapped: (address) => `[::ffff:${bytesOf(address).join('.')}]`,
  'mapped, in groups': (address) => `[0:0:0:0:0:FFFF:${groupsOf(address)}]`,
  translated: (address) => `[64:ff9b::${groupsOf(address)}]`,
}

const edges = notPublic.flatMap(([first, last]) => [first - 1, first, last, last + 1]).filter((one) => one >= 0 && one < 2 ** 32)
const addresses = fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 0, max: 2 ** 32 - 1 }))

describe('the address of a webhook', () => {
  it.each(Object.entries(spellings))('is public or not, %s', async (_name, spell) => {
    await fc.assert(
      fc.asyncProperty(addresses, async (address) => {
        const problem = await problemOf(`https://${spell(address)}/hooks`)
        expect([bytesOf(address).join('.'), problem === null]).toEqual([bytesOf(address).join('.'), isPublic(address)])
      }),
      { seed, numRuns: runs(150) },
    )
  })

  it.each([
    ['[::]'],
    ['[::1]'],
    ['[::7f00:1]'],
    ['[::8.8.8.8]'],
    ['[fe80::1]'],
    ['[febf::1]'],
    ['[fec0::1]'],
    ['[fc00::1]'],
    ['[fdff:ffff::1]'],
    ['[ff02::1]'],
    ['[100::1]'],
    ['[64:ff9b:1::808:808]'],
    ['[2001::1]'],
    ['[2001:10::1]'],
    ['[2001:db8::1]'],
    ['[2002:808:808::1]'],
    ['[3fff::1]'],
    ['[3fff:fff:ffff::1]'],
    ['[5f00::1]'],
    ['[4000::1]'],
    ['[1fff::1]'],
  ])('%s is not public', async (host) => {
    expect(await problemOf(`https://${host}/`)).toMatch(/is not an address of the public internet$/)
    expect(await problemOf('https://shop.example/', ['8.8.8.8', host.slice(1, -1)])).toMatch(
      /"shop.example" is not an address of the public/,
    )
  })

  it.each([['[2606:4700::1111]'], ['[2a00:1450:4001::200e]'], ['[2001:4860:4860::8888]'], ['[3fff:1000::1]']])(
    '%s is public',
    async (host) => {
      expect(await problemOf(`https://${host}/`)).toBeNull()
      expect(await problemOf('https://shop.example/', ['8.8.8.8', host.slice(1, -1)])).toBeNull()
    },
  )

  it.each([['fe80::1%eth0'], ['2606:4700::1111%1'], ['localhost'], ['']])('%j is no address that a name may lead to', async (address) => {
    expect(await problemOf('https://shop.example/', [address])).toMatch(/not an address of the public internet/)
  })

  it.each([
    ['http://127.0.0.1/', 'is not an address of the public internet'],
    ['ftp://8.8.8.8/', 'must begin with https://'],
    ['javascript:alert(1)', 'must begin with https://'],
    ['https://user@8.8.8.8/', 'must have no user name'],
    ['https://:word@8.8.8.8/', 'must have no user name'],
    ['8.8.8.8', 'must be a URL'],
    ['', 'must be a URL'],
    ['https://', 'must be a URL'],
    ['https://a b/', 'must be a URL'],
    ['https://shop.example/\n', 'must be a URL'],
    ['https://999.1.1.1/', 'must be a URL'],
    [`https://shop.example/${'x'.repeat(2_028)}`, 'must be a URL of at most 2048 characters'],
  ])('%j is refused with what would be right', async (url, message) => {
    expect(await problemOf(url, ['8.8.8.8'])).toContain(message)
  })

  it('knows the names of this machine, without anybody who resolves for it', async () => {
    const { problemOf: problemHere } = createDestinations({ allowPrivate: false })
    expect(await problemHere('http://localhost:3000/')).toBe('"localhost" is not an address of the public internet')
  })

  it('takes a name that cannot be resolved now, because every connection asks again', async () => {
    const unknown = createDestinations({ allowPrivate: false, resolve: () => Promise.reject(new Error('ENOTFOUND')) })
    expect(await unknown.problemOf('https://shop.example/hooks')).toBeNull()
  })

  it('may be any, and plain http, where that is allowed', async () => {
    const { problemOf: problem } = createDestinations({ allowPrivate: true })
    expect(await Promise.all(['http://127.0.0.1:1/', 'https://[::1]/', 'http://orders:8080/x'].map(problem))).toEqual([null, null, null])
    expect(await problem('ftp://127.0.0.1/')).toBe('must begin with https:// or http://')
  })
})
