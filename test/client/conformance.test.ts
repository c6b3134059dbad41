import { afterAll, describe, expect, it } from 'vitest'
import { conformance } from '../../src/store/conformance/index.ts'
import { stopServing, throughTheClient } from '../support/client-harness.ts'

const wholeSeconds = 'a time to live is in whole seconds outside'
const oneBatch = 'each request is a batch of its own'
const fingerprint = 'the service makes the fingerprint of a request by itself, and here only that differs'

/** Cases that say what nobody can say over HTTP. */
const inexpressible: Readonly<Record<string, string>> = {
  'reserve: keeps metadata as it is, with every kind of key and text': 'the service refuses a property named __proto__',
  'reserve: never sells the last unit twice in one batch (S1, S6)': oneBatch,
  'confirm: comes too late in the batch that finds the reservation due (H1, H5)': oneBatch,
  'extend: never moves expiresAt back (H7)': wholeSeconds,
  'extend: keeps a reservation alive past its first end, and expires it at the new one (H4)': wholeSeconds,
  'expiry: gives every buyer of a batch the due units it needs (H6)': wholeSeconds,
  'an idempotency key: gives two equal requests of one batch one effect and equal answers (I1, I2)': fingerprint,
  'an idempotency key: is remembered for 24 hours, to the millisecond': fingerprint,
  'events: stay the same bytes, whatever happens later (E4)': wholeSeconds,
  'events: begin at the end for whoever asks for none': 'a page has room for at least one event',
  'lists: filter reservations by user, sku and status together': wholeSeconds,
}

/** Groups in which every case does. */
const inexpressibleGroups: Readonly<Record<string, string>> = {
  slots: 'what a reservation occupies is between the service and its store',
  'a batch of unknown outcome, repeated': 'that a batch is repeated is between the engine and its store',
}

const cases = conformance(throughTheClient).map(({ group, title, run }) => ({ group, name: `${group}: ${title}`, run }))
const spared = ({ group, name }: (typeof cases)[number]): boolean => group in inexpressibleGroups || name in inexpressible

describe('a service, asked through the client', () => {
  afterAll(stopServing)

  for (const one of cases) if (!spared(one)) it(one.name, one.run)

  it('is spared only cases that there are', () => {
    const names = new Set(cases.flatMap(({ group, name }) => [group, name]))
    expect(Object.keys({ ...inexpressible, ...inexpressibleGroups }).filter((name) => !names.has(name))).toEqual([])
  })
})
